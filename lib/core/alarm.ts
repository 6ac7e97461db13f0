/** @module One timer for many deadlines: armed for the earliest, set again only when it rings. */
import type { Clock, Timer } from './clock.ts';

/**
 * Rings at or after the earliest time that it was set for. Setting it is cheap while an earlier time is already set, so
 * callers set it for every delivery and hold no timer of their own.
 */
export class Alarm {
  readonly #clock: Clock;
  readonly #ring: () => number | undefined;
  #timer: Timer | undefined;
  #at = Number.POSITIVE_INFINITY;

  /** @param ring Does what is due, and returns when to ring next (Unix ms), or undefined for not until set again. */
  constructor(clock: Clock, ring: () => number | undefined) {
    this.#clock = clock;
    this.#ring = ring;
  }

  /** Rings at `at` (Unix ms) at the latest. */
  set(at: number): void {
    if (at >= this.#at) return;
    this.cancel();
    this.#at = at;
    this.#timer = this.#clock.setTimer(at - this.#clock.now(), () => {
      this.#at = Number.POSITIVE_INFINITY;
      const next = this.#ring();
      if (next !== undefined) this.set(next);
    });
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#at = Number.POSITIVE_INFINITY;
  }
}
