/** @module Asking a store again that had nothing to say: at once if it waited before it said so, else after a pause. */
import { type Clock, pause } from './clock.ts';

/** An answer that took less did not wait. */
const EARLY_MS = 10;
const FIRST_MS = 20;
const MAX_MS = 1_000;
const NEVER = new AbortController().signal;

export class AskAgain {
  readonly #clock: Clock;
  #askedAt = 0;
  #pauseMs = FIRST_MS;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Before each call. */
  asking(): void {
    this.#askedAt = this.#clock.now();
  }

  /** After an answer with something in it. */
  gotSomething(): void {
    this.#pauseMs = FIRST_MS;
  }

  /** After an answer with nothing in it; pauses get longer, up to a second, as long as such answers come early. */
  async gotNothing(signal: AbortSignal = NEVER): Promise<void> {
    if (this.#clock.now() - this.#askedAt >= EARLY_MS) return;
    await pause(this.#clock, this.#pauseMs, signal);
    this.#pauseMs = Math.min(MAX_MS, 2 * this.#pauseMs);
  }
}
