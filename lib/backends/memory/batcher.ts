/** @module Gathers what arrives within a few microtasks, so that consumers are woken once for many messages. */

/** Microtasks without an arrival after which what has come is served: an awaited publish takes three. */
const QUIET_TICKS = 4;
const MAX_BATCH = 256;
/** Its `then` costs a third of `queueMicrotask`, which Node wraps in an async resource. */
const NOW = Promise.resolve();

export class Batcher {
  readonly #waiting = new Set<() => void>();
  #arrivals = 0;
  #arrivalsSeen = 0;
  #quietTicks = 0;
  #isTicking = false;

  /** Calls `serve` soon, once for all arrivals until then. */
  arrived(serve: () => void): void {
    this.#waiting.add(serve);
    this.#arrivals++;
    if (this.#isTicking) return;
    this.#isTicking = true;
    void NOW.then(this.#tick);
  }

  readonly #tick = (): void => {
    this.#quietTicks = this.#arrivals === this.#arrivalsSeen ? this.#quietTicks + 1 : 0;
    this.#arrivalsSeen = this.#arrivals;
    if (this.#quietTicks < QUIET_TICKS && this.#arrivals < MAX_BATCH) {
      void NOW.then(this.#tick);
      return;
    }
    this.#isTicking = false;
    this.#arrivals = 0;
    this.#arrivalsSeen = 0;
    this.#quietTicks = 0;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const serve of waiting) serve();
  };
}
