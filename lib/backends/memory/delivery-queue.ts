/** @module The deliveries of one subscription: those that wait, those that are delayed, those in a consumer's hands. */
import { Alarm } from '../../core/alarm.ts';
import type { Clock } from '../../core/clock.ts';
import { timeOf } from '../../core/gemstone-id.ts';
import type { MessageKey } from '../../core/message.ts';
import { OpenList } from '../../core/open-list.ts';
import type { DropReason, Fate, Lease, LeaseRequest, Subscription } from '../backend.ts';
import type { Batcher } from './batcher.ts';
import { type Delivery, MemoryLease } from './delivery.ts';
import type { Fates } from './fates.ts';
import { KeyLanes } from './key-lanes.ts';
import { LeaseWaiters } from './lease-waiters.ts';
import { MinHeap } from './min-heap.ts';
import { PriorityBuckets } from './priority-buckets.ts';

/** An agent's message to itself that was not handed out yet. */
const isTimer = ({ key, firstAttemptAt }: Delivery) => firstAttemptAt === 0 && key.topic.startsWith('$self.');

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
  readonly fates: Fates;
  readonly #onLost: (delivery: Delivery) => void;
  #ready = new PriorityBuckets<Delivery>();
  #delayed = new MinHeap<Delivery>(isDueBefore);
  /** Undefined without order by key. */
  #lanes: KeyLanes | undefined;
  /** Deliveries that ended without their handler. */
  dropped: Partial<Record<DropReason, number>> = {};
  readonly #leased = new OpenList<MemoryLease>();
  readonly #waiters = new LeaseWaiters();

  constructor(
    namespace: string,
    agent: string,
    clock: Clock,
    batcher: Batcher,
    fates: Fates,
    onLost: (delivery: Delivery) => void,
  ) {
    this.#onLost = onLost;
    this.#namespace = namespace;
    this.agent = agent;
    this.#clock = clock;
    this.#batcher = batcher;
    this.fates = fates;
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

  /** Ends the subscription and everything that waited or was in a consumer's hands; the bytes that no longer wait. */
  empty(): number[] {
    const released: number[] = [];
    for (const delivery of this.#pending()) {
      this.#stopTimer(delivery);
      this.#drop(delivery, 'unsubscribed');
      released.push(delivery.bytes);
    }
    for (const { delivery, isAcknowledged } of this.#leased.open()) {
      this.#drop(delivery, 'unsubscribed');
      if (!isAcknowledged) released.push(delivery.bytes);
    }
    this.#subscription = undefined;
    this.#isPaused = false;
    this.dropped = {};
    this.#forgetWaiting();
    this.#lanes = undefined;
    for (const lease of this.#leased.open()) this.#leased.close(lease);
    return released;
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
      if (isTimer(delivery)) this.#startTimer(delivery);
      this.#delayed.push(delivery);
      this.#alarm.set(dueAt);
    } else {
      this.#stopTimer(delivery);
      this.#makeReady(delivery);
    }
  }

  /** Takes a delivery back from a consumer, to be handed out again at `dueAt`. It keeps the place of its key. */
  giveBack(lease: MemoryLease, dueAt: number): void {
    this.#leased.close(lease);
    if (lease.isMarked) lease.delivery.marks--;
    lease.delivery.returned = false;
    this.addAt(lease.delivery, dueAt);
  }

  /** Ends a delivery for good; the next of its key may go. */
  finish(lease: MemoryLease, state: Fate['state']): Delivery {
    const { delivery } = lease;
    this.#leased.close(lease);
    this.#freeKey(delivery);
    const isRun = state === 'handled' || state === 'dead';
    this.fates.record(delivery, state, delivery.faults.length + (isRun ? 1 : 0));
    delivery.thread?.end(state);
    return delivery;
  }

  /** Deliveries of a message that have not ended. */
  openOf(key: MessageKey): readonly Delivery[] {
    return [...this.open()]
      .map(([delivery]) => delivery)
      .filter(({ key: { id, topic } }) => id === key.id && topic === key.topic);
  }

  /** Everything that has not ended, and where it is. */
  *open(): Iterable<readonly [Delivery, 'running' | 'retrying' | 'waiting' | 'delayed' | 'timers']> {
    const now = this.#clock.now();
    for (const { delivery } of this.#leased.open()) yield [delivery, 'running'];
    for (const delivery of this.#pending()) {
      if (delivery.isTimer) yield [delivery, 'timers'];
      else if (delivery.faults.length > 0) yield [delivery, 'retrying'];
      else yield [delivery, delivery.dueAt > now ? 'delayed' : 'waiting'];
    }
  }

  lease(request: LeaseRequest): Promise<readonly Lease[]> {
    const { signal } = request;
    if (signal?.aborted) return Promise.resolve([]);
    const leases = this.#handOut(request);
    if (leases.length > 0 || request.waitMs <= 0) return Promise.resolve(leases);
    const until = this.#clock.now() + request.waitMs;
    this.#alarm.set(until);
    return this.#waiters.add(request, until);
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
    this.#waiters.releaseAll();
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

  readonly #handOut = ({ max, leaseMs }: LeaseRequest): readonly MemoryLease[] => {
    const leases: MemoryLease[] = [];
    if (this.#ready.size === 0 || this.#isPaused || max < 1) return leases;
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
  };

  #serveSoon(): void {
    if (this.#waiters.size > 0) this.#batcher.arrived(this.#serve);
  }

  readonly #serve = (): void => {
    while (this.#waiters.size > 0 && this.#ready.size > 0 && !this.#isPaused) this.#waiters.serve(this.#handOut);
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
      this.#stopTimer(due);
      this.#makeReady(due);
    }
    for (const lease of this.#leased.open()) {
      if (lease.until > now) next = Math.min(next, lease.until);
      else this.#takeOver(lease);
    }
    this.#serve();
    next = Math.min(next, this.#waiters.releaseUntil(now));
    return next === Number.POSITIVE_INFINITY ? undefined : next;
  }

  /** The consumer is gone; its delivery goes to another, unless it was acknowledged. */
  #takeOver(lease: MemoryLease): void {
    if (lease.isAcknowledged) {
      this.#onLost(this.finish(lease, 'dead'));
      return;
    }
    this.#leased.close(lease);
    lease.delivery.returned = true;
    this.#makeReady(lease.delivery);
  }

  #startTimer(delivery: Delivery): void {
    if (delivery.isTimer || delivery.thread === undefined) return;
    delivery.isTimer = true;
    delivery.thread.timers++;
  }

  #stopTimer(delivery: Delivery): void {
    if (!delivery.isTimer || delivery.thread === undefined) return;
    delivery.isTimer = false;
    delivery.thread.timers--;
  }

  #drop(delivery: Delivery, state: Fate['state']): void {
    this.fates.record(delivery, state, delivery.faults.length);
    delivery.thread?.end(state);
  }
}
