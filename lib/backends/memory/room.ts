/** @module How much may wait in memory: publishers wait for room, then are told. */
import type { Clock } from '../../core/clock.ts';
import { BackendFullError } from '../../core/errors.ts';

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

  /**
   * Resolves as soon as there is room.
   *
   * @throws BackendFullError after `timeoutMs`.
   */
  async free(): Promise<void> {
    const { timeoutMs } = this.#limits;
    const giveUpAt = this.#clock.now() + timeoutMs;
    while (this.isFull) {
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
