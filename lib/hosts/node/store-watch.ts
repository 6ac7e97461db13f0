/** @module Looking now and then whether the store can be reached, and telling once when it no longer can, and once when it can again. */
import type { Backend } from '../../backends/backend.ts';
import type { Log } from '../../bus/log.ts';
import { type Clock, orAborted, pause, systemClock } from '../../core/clock.ts';
import { firstIdOf } from '../../core/gemstone-id.ts';

export interface StoreWatchOptions {
  readonly backend: Backend;
  readonly namespace: string;
  /** @param awayMs How long it was away; 0 when it is lost. */
  readonly onChange: (state: 'lost' | 'back', awayMs: number) => void;
  /** @default - the system's */
  readonly clock?: Clock;
}

const LOOK_MS = 1_000;
/** A store that gives no answer for so long counts as lost. */
const LATE_MS = 2_000;
/** Calls that began while it was lost may go on to fail for so long. */
const AFTERMATH_MS = 15_000;
const UNREACHABLE = 'BACKEND_UNAVAILABLE';

export class StoreWatch implements Disposable {
  readonly #options: StoreWatchOptions;
  readonly #clock: Clock;
  readonly #stopping = new AbortController();
  #looking: Promise<boolean> | undefined;
  /** It cannot be lost before it was there once. */
  #wasThere = false;
  /** Unix ms since when it is lost. */
  #lostAt: number | undefined;
  #backAt = Number.NEGATIVE_INFINITY;

  constructor(options: StoreWatchOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    void this.#watch();
  }

  /** Whether it can be reached; who asks while another looks gets the same answer. */
  look(): Promise<boolean> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  /** The log without what is only said because the store is lost, which this tells once for all. */
  quiet(log: Log): Log {
    const unlessLost =
      (write: Log['error']): Log['error'] =>
      (text, data) => {
        if (!isUnreachable(data)) write(text, data);
        else void this.look().then((isThere) => isThere && !this.#wasJustLost && write(text, data));
      };
    return { ...log, warn: unlessLost(log.warn), error: unlessLost(log.error) };
  }

  [Symbol.dispose](): void {
    this.#stopping.abort();
  }

  get #wasJustLost(): boolean {
    return this.#clock.now() - this.#backAt < AFTERMATH_MS;
  }

  async #watch(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await this.look();
      await pause(this.#clock, LOOK_MS, signal);
    }
  }

  async #look(): Promise<boolean> {
    const isThere = await this.#answers();
    const now = this.#clock.now();
    this.#wasThere ||= isThere;
    const isAsBefore = isThere === (this.#lostAt === undefined);
    if (isAsBefore || !this.#wasThere || this.#stopping.signal.aborted) return isThere;
    const awayMs = isThere ? now - (this.#lostAt as number) : 0;
    this.#lostAt = isThere ? undefined : now;
    if (isThere) this.#backAt = now;
    this.#options.onChange(isThere ? 'back' : 'lost', awayMs);
    return isThere;
  }

  /** The cheapest question that a store has to be reached for. */
  async #answers(): Promise<boolean> {
    const { backend, namespace } = this.#options;
    const late = new AbortController();
    // What came while this process was busy itself is still looked at.
    const timer = this.#clock.setTimer(LATE_MS, () => setImmediate(() => late.abort()));
    const where = { references: [{ topic: '$topics', id: firstIdOf(0) }] };
    const signal = AbortSignal.any([late.signal, this.#stopping.signal]);
    try {
      await orAborted(backend.read({ namespace, where, order: 'id', limit: 1 }), signal);
      return true;
    } catch {
      return false;
    } finally {
      timer.cancel();
    }
  }
}

function isUnreachable(data: object | undefined): boolean {
  const { error } = (data ?? {}) as { readonly error?: { readonly code?: unknown } };
  return error?.code === UNREACHABLE;
}
