/** @module The deliveries of one subscription: those that wait, those that are delayed, those in a consumer's hands. */
import { Alarm } from '../../core/alarm.ts';
import type { Clock } from '../../core/clock.ts';
import { timeOf } from '../../core/gemstone-id.ts';
import { OpenList } from '../../core/open-list.ts';
import type { DropReason, Lease, LeaseRequest, Subscription } from '../backend.ts';
import type { Batcher } from './batcher.ts';
import { type Delivery, MemoryLease } from './delivery.ts';
import { MinHeap } from './min-heap.ts';
import { PriorityBuckets } from './priority-buckets.ts';

interface Waiter {
  readonly request: LeaseRequest;
  readonly until: number;
  readonly resolve: (leases: readonly Lease[]) => void;
}

const isDueBefore = (one: Delivery, other: Delivery) => one.dueAt < other.dueAt;

/** Hands out deliveries in microtask batches; no timer or closure is made per delivery. */
export class DeliveryQueue {
  /** Undefined while the agent has none. */
  subscription: Subscription | undefined;
  readonly #namespace: string;
  readonly agent: string;
  readonly #clock: Clock;
  readonly #alarm: Alarm;
  readonly #batcher: Batcher;
  #ready = new PriorityBuckets<Delivery>();
  #delayed = new MinHeap<Delivery>(isDueBefore);
  /** Deliveries that ended without their handler. */
  readonly dropped: Partial<Record<DropReason, number>> = {};
  readonly #leased = new OpenList<MemoryLease>();
  readonly #watched = new WeakSet<AbortSignal>();
  #waiters: Waiter[] = [];

  constructor(namespace: string, agent: string, clock: Clock, batcher: Batcher) {
    this.#namespace = namespace;
    this.agent = agent;
    this.#clock = clock;
    this.#batcher = batcher;
    this.#alarm = new Alarm(clock, () => this.#ring());
  }

  get waiting(): number {
    return this.#ready.size + this.#delayed.size;
  }

  /** Unix ms of the oldest message that waits. */
  oldestAt(): number | undefined {
    let oldest: number | undefined;
    for (const { id } of this.#pending()) oldest = Math.min(oldest ?? Number.POSITIVE_INFINITY, timeOf(id));
    return oldest;
  }

  /** Ends the subscription; what waited, or was in a consumer's hands, is given to the caller. */
  empty(): readonly Delivery[] {
    const open = [...this.#pending(), ...this.#leased.open().map(({ delivery }) => delivery)];
    this.subscription = undefined;
    this.#ready = new PriorityBuckets();
    this.#delayed = new MinHeap(isDueBefore);
    for (const lease of this.#leased.open()) this.#leased.close(lease);
    return open;
  }

  /** Queues a delivery that is newer than all before it. */
  add(delivery: Delivery): void {
    this.#ready.push(delivery);
    this.#serveSoon();
  }

  /** Queues a delivery of any age, not before `dueAt` (Unix ms). */
  addAt(delivery: Delivery, dueAt: number): void {
    if (dueAt > this.#clock.now()) {
      delivery.dueAt = dueAt;
      this.#delayed.push(delivery);
      this.#alarm.set(dueAt);
    } else {
      this.#ready.pushLate(delivery);
      this.#serveSoon();
    }
  }

  lease(request: LeaseRequest): Promise<readonly Lease[]> {
    const { signal } = request;
    if (signal?.aborted) return Promise.resolve([]);
    const leases = this.#handOut(request);
    if (leases.length > 0 || request.waitMs <= 0) return Promise.resolve(leases);
    if (signal !== undefined) this.#watch(signal);
    const until = this.#clock.now() + request.waitMs;
    this.#alarm.set(until);
    return new Promise((resolve) => this.#waiters.push({ request, until, resolve }));
  }

  /** Whether the lease still holds. */
  holds(lease: Lease): lease is MemoryLease {
    return (lease as MemoryLease).isOpen;
  }

  /** Takes the delivery out of the consumer's hands; where it goes is the caller's to say. */
  take(lease: MemoryLease): Delivery {
    this.#leased.close(lease);
    return lease.delivery;
  }

  extend(lease: MemoryLease, leaseMs: number): number {
    lease.until = this.#clock.now() + leaseMs;
    this.#alarm.set(lease.until);
    return lease.until;
  }

  /** Ends all waiting; nothing is handed out any more. */
  close(): void {
    this.#alarm.cancel();
    this.#release(() => true);
  }

  /** Everything that is in nobody's hands. */
  *#pending(): Iterable<Delivery> {
    yield* this.#ready.values();
    yield* this.#delayed.values();
  }

  #handOut({ max, leaseMs }: LeaseRequest): MemoryLease[] {
    const leases: MemoryLease[] = [];
    if (this.#ready.size === 0) return leases;
    const now = this.#clock.now();
    for (let delivery = this.#ready.pop(); delivery !== undefined; delivery = this.#ready.pop()) {
      if (delivery.firstAttemptAt === 0) delivery.firstAttemptAt = now;
      const lease = new MemoryLease(this.agent, this.#namespace, now + leaseMs, delivery);
      this.#leased.add(lease);
      leases.push(lease);
      if (leases.length === max) break;
    }
    this.#alarm.set(now + leaseMs);
    return leases;
  }

  #serveSoon(): void {
    if (this.#waiters.length > 0) this.#batcher.arrived(this.#serve);
  }

  readonly #serve = (): void => {
    while (this.#waiters.length > 0 && this.#ready.size > 0) {
      const { request, resolve } = this.#waiters.shift() as Waiter;
      resolve(this.#handOut(request));
    }
  };

  /** Does what is due; the time of what is due next. */
  #ring(): number | undefined {
    const now = this.#clock.now();
    let next = Number.POSITIVE_INFINITY;
    for (let due = this.#delayed.peek(); due !== undefined; due = this.#delayed.peek()) {
      if (due.dueAt > now) {
        next = due.dueAt;
        break;
      }
      this.#delayed.pop();
      this.#ready.pushLate(due);
    }
    for (const lease of this.#leased.open()) {
      if (lease.until > now) next = Math.min(next, lease.until);
      else this.#takeOver(lease);
    }
    this.#serve();
    this.#release(({ until }) => until <= now);
    for (const { until } of this.#waiters) next = Math.min(next, until);
    return next === Number.POSITIVE_INFINITY ? undefined : next;
  }

  #takeOver(lease: MemoryLease): void {
    const delivery = this.take(lease);
    delivery.returned = true;
    this.#ready.pushLate(delivery);
  }

  #watch(signal: AbortSignal): void {
    if (this.#watched.has(signal)) return;
    this.#watched.add(signal);
    signal.addEventListener('abort', () => this.#release(({ request }) => request.signal === signal), { once: true });
  }

  #release(isOver: (waiter: Waiter) => boolean): void {
    const over = this.#waiters.filter(isOver);
    if (over.length === 0) return;
    this.#waiters = this.#waiters.filter((waiter) => !isOver(waiter));
    for (const { resolve } of over) resolve([]);
  }
}
