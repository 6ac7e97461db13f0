/** @module Turns for who waits in line: so many per interval, the first first. */
import type { Clock, Timer } from '../../core/clock.ts';

interface Waiter {
  readonly onTurn: () => void;
}

/** At most `max` turns begin within any interval. Who leaves the line takes no turn. */
export class Turns {
  readonly #clock: Clock;
  readonly #max: number;
  readonly #intervalMs: number;
  /** When the last turns began, oldest first; `max` at most. */
  #begun: number[] = [];
  #line: Waiter[] = [];
  #timer: Timer | undefined;

  constructor(clock: Clock, max: number, intervalMs: number) {
    this.#clock = clock;
    this.#max = max;
    this.#intervalMs = intervalMs;
  }

  /** How long who joins the line now will wait, in ms; 0 if there is a turn at once. */
  waitMs(): number {
    return this.#waitMsAt(this.#line.length);
  }

  /** Resolves when it is the caller's turn; rejects with the reason, and leaves the line, when `signal` aborts. */
  take(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason);
    if (this.#line.length === 0 && this.waitMs() === 0) {
      this.#begin();
      return Promise.resolve();
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = () => {
      this.#line = this.#line.filter((other) => other !== waiter);
      if (this.#line.length === 0) this.#sleep();
      reject(signal.reason);
    };
    const waiter = {
      onTurn: () => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      },
    };
    signal.addEventListener('abort', onAbort, { once: true });
    this.#line.push(waiter);
    this.#timer ??= this.#wake();
    return promise;
  }

  #begin(): void {
    this.#begun.push(this.#clock.now());
    if (this.#begun.length > this.#max) this.#begun.shift();
  }

  #waitMsAt(place: number): number {
    const now = this.#clock.now();
    // A clock that was set back would hold everybody for as long; so the last turns count as begun now.
    if ((this.#begun.at(-1) ?? 0) > now) this.#begun = this.#begun.map(() => now);
    const isFull = this.#begun.length === this.#max;
    const reference = isFull ? this.#begun[place % this.#max] : undefined;
    if (reference === undefined) return 0;
    return Math.max(0, reference + this.#intervalMs * (1 + Math.floor(place / this.#max)) - now);
  }

  #sleep(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #wake(): Timer {
    return this.#clock.setTimer(this.#waitMsAt(0), () => {
      this.#timer = undefined;
      while (this.#line.length > 0 && this.#waitMsAt(0) === 0) {
        this.#begin();
        this.#line.shift()?.onTurn();
      }
      if (this.#line.length > 0) this.#timer = this.#wake();
    });
  }
}
