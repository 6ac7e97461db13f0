/** @module The deliveries of one subscription: those that wait, those that are delayed, those in a consumer's hands. */
import { Alarm } from '../../core/alarm.ts';
import type { Clock } from '../../core/clock.ts';
import { timeOf } from '../../core/gemstone-id.ts';
import { OpenList } from '../../core/open-list.ts';
import type { DropReason, Lease, LeaseRequest, Subscription } from '../backend.ts';
import type { Batcher } from './batcher.ts';
import { type Delivery, MemoryLease } from './delivery.ts';
import { KeyLanes } from './key-lanes.ts';
import { MinHeap } from './min-heap.ts';
import { PriorityBuckets } from './priority-buckets.ts';
import type { Spending } from './spending.ts';

interface Waiter {
  readonly request: LeaseRequest;
  readonly until: number;
  readonly resolve: (leases: readonly Lease[]) => void;
}

const isDueBefore = (one: Delivery, other: Delivery) => one.dueAt < other.dueAt;

/** Hands out deliveries in microtask batches; no timer or closure is made per delivery. */
export class DeliveryQueue {
  #subscription: Subscription | undefined;
  #isPaused = false;
  readonly #namespace: string;
  readonly agent: string;
  readonly #clock: Clock;
  readonly #alarm: Alarm;
  readonly #batcher: Batcher;
  readonly #spending: Spending;
  #ready = new PriorityBuckets<Delivery>();
  #delayed = new MinHeap<Delivery>(isDueBefore);
  /** Undefined without order by key. */
  #lanes: KeyLanes | undefined;
  /** Deliveries that ended without their handler. */
  dropped: Partial<Record<DropReason, number>> = {};
  readonly #leased = new OpenList<MemoryLease>();
  readonly #watched = new WeakSet<AbortSignal>();
  #waiters: Waiter[] = [];

  constructor(namespace: string, agent: string, clock: Clock, batcher: Batcher, spending: Spending) {
    this.#namespace = namespace;
    this.agent = agent;
    this.#clock = clock;
    this.#batcher = batcher;
    this.#spending = spending;
    this.#alarm = new Alarm(clock, () => this.#ring());
  }

  /** Undefined while the agent has none. */
  get subscription(): Subscription | undefined {
    return this.#subscription;
  }

  /** From now on; what waits is put in the order that the subscription asks for. */
  set subscription(subscription: Subscription) {
    const isOrdered = subscription.ordering === 'key';
    this.#subscription = subscription;
    if (isOrdered === (this.#lanes !== undefined)) return;
    const waiting = [...this.#pending()].sort((one, other) => (one.id < other.id ? -1 : 1));
    this.#forgetWaiting();
    this.#lanes = isOrdered ? new KeyLanes() : undefined;
    const leased = this.#leased.open().map(({ delivery }) => delivery);
    for (const delivery of [...waiting, ...leased]) delivery.isHead = false;
    for (const delivery of leased) if (this.#lanes?.has(delivery) === false) this.#lanes.enter(delivery);
    for (const delivery of waiting) this.addAt(delivery, delivery.dueAt);
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  set isPaused(isPaused: boolean) {
    this.#isPaused = isPaused;
    if (!isPaused) this.#serveSoon();
  }

  get waiting(): number {
    return this.#ready.size + this.#delayed.size + (this.#lanes?.waiting ?? 0);
  }

  /** Unix ms of the oldest message that waits. */
  oldestAt(): number | undefined {
    let oldest: number | undefined;
    for (const { id } of this.#pending()) oldest = Math.min(oldest ?? Number.POSITIVE_INFINITY, timeOf(id));
    return oldest;
  }

  /** Ends the subscription; what waited, or was in a consumer's hands, is given to the caller. */
  empty(): readonly Delivery[] {
    const open = [
      ...this.#pending(),
      ...this.#leased
        .open()
        .filter((lease) => !lease.isAcknowledged)
        .map(({ delivery }) => delivery),
    ];
    this.#subscription = undefined;
    this.#isPaused = false;
    this.dropped = {};
    this.#forgetWaiting();
    this.#lanes = undefined;
    for (const lease of this.#leased.open()) this.#leased.close(lease);
    return open;
  }

  /** Queues a delivery that is newer than all before it. */
  add(delivery: Delivery): void {
    if (this.#lanes?.enter(delivery) === false) return;
    this.#ready.push(delivery);
    this.#serveSoon();
  }

  /** Queues a delivery of any age, not before `dueAt` (Unix ms); with order by key it then joins at the end. */
  addAt(delivery: Delivery, dueAt: number): void {
    delivery.dueAt = dueAt;
    if (dueAt > this.#clock.now()) {
      this.#delayed.push(delivery);
      this.#alarm.set(dueAt);
    } else this.#makeReady(delivery);
  }

  /** Takes a delivery back from a consumer, to be handed out again at `dueAt`. It keeps the place of its key. */
  giveBack(lease: MemoryLease, dueAt: number): void {
    this.#leased.close(lease);
    if (lease.isMarked) lease.delivery.marks--;
    lease.delivery.returned = false;
    this.addAt(lease.delivery, dueAt);
  }

  /** Ends a delivery for good; the next of its key may go. */
  finish(lease: MemoryLease): Delivery {
    this.#leased.close(lease);
    this.#freeKey(lease.delivery);
    return lease.delivery;
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

  /** Records that the handler is about to run. */
  start(lease: MemoryLease): void {
    if (lease.returned && !lease.isMarked) {
      lease.isMarked = true;
      lease.delivery.marks++;
    }
    lease.isAcknowledged = this.#subscription?.guarantee === 'at-most-once';
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
    if (this.#lanes !== undefined) yield* this.#lanes.values();
  }

  #forgetWaiting(): void {
    this.#ready = new PriorityBuckets();
    this.#delayed = new MinHeap(isDueBefore);
  }

  /** One that was first of its key before still is; any other joins its key at the end. */
  #makeReady(delivery: Delivery): void {
    if (this.#lanes !== undefined && !delivery.isHead && !this.#lanes.enter(delivery)) return;
    this.#ready.pushLate(delivery);
    this.#serveSoon();
  }

  #freeKey(delivery: Delivery): void {
    const next = this.#lanes?.leave(delivery);
    if (next === undefined) return;
    this.#ready.pushLate(next);
    this.#serveSoon();
  }

  #handOut({ max, leaseMs }: LeaseRequest): MemoryLease[] {
    const leases: MemoryLease[] = [];
    if (this.#ready.size === 0 || this.#isPaused || max < 1) return leases;
    const now = this.#clock.now();
    for (let delivery = this.#ready.pop(); delivery !== undefined; delivery = this.#ready.pop()) {
      if (delivery.firstAttemptAt === 0) delivery.firstAttemptAt = now;
      const lease = new MemoryLease(
        this.agent,
        this.#namespace,
        now + leaseMs,
        delivery,
        this.#spending.of(delivery.message),
      );
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
    while (this.#waiters.length > 0 && this.#ready.size > 0 && !this.#isPaused) {
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
      this.#makeReady(due);
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

  /** The consumer is gone; its delivery goes to another, unless it was acknowledged. */
  #takeOver(lease: MemoryLease): void {
    this.#leased.close(lease);
    if (lease.isAcknowledged) {
      this.#freeKey(lease.delivery);
      return;
    }
    lease.delivery.returned = true;
    this.#makeReady(lease.delivery);
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
