/**
 * @module What this process has in hand, and what it has just ended: a standard queue may hand out an entry twice, and an
 * entry may lie in it twice, since the relay repeats what it does not know to be done.
 */
import { type DeliveryName, nameOf } from '../ledger/delivery-rows.ts';
import type { AwsLease } from './aws-lease.ts';

const MAX_REMEMBERED = 10_000;

export class InHand {
  readonly #open = new Map<string, AwsLease>();
  /** About to be taken. */
  readonly #reserved = new Set<string>();
  /** In the order in which they ended. */
  readonly #ended = new Set<string>();

  /** The lease under which this process has the delivery. */
  leaseOf(name: DeliveryName): AwsLease | undefined {
    return this.#open.get(nameOf(name));
  }

  /** Whether this process has ended the delivery for good, not long ago. */
  hasEnded(name: DeliveryName): boolean {
    return this.#ended.has(nameOf(name));
  }

  /** Keeps a delivery for whoever asks first, until `unreserve`; false if somebody has. */
  reserve(name: DeliveryName): boolean {
    const key = nameOf(name);
    if (this.#reserved.has(key)) return false;
    this.#reserved.add(key);
    return true;
  }

  unreserve(name: DeliveryName): void {
    this.#reserved.delete(nameOf(name));
  }

  take(lease: AwsLease): void {
    this.#open.set(nameOf(lease), lease);
    if (this.#open.size <= MAX_REMEMBERED) return;
    // Nobody ever said what became of them.
    for (const [name, each] of this.#open) if (!each.holdsAt(lease.received.receivedAt)) this.#open.delete(name);
  }

  release(lease: AwsLease, hasEnded: boolean): void {
    const name = nameOf(lease);
    if (this.#open.get(name) === lease) this.#open.delete(name);
    if (!hasEnded) return;
    this.#ended.add(name);
    if (this.#ended.size > MAX_REMEMBERED) this.#ended.delete(this.#ended.values().next().value as string);
  }
}
