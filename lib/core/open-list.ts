/** @module What is under way, in the order in which it began: cheaper than a Set where most things end soon. */

/** What ends by itself: the list learns it from `isOpen`. */
export interface Closable {
  isOpen: boolean;
}

const SMALL = 64;

/** Ended items are let go of in bulk, so adding and closing cost the same however much is open. */
export class OpenList<T extends Closable> {
  #items: T[] = [];
  #open = 0;

  get size(): number {
    return this.#open;
  }

  add(item: T): void {
    this.#items.push(item);
    this.#open++;
  }

  /** Ends an item; false if it had ended before. */
  close(item: T): boolean {
    if (!item.isOpen) return false;
    item.isOpen = false;
    this.#open--;
    if (this.#open === 0) this.#items = [];
    else if (this.#items.length > SMALL && this.#items.length > 4 * this.#open)
      this.#items = this.#items.filter(({ isOpen }) => isOpen);
    return true;
  }

  /** What is open now; closing while going through is allowed. */
  open(): readonly T[] {
    return this.#items.filter(({ isOpen }) => isOpen);
  }

  /** The oldest that is open. */
  first(): T | undefined {
    return this.#items.find(({ isOpen }) => isOpen);
  }
}
