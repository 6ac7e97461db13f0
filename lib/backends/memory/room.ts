/** @module How much may wait in memory: publishers wait for room, then are told. */
import type { Clock } from '../../core/clock.ts';
import { BackendFullError, BackendUnavailableError } from '../../core/errors.ts';

export interface RoomLimits {
  /** Deliveries not yet settled. */
  readonly messages: number;
  /** Their payloads. */
  readonly bytes: number;
  /** How long a publisher waits for room, in ms. */
  readonly timeoutMs: number;
}

/** Counts what is on its way. Only publishers wait for room; outputs of a settled attempt never do. */
export class Room {
  readonly #limits: RoomLimits;
  readonly #clock: Clock;
  readonly #blocked = new Set<() => void>();
  #messages = 0;
  #bytes = 0;
  #isClosed = false;

  constructor(limits: RoomLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  get isFull(): boolean {
    return this.#messages >= this.#limits.messages || this.#bytes >= this.#limits.bytes;
  }

  take(bytes: number): void {
    this.#messages++;
    this.#bytes += bytes;
  }

  release(bytes: number): void {
    this.#messages--;
    this.#bytes -= bytes;
    this.admitNext();
  }

  /** Lets one publisher on if there is room: after it has stored what it has, the next is looked at. */
  admitNext(): void {
    if (this.#blocked.size === 0 || this.isFull) return;
    const [next] = this.#blocked;
    next?.();
  }

  /** Ends all waiting. */
  close(): void {
    this.#isClosed = true;
    for (const goOn of this.#blocked) goOn();
  }

  /**
   * Resolves as soon as there is room.
   *
   * @throws BackendFullError after `timeoutMs`, BackendUnavailableError when the backend is closed.
   */
  async free(): Promise<void> {
    const { timeoutMs } = this.#limits;
    const giveUpAt = this.#clock.now() + timeoutMs;
    while (this.isFull) {
      if (this.#isClosed)
        throw new BackendUnavailableError('the backend was closed while publish waited for room: open it anew');
      const leftMs = giveUpAt - this.#clock.now();
      if (leftMs <= 0) throw new BackendFullError(this.#messages, this.#bytes, this.#limits);
      await this.#change(leftMs);
    }
  }

  #change(timeoutMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#clock.setTimer(timeoutMs, resolve);
    this.#blocked.add(resolve);
    return promise.finally(() => {
      timer.cancel();
      this.#blocked.delete(resolve);
    });
  }
}
