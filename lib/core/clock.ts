/** @module Time as everything in Guildwire gets it: passed in, so that tests can move it. */

export interface Clock {
  /** Unix time in ms. */
  now(): number;
  /** Runs `callback` once, `delayMs` from now or as soon as possible after it. Keeps the process alive until then. */
  setTimer(delayMs: number, callback: () => void): Timer;
  /** A handler starts to work. A virtual clock does not move while any does. */
  beginWork(): void;
  /** The work has ended, or waits for something that only this clock, a reply or the backend can bring. */
  endWork(): void;
}

export interface Timer {
  cancel(): void;
}

/** The longest that Node's timers can wait. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  setTimer(delayMs, callback) {
    // Not by the time of day: that may be set back meanwhile.
    const started = performance.now();
    const fire = () => {
      const leftMs = started + delayMs - performance.now();
      if (leftMs > 0) timeout = setTimeout(fire, Math.min(leftMs, MAX_TIMER_MS));
      else callback();
    };
    let timeout = setTimeout(fire, Math.min(Math.max(delayMs, 0), MAX_TIMER_MS));
    return { cancel: () => clearTimeout(timeout) };
  },
  beginWork() {},
  endWork() {},
};

/** Resolves after `ms`, or as soon as `signal` aborts. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = clock.setTimer(ms, resolve);
  const onAbort = () => resolve();
  signal.addEventListener('abort', onAbort, { once: true });
  return promise.finally(() => {
    timer.cancel();
    signal.removeEventListener('abort', onAbort);
  });
}

/**
 * What `work` gives; rejects with the reason as soon as `signal` aborts, whatever becomes of the work.
 *
 * @param onAborted Called then, and only then: not for a signal that aborts when the work is done.
 */
export function orAborted<T>(work: PromiseLike<T>, signal: AbortSignal, onAborted?: () => void): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const onAbort = () => {
    reject(signal.reason);
    onAborted?.();
  };
  const over = () => signal.removeEventListener('abort', onAbort);
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  work.then(
    (value) => {
      over();
      resolve(value);
    },
    (error) => {
      over();
      reject(error);
    },
  );
  return promise;
}

/** Resolves after `ms`; rejects with the reason as soon as `signal` aborts. */
export function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.reject(signal.reason);
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = clock.setTimer(ms, resolve);
  return orAborted(promise, signal).finally(() => timer.cancel());
}

/** What `waiting` gives. It waits for something that only the clock, a reply or another handler can bring, so it is no work. */
export async function parked<T>(clock: Clock, waiting: Promise<T>): Promise<T> {
  clock.endWork();
  try {
    return await waiting;
  } finally {
    clock.beginWork();
  }
}

/** What one handler waits for, which may be several things at once: it works again when all of them are there, or at its end. */
export class Parking {
  readonly #clock: Clock;
  #waits = 0;
  #isOver = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What `waiting` gives. */
  async park<T>(waiting: Promise<T>): Promise<T> {
    if (++this.#waits === 1 && !this.#isOver) this.#clock.endWork();
    try {
      return await waiting;
    } finally {
      if (--this.#waits === 0 && !this.#isOver) this.#clock.beginWork();
    }
  }

  /** The handler has ended; what it left behind is no part of its work. */
  end(): void {
    if (this.#waits > 0 && !this.#isOver) this.#clock.beginWork();
    this.#isOver = true;
  }
}
