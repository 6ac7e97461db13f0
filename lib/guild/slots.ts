/** @module How many deliveries one instance handles at once. */

export class Slots {
  readonly #limit: number;
  readonly #waiting = new Set<() => void>();
  #taken = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get free(): number {
    return this.#limit - this.#taken;
  }

  get isIdle(): boolean {
    return this.#taken === 0;
  }

  take(): void {
    this.#taken++;
  }

  release(): void {
    this.#taken--;
    this.wake();
  }

  /** Lets everybody look again who waits for a change. */
  wake(): void {
    if (this.#waiting.size === 0) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const goOn of waiting) goOn();
  }

  /** Resolves when a slot was released, or somebody called `wake`. */
  change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.add(resolve));
  }

  /** Resolves when no slot is taken. */
  async idle(): Promise<void> {
    while (!this.isIdle) await this.change();
  }
}
