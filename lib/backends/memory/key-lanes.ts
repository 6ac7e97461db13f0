/** @module Order by key: of each key only the first delivery may be handed out, and the others wait behind it (D4). */
import { effectiveKey } from '../../core/message.ts';
import type { Delivery } from './delivery.ts';
import { Fifo } from './fifo.ts';

export class KeyLanes {
  /** What waits behind the first of each key that has one. */
  readonly #lanes = new Map<string, Fifo<Delivery>>();
  #waiting = 0;

  get waiting(): number {
    return this.#waiting;
  }

  /** Whether the delivery is the first of its key; if not, it waits behind those before it. */
  enter(delivery: Delivery): boolean {
    const key = keyOf(delivery);
    const lane = this.#lanes.get(key);
    delivery.isHead = lane === undefined;
    if (lane === undefined) this.#lanes.set(key, new Fifo());
    else {
      lane.push(delivery);
      this.#waiting++;
    }
    return delivery.isHead;
  }

  /** Whether some delivery of the same key is first. */
  has(delivery: Delivery): boolean {
    return this.#lanes.has(keyOf(delivery));
  }

  /** The first of a key is done with; the next of that key, which is the first from now on. */
  leave(delivery: Delivery): Delivery | undefined {
    if (!delivery.isHead) return undefined;
    const key = keyOf(delivery);
    const lane = this.#lanes.get(key);
    const next = lane?.peek();
    delivery.isHead = false;
    if (lane === undefined || next === undefined) {
      this.#lanes.delete(key);
      return undefined;
    }
    lane.shift();
    this.#waiting--;
    next.isHead = true;
    return next;
  }

  *values(): Iterable<Delivery> {
    for (const lane of this.#lanes.values()) yield* lane.values();
  }
}

/** Bytes that are no message have no key; nothing waits for them. */
function keyOf({ message, key }: Delivery): string {
  return message === undefined ? `raw/${key.topic}/${key.id}` : `key/${effectiveKey(message)}`;
}
