/** @module How much of what one step of the backend holds an attempt has decided so far. */
import { TooManyOutputsError } from '../core/errors.ts';

export class OutputCount {
  readonly #max: number;
  #counted: number;

  /** @param max As the backend's features say. */
  constructor(max: number, counted = 0) {
    this.#max = max;
    this.#counted = counted;
  }

  /** @throws TooManyOutputsError if it is then too much; nothing is added. */
  add(outputs: number): void {
    const counted = this.#counted + outputs;
    if (counted > this.#max) throw new TooManyOutputsError(counted, this.#max);
    this.#counted = counted;
  }

  copy(): OutputCount {
    return new OutputCount(this.#max, this.#counted);
  }
}
