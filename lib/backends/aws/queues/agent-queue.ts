/**
 * @module The queues of one agent as a worker fetches from them: polls that all consumers of this process share, so that none
 * brings what nobody waits for, and as many at once as find something.
 */
import type { Timer } from '../../../core/clock.ts';
import type { ManifestAgent } from '../../../environment/guild-manifest.ts';
import type { LeaseRequest } from '../../backend.ts';
import type { AwsQueue } from '../aws-settings.ts';
import type { SqsCalls } from '../calls/sqs-calls.ts';
import type { Settlements } from '../ledger/settlements.ts';
import type { Switches } from '../ledger/switches.ts';
import { type Acks, HOLD_MARGIN_S } from './acks.ts';
import type { AwsLease, LeaseOwner } from './aws-lease.ts';
import { GroupOrder } from './group-order.ts';
import type { Intake } from './intake.ts';
import { fromMessage, type Received } from './received.ts';
import { Waiter } from './waiter.ts';

export interface AgentQueueOptions {
  readonly agent: ManifestAgent;
  readonly queue: AwsQueue;
  readonly sqs: SqsCalls;
  readonly acks: Acks;
  readonly intake: Intake;
  readonly switches: Switches;
  readonly settlements: Settlements;
  /** How long one poll waits, in ms. */
  readonly pollMs: number;
}

/** Messages that one poll brings at most. */
const MAX_BATCH = 10;
/** Polls of one queue at once. */
const MAX_WIDTH = 16;
/** How often a paused agent's switch is looked at. */
const LOOK_MS = 1_000;
/** How long what nobody waits for is kept, for who may ask next, before it goes back. */
const STRAY_MS = 1_000;
/** How long it then stays away at most, if it is of a namespace that nobody here asks for. */
const MAX_STRAY_MS = 20 * 60_000;

export class AgentQueue implements LeaseOwner {
  readonly #options: AgentQueueOptions;
  readonly #urls: readonly string[];
  readonly #order = new GroupOrder();
  /** May go, and wait for a consumer. */
  #ready: Received[] = [];
  #waiters: Waiter[] = [];
  readonly #polling = new Map<string, Promise<void>>();
  #isLooking = false;
  /** That anybody here has asked for. */
  readonly #namespaces = new Set<string>();
  /** Runs while there is something ready that nobody waits for. */
  #strays: Timer | undefined;
  #width = 1;

  constructor(options: AgentQueueOptions) {
    const { url, urgentUrl } = options.queue;
    this.#options = options;
    this.#urls = urgentUrl === undefined ? [url] : [urgentUrl, url];
  }

