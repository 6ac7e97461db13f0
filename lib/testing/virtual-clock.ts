/** @module Time that stands still until a test moves it. */
import { MinHeap } from '../backends/memory/min-heap.ts';
import type { Clock, Timer } from '../core/clock.ts';

interface Pending {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
  isCancelled: boolean;
}

/** 2026-01-01T00:00:00Z */
const START = 1_767_225_600_000;

/**
 * A clock for tests: minutes of retries pass in milliseconds. Time moves only in `advance`, and only while no handler works;
 * one that waits for this clock or for state does not count as working.
 */
export class VirtualClock implements Clock {
  readonly #timers = new MinHeap<Pending>(
    (one, other) => one.at < other.at || (one.at === other.at && one.order < other.order),
  );
  #now = START;
  #timersMade = 0;
  #working = 0;
  readonly #onIdle = new Set<() => void>();

  now(): number {
    return this.#now;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const pending = { at: this.#now + Math.max(0, delayMs), order: this.#timersMade++, callback, isCancelled: false };
    this.#timers.push(pending);
    return {
      cancel: () => {
        pending.isCancelled = true;
      },
    };
  }

  beginWork(): void {
    this.#working++;
  }

  endWork(): void {
    this.#working--;
    if (this.#working > 0) return;
    const waiting = [...this.#onIdle];
    this.#onIdle.clear();
    for (const goOn of waiting) goOn();
  }

  /** Moves time by `ms`, running every timer on the way at its time, and everything that follows from it. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await this.quiet();
    for (let next = this.#timers.peek(); next !== undefined && next.at <= end; next = this.#timers.peek()) {
      this.#timers.pop();
      if (next.isCancelled) continue;
      this.#now = Math.max(this.#now, next.at);
      next.callback();
      await this.quiet();
    }
    this.#now = end;
    await this.quiet();
  }

  /** Sets the time without running anything, as when somebody sets a machine's clock. */
  step(ms: number): void {
    this.#now += ms;
  }

  /** Resolves when no handler works and nothing is left to do at this time. */
  async quiet(): Promise<void> {
    for (let turnsAtRest = 0; turnsAtRest < 2; turnsAtRest++) {
      // A turn of the event loop runs all microtasks, which is where the memory backend and the runtime live.
      await new Promise((resolve) => setImmediate(resolve));
      if (this.#working <= 0) continue;
      await new Promise<void>((resolve) => this.#onIdle.add(resolve));
      turnsAtRest = -1;
    }
  }
}
