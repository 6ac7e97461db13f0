/** @module What waits for one subscription, most urgent first and oldest first within a priority (D5). */
import type { GemstoneId } from '../../core/gemstone-id.ts';
import { priorityOf } from '../../core/gemstone-id.ts';
import { Fifo } from './fifo.ts';
import { MinHeap } from './min-heap.ts';

interface Waiting {
  readonly id: GemstoneId;
}

/**
 * New messages arrive in the order of their ids, so each priority is a plain list and nothing is ever sorted; what comes
 * back, or comes late, is older than the end of its list and goes into a heap beside them.
 */
export class PriorityBuckets<T extends Waiting> {
  readonly #buckets = Array.from({ length: 10 }, () => new Fifo<T>());
  readonly #late = new MinHeap<T>(isBefore);
  /** Bit p is set while bucket p holds something. */
  #filled = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Adds an item whose id is greater than that of every item pushed before. */
  push(item: T): void {
    const priority = priorityOf(item.id);
    (this.#buckets[priority] as Fifo<T>).push(item);
    this.#filled |= 1 << priority;
    this.#size++;
  }

  /** Adds an item of any age. */
  pushLate(item: T): void {
    this.#late.push(item);
    this.#size++;
  }

  /** The most urgent item, the oldest of its priority. */
  pop(): T | undefined {
    const priority = 31 - Math.clz32(this.#filled & -this.#filled);
    const bucket = priority < 0 ? undefined : (this.#buckets[priority] as Fifo<T>);
    const first = bucket?.peek();
    const late = this.#late.peek();
    if (first === undefined && late === undefined) return undefined;
    this.#size--;
    if (bucket === undefined || first === undefined || (late !== undefined && isBefore(late, first)))
      return this.#late.pop();
    bucket.shift();
    if (bucket.peek() === undefined) this.#filled &= ~(1 << priority);
    return first;
  }

  *values(): Iterable<T> {
    for (const bucket of this.#buckets) yield* bucket.values();
    yield* this.#late.values();
  }
}

function isBefore(one: Waiting, other: Waiting): boolean {
  const difference = priorityOf(one.id) - priorityOf(other.id);
  return difference < 0 || (difference === 0 && one.id < other.id);
}
