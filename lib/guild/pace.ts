/** @module Keeps handlers that never wait from holding the process: timers, signals and sockets get their turn. */

const TURN_MS = 10;

/** One for all agents of a process. */
export class Pace {
  #turnedAt: number;

  /** @param now Unix ms. */
  constructor(now: number) {
    this.#turnedAt = now;
  }

  /** Also when the clock stepped back, since then nobody knows how long it has been. */
  isDue(now: number): boolean {
    return now - this.#turnedAt > TURN_MS || now < this.#turnedAt;
  }

  /** Lets everything run that waits for the event loop. */
  async turn(now: number): Promise<void> {
    this.#turnedAt = now;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
