/** @module Time that stands still until a test moves it. */
import { MinHeap } from '../backends/memory/min-heap.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { VirtualTimeError } from './testing-errors.ts';

interface Pending {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
  isCancelled: boolean;
}

/** 2026-01-01T00:00:00Z */
const START = 1_767_225_600_000;
const DAY_MS = 86_400_000;
/** Turns of the event loop without anything at work after which nothing more will happen by itself. */
const QUIET_TURNS = 2;

/**
 * A clock for tests: minutes of retries pass in milliseconds. Time moves only when it is asked to, and only while no handler
 * works; one that waits for this clock or for a reply does not count as working.
 */
export class VirtualClock implements Clock {
  readonly #timers = new MinHeap<Pending>(
    (one, other) => one.at < other.at || (one.at === other.at && one.order < other.order),
  );
  #now = START;
  #timersMade = 0;
  #working = 0;
  readonly #onIdle = new Set<() => void>();
  #moved: Promise<unknown> = Promise.resolve();

  now(): number {
    return this.#now;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const pending = {
      // Not by `Math.max`, which gives NaN for NaN.
      at: this.#now + (delayMs > 0 ? Math.ceil(delayMs) : 0),
      order: this.#timersMade++,
      callback,
      isCancelled: false,
    };
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
    while (await this.#toNext(end));
    this.#now = Math.max(this.#now, end);
    await this.quiet();
  }

  /**
   * Moves time from timer to timer until the promise is settled, and gives what it gives. Any number may do so at once.
   *
   * @param limitMs How much time may pass before it is given up. @default - a day
   * @throws VirtualTimeError when the limit is reached, or no timer is left that could change anything.
   */
  async runUntil<T>(promise: Promise<T>, limitMs = DAY_MS): Promise<T> {
    let isSettled = false;
    const end = this.#now + limitMs;
    const settled = () => {
      isSettled = true;
    };
    promise.then(settled, settled);
    while (await this.#toNext(end, () => isSettled));
    if (!isSettled) throw new VirtualTimeError(this.#timers.size === 0 ? undefined : limitMs);
    return promise;
  }

  /**
   * Moves time by `ms` though handlers work, which `advance` would wait for: for those that hang. Runs the timers on the way,
   * and waits for what follows from them only as long as it needs nothing else.
   */
  async force(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (let next = this.#pop(end); next !== undefined; next = this.#pop(end)) {
      this.#now = Math.max(this.#now, next.at);
      next.callback();
      for (let turns = 0; turns < QUIET_TURNS; turns++) await turn();
    }
    this.#now = Math.max(this.#now, end);
  }

  /** Sets the time without running anything, as when somebody sets a machine's clock. */
  step(ms: number): void {
    this.#now += ms;
  }

  /** Resolves when no handler works and nothing is left to do at this time. */
  async quiet(): Promise<void> {
    for (let turnsAtRest = 0; turnsAtRest < QUIET_TURNS; turnsAtRest++) {
      await turn();
      if (this.#working <= 0) continue;
      await new Promise<void>((resolve) => this.#onIdle.add(resolve));
      turnsAtRest = -1;
    }
  }

  /** Lets happen what can happen now, and then runs the next timer; false if there is none by `end`, or it is over before. */
  #toNext(end: number, isOver: () => boolean = () => false): Promise<boolean> {
    // One after the other, whoever asks: what follows from a timer happens before the next.
    const moved = this.#moved.then(async () => {
      await this.quiet();
      const next = isOver() ? undefined : this.#pop(end);
      if (next === undefined) return false;
      this.#now = Math.max(this.#now, next.at);
      next.callback();
      return true;
    });
    this.#moved = moved.catch(() => {});
    return moved;
  }

  /** The next timer by `end`. */
  #pop(end: number): Pending | undefined {
    for (let next = this.#timers.peek(); next !== undefined && next.at <= end; next = this.#timers.peek()) {
      this.#timers.pop();
      if (!next.isCancelled) return next;
    }
    return undefined;
  }
}

/** A turn of the event loop runs all microtasks, which is where the memory backend and the runtime live. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