  async lease(request: LeaseRequest): Promise<readonly AwsLease[]> {
    if (request.signal?.aborted || request.max < 1) return [];
    for (const namespace of request.namespaces) this.#namespaces.add(namespace);
    const waiter = new Waiter(request, this.#options.sqs.calls, (gone) => this.#forget(gone));
    this.#waiters.push(waiter);
    this.#hand();
    if (waiter.isWaiting) void this.#pump();
    return waiter.leases;
  }

  /** Looks again whether there is something to fetch: a switch was set. */
  look(): void {
    void this.#pump();
  }

  /** Fetches nothing any more; resolves when the last poll has ended. */
  async close(): Promise<void> {
    for (const waiter of this.#waiters) waiter.give([]);
    await this.idle();
    await this.#giveBackReady();
  }

  /** Resolves when what is being fetched now has come. */
  async idle(): Promise<void> {
    await Promise.all(this.#polling.values());
  }

  ended({ received }: AwsLease, isAcknowledged: boolean): void {
    this.#settled(received, isAcknowledged);
  }

  heldWith({ received }: AwsLease): readonly Received[] {
    return this.#order.behind(received);
  }

  #settled(received: Received, isAcknowledged: boolean): void {
    if (!isAcknowledged) {
      void this.#giveBack(this.#order.givenBack(received), 0);
      return;
    }
    const next = this.#order.acknowledged(received);
    if (next === undefined) return;
    this.#ready.push(next);
    this.#hand();
  }

  #forget(waiter: Waiter): void {
    this.#waiters = this.#waiters.filter((each) => each !== waiter);
  }

  /** Sees to it that something is being fetched while anybody waits. */
  async #pump(): Promise<void> {
    if (this.#open.length === 0) return;
    try {
      if (await this.#isPaused()) {
        for (const waiter of this.#waiters) if (waiter.isBrief) waiter.give([]);
        this.#lookAgain();
        return;
      }
    } catch (error) {
      for (const waiter of this.#waiters) waiter.fail(error);
      return;
    }
    const brief = this.#open.filter(({ isBrief }) => isBrief);
    if (brief.length > 0 || this.#width > 1) {
      await this.#once('brief', () => this.#fetchAtOnce(brief));
    } else {
      for (const url of this.#urls) void this.#once(url, () => this.#fetchOnce(url));
    }
  }

  /** Of all namespaces that are waited for. */
  async #isPaused(): Promise<boolean> {
    const { switches, agent } = this.#options;
    const namespaces = new Set(this.#waiters.flatMap(({ request }) => request.namespaces));
    const states = await Promise.all([...namespaces].map((namespace) => switches.isPaused(namespace, agent.name)));
    return states.length > 0 && states.every(Boolean);
  }

  #lookAgain(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    this.#options.sqs.calls.clock.setTimer(LOOK_MS, () => {
      this.#isLooking = false;
      void this.#pump();
    });
  }

  /** Runs `fetch` unless one of that name is under way, and then looks whether there is more to do. */
  async #once(name: string, fetch: () => Promise<void>): Promise<void> {
    if (this.#polling.has(name)) return;
    const fetching = fetch().catch((error: unknown) => {
      for (const waiter of [...this.#waiters]) waiter.fail(error);
    });
    this.#polling.set(name, fetching);
    await fetching;
    this.#polling.delete(name);
    void this.#pump();
  }

  /** Many polls that do not wait. What comes is handed out; who would not wait either is then told that there is no more. */
  async #fetchAtOnce(brief: readonly Waiter[]): Promise<void> {
    const width = Math.min(this.#width, Math.max(1, Math.ceil(this.#room() / MAX_BATCH)));
    const urls = this.#urls.flatMap((url) => Array.from({ length: width }, () => url));
    const counts = await Promise.all(urls.map((url) => this.#fetch(url, 0)));
    this.#hand();
    this.#width = counts.every((count) => count === MAX_BATCH) ? Math.min(MAX_WIDTH, this.#width * 2) : 1;
    for (const waiter of brief) if (!waiter.isServed) waiter.give([]);
  }

  /** One poll, whose messages are ready then; how many it brought. */
  async #fetch(url: string, waitMs: number): Promise<number> {
    const { agent, queue, sqs } = this.#options;
    const leaseMs = Math.max(...this.#open.map(({ request }) => request.leaseMs));
    if (!Number.isFinite(leaseMs)) return 0;
    const [namespace = ''] = this.#open[0]?.request.namespaces ?? [];
    const max = Math.min(MAX_BATCH, Math.max(1, this.#room()));
    const visibilityTimeoutS = Math.ceil(leaseMs / 1_000) + HOLD_MARGIN_S;
    const messages = await sqs.receive(url, { max, waitMs, visibilityTimeoutS });
    const receivedAt = sqs.calls.clock.now();
    const receipt = { queueUrl: url, isOrdered: queue.isOrdered, receivedAt, until: receivedAt + leaseMs };
    const received = messages.map((message) => fromMessage(message, { ...receipt, agent: agent.name, namespace }));
    if (waitMs > 0 && received.length === MAX_BATCH) this.#width = 2;
    const entered = this.#order.enter(received, receivedAt);
    // An agent with lanes has no order to keep.
    if (url === queue.urgentUrl) this.#ready.unshift(...entered);
    else this.#ready.push(...entered);
    return received.length;
  }

  /** Gives what is ready to who waits for its namespace. */
  #hand(): void {
    const now = this.#options.sqs.calls.clock.now();
    const ready = this.#ready;
    this.#ready = [];
    const given = new Map<Waiter, Received[]>();
    const strays: Received[] = [];
    for (const received of ready) {
      // It is handed out anew by now, with all that is behind it.
      if (received.until <= now) {
        this.#order.givenBack(received);
        continue;
      }
      const waiter = this.#waiters.find((each) => each.takes(received, given.get(each)?.length ?? 0));
      if (waiter === undefined) strays.push(received);
      else given.set(waiter, [...(given.get(waiter) ?? []), received]);
    }
    for (const [waiter, own] of given) void this.#serve(waiter, own);
    this.#ready.push(...strays);
    if (strays.length > 0) this.#giveBackLater();
  }

  async #serve(waiter: Waiter, received: readonly Received[]): Promise<void> {
    const { agent, intake } = this.#options;
    waiter.isServed = true;
    try {
      await this.#holdFor(waiter, received);
      const { leases, over, back, problem } = await intake.open(agent, received);
      for (const each of over) this.#settled(each, true);
      for (const each of back) this.#settled(each, false);
      for (const lease of leases) lease.owner = this;
      if (leases.length === 0 && problem !== undefined) waiter.fail(problem);
      if (!waiter.isWaiting) await this.#release(leases);
      else if (leases.length > 0 || waiter.isBrief) waiter.give(leases);
    } catch (error) {
      for (const each of received) this.#order.givenBack(each);
      waiter.fail(error);
    }
    waiter.isServed = false;
    void this.#pump();
  }

  /** The poll may have been made for somebody who wants them for longer, or less long. */
  async #holdFor({ request }: Waiter, received: readonly Received[]): Promise<void> {
    const now = this.#options.sqs.calls.clock.now();
    const differing = received.filter(({ until }) => Math.abs(until - now - request.leaseMs) > HOLD_MARGIN_S * 1_000);
    await this.#options.acks.hold(differing, request.leaseMs);
  }

  /** Whoever wanted them is gone. */
  async #release(leases: readonly AwsLease[]): Promise<void> {
    if (leases.length === 0) return;
    await this.#options.settlements.settle(leases.map((lease) => ({ kind: 'released', lease, delayMs: 0 })));
  }

  #giveBackLater(): void {
    this.#strays ??= this.#options.sqs.calls.clock.setTimer(STRAY_MS, () => void this.#giveBackReady());
  }

  /** What nobody wanted: for another process, if there is one. */
  async #giveBackReady(): Promise<void> {
    this.#strays?.cancel();
    this.#strays = undefined;
    const ready = this.#ready;
    this.#ready = [];
    const all = ready.flatMap((each) => [...this.#order.givenBack(each), each]);
    await this.#options.acks.giveBack(all.map((each) => ({ received: each, delayMs: this.#strayMs(each) })));
  }

  /** Each receipt brings what this process never asks for nearer to the dead-letter queue: it must last as long as a pause does. */
  #strayMs({ entry, receiveCount }: Received): number {
    if (!this.#namespaces.has(entry.namespace)) return Math.min(MAX_STRAY_MS, STRAY_MS * 2 ** (receiveCount - 1));
    return this.#waiters.length === 0 ? 0 : STRAY_MS;
  }

  async #giveBack(received: readonly Received[], delayMs: number): Promise<void> {
    if (received.length === 0) return;
    await this.#options.acks.giveBack(received.map((each) => ({ received: each, delayMs })));
  }

  /** How many deliveries are waited for. */
  #room(): number {
    return this.#open.reduce((sum, { request }) => sum + request.max, 0);
  }

  /** Those that nothing has come for yet. */
  get #open(): readonly Waiter[] {
    return this.#waiters.filter(({ isServed }) => !isServed);
  }

  /** One poll that waits, but no longer than the one who waits longest. */
  async #fetchOnce(url: string): Promise<void> {
    const left = Math.max(...this.#open.map((waiter) => waiter.leftMs()));
    await this.#fetch(url, Math.max(1_000, Math.min(left, this.#options.pollMs)));
    this.#hand();
  }
}
