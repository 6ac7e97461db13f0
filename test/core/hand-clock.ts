import type { Clock, Timer } from '../../lib/core/clock.ts';

/** A clock that a test moves. Timers ring when it reaches them, the earliest first. */
export class HandClock implements Clock {
  /** Timers that are set and have neither rung nor been cancelled. */
  readonly armed = new Map<object, { readonly at: number; readonly callback: () => void }>();
  #now: number;

  constructor(now = 0) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const timer = { cancel: () => void this.armed.delete(timer) };
    this.armed.set(timer, { at: this.#now + Math.max(delayMs, 0), callback });
    return timer;
  }

  /** Moves to `at`, and rings what is due on the way. */
  moveTo(at: number): void {
    for (;;) {
      const [first] = [...this.armed].filter(([, timer]) => timer.at <= at).toSorted(([, a], [, b]) => a.at - b.at);
      if (first === undefined) break;
      this.armed.delete(first[0]);
      this.#now = Math.max(this.#now, first[1].at);
      first[1].callback();
    }
    this.#now = at;
  }

  beginWork(): void {}

  endWork(): void {}
}
