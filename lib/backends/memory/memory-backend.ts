/** @module The backend of one process: everything in memory, each step atomic because nothing in it waits. */
import type { Clock } from '../../core/clock.ts';
import { systemClock } from '../../core/clock.ts';
import {
  BackendUnavailableError,
  type GuildwireError,
  LeaseLostError,
  StateConflictError,
  TooManyOutputsError,
  UnsupportedFeatureError,
} from '../../core/errors.ts';
import { createGemstoneIdGenerator, type GemstoneId } from '../../core/gemstone-id.ts';
import type { Json } from '../../core/json.ts';
import type { Draft, Message, MessageKey } from '../../core/message.ts';
import { matches } from '../../core/topic.ts';
import { DEFAULT_RETENTION_DAYS, type TopicFamilies } from '../../core/topic-family.ts';
import type {
  AgentStats,
  Backend,
  Fate,
  Lease,
  LeaseRequest,
  Outcome,
  Page,
  Plan,
  PlanId,
  PlanRequest,
  Progress,
  ProgressWait,
  ReadQuery,
  Settlement,
  Subscription,
} from '../backend.ts';
import { noUploads } from '../uploads.ts';
import { Batcher } from './batcher.ts';
import type { MemoryLease } from './delivery.ts';
import type { DeliveryQueue } from './delivery-queue.ts';
import { fates, progress, stats } from './ledger.ts';
import { DAY_MS, memoryFeatures } from './memory-features.ts';
import { MemoryNamespace } from './memory-namespace.ts';
import { Plans } from './plans.ts';
import { Room } from './room.ts';
import { isHalted } from './thread.ts';

export interface MemoryOptions {
  /** @default - the system's */
  readonly clock?: Clock;
  /** Numbers in [0, 1) for the random part of ids. @default - cryptographic */
  readonly random?: () => number;
  /** How long messages are kept, by topic. @default - 30 days for all */
  readonly families?: TopicFamilies;
  /** Deliveries that may wait, over all namespaces, before `publish` waits. @default 1,000,000 */
  readonly maxWaiting?: number;
  /** Bytes of payload that may wait. @default 1 GiB */
  readonly maxWaitingBytes?: number;
  /** How long `publish` waits for room, in ms, before it rejects with `BackendFullError`. @default 5,000 */
  readonly publishTimeoutMs?: number;
}

const isKeyed = ({ message, effect }: Draft) => message.idempotencyKey !== undefined || effect !== undefined;

type Appended = Outcome<{ readonly id: GemstoneId; readonly duplicate: boolean }>;

const SETTLED = { ok: true, ids: [] } as const;

const HANDED_BACK = {
  code: 'HANDED_BACK',
  message: 'was handed back after it had been acknowledged',
  retryable: false,
};

/** How a settlement that is not given back ends its delivery. */
function endOf(settlement: Settlement): Fate['state'] {
  if (settlement.kind === 'completed') return 'handled';
  if (settlement.kind === 'dropped') return settlement.reason;
  return settlement.kind === 'dead' && isHalted(settlement.reason) ? 'halted' : 'dead';
}

const lost = (lease: Lease) => ({ ok: false, error: new LeaseLostError(lease.agent) }) as const;

export class MemoryBackend implements Backend {
  readonly name = 'memory';
  readonly features = memoryFeatures;
  readonly uploads = noUploads('memory', memoryFeatures);
  readonly #clock: Clock;
  readonly #room: Room;
  readonly #plans = new Plans();
  readonly #createNamespace: (name: string) => MemoryNamespace;
  readonly #namespaces = new Map<string, MemoryNamespace>();
  #isClosed = false;

  constructor(options: MemoryOptions = {}) {
    const { clock = systemClock, random, families, maxWaiting = 1_000_000 } = options;
    const { maxWaitingBytes = 2 ** 30, publishTimeoutMs = 5_000 } = options;
    this.#clock = clock;
    const room = new Room({ messages: maxWaiting, bytes: maxWaitingBytes, timeoutMs: publishTimeoutMs }, clock);
    let mintedAt = 0;
    const lookAtClock = () => {
      mintedAt = clock.now();
      return mintedAt;
    };
    const ids = createGemstoneIdGenerator(lookAtClock, random);
    const retentionMs = (topic: string) => (families?.of(topic)?.retentionDays ?? DEFAULT_RETENTION_DAYS) * DAY_MS;
    const batcher = new Batcher();
    this.#room = room;
    this.#createNamespace = (name) =>
      new MemoryNamespace(name, {
        clock,
        ids,
        mintedAt: () => mintedAt,
        room,
        batcher,
        maxInlineBytes: memoryFeatures.maxInlineBytes,
        retentionMs,
      });
  }

  async append(drafts: readonly Draft[], _nonce: string): Promise<Appended[]> {
    if (this.#room.isFull) await this.#room.free();
    const outcomes: Appended[] = [];
    for (const draft of drafts) outcomes.push(this.#appendOne(draft));
    this.#room.admitNext();
    return outcomes;
  }

  #appendOne(draft: Draft): Appended {
    const namespace = this.#namespace(draft.message.namespace);
    if (!isKeyed(draft)) return { ok: true, id: namespace.publish(draft), duplicate: false };
    const conflict = namespace.idempotency.conflict([draft], this.#clock.now());
    return conflict === undefined ? namespace.publishOnce(draft) : { ok: false, error: conflict };
  }

  async read(query: ReadQuery): Promise<Page<Message>> {
    if (query.order !== 'arrival') return this.#readNow(query);
    const giveUpAt = this.#clock.now() + (query.waitMs ?? 0);
    for (;;) {
      const page = this.#readNow(query);
      const next = page.next ?? this.#namespace(query.namespace).store.cursorBehind(query, page.items.at(-1));
      const leftMs = giveUpAt - this.#clock.now();
      if (leftMs <= 0 || page.items.length > 0 || query.signal?.aborted) return { items: page.items, next };
      await this.#waitForMore(query, leftMs);
    }
  }

  #readNow(query: ReadQuery): Page<Message> {
    return this.#look(query.namespace).read(query, this.#clock.now());
  }

  /** Until something is stored that the query may name, the time is over, its signal aborts, or the backend is closed. */
  async #waitForMore({ namespace, where, signal }: ReadQuery, waitMs: number): Promise<void> {
    const { watchers } = this.#namespace(namespace);
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = (topic: string | undefined) => {
      const isOther =
        topic !== undefined &&
        (('topic' in where && where.topic !== topic) || ('pattern' in where && !matches(where.pattern, topic)));
      if (!isOther) resolve();
    };
    const onAbort = () => resolve();
    const timer = this.#clock.setTimer(waitMs, resolve);
    signal?.addEventListener('abort', onAbort, { once: true });
    watchers.add(look);
    await promise;
    watchers.delete(look);
    signal?.removeEventListener('abort', onAbort);
    timer.cancel();
  }

  async topics(namespace: string): Promise<Page<{ readonly topic: string; readonly lastId: GemstoneId }>> {
    return { items: this.#look(namespace).store.topics(), next: undefined };
  }

  async subscribe(subscription: Subscription): Promise<void> {
    this.#namespace(subscription.namespace).subscribe(subscription);
  }

  async unsubscribe(namespace: string, agent: string): Promise<void> {
    this.#look(namespace).unsubscribe(agent);
  }

  async pause(namespace: string, agent: string, paused: boolean): Promise<void> {
    const found = this.#look(namespace);
    found.mustHaveSubscription(agent);
    found.queueOf(agent).isPaused = paused;
  }

  lease(request: LeaseRequest): Promise<readonly Lease[]> {
    try {
      const [name = '', ...others] = request.namespaces;
      if (others.length > 0) throw new UnsupportedFeatureError(this.name, 'leasing from several namespaces at once');
      // Passed on, not awaited: an `async` here would cost three turns more for each delivery.
      return this.#namespace(name).queueOf(request.agent).lease(request);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async start(leases: readonly Lease[]): Promise<Outcome[]> {
    return leases.map((lease) => {
      const queue = this.#queueHolding(lease);
      if (queue === undefined) return lost(lease);
      const held = lease as MemoryLease;
      const wasAcknowledged = held.isAcknowledged;
      queue.start(held);
      if (held.isAcknowledged && !wasAcknowledged) this.#room.release(held.delivery.bytes);
      return { ok: true };
    });
  }

  async extend(leases: readonly Lease[], leaseMs: number): Promise<Outcome<{ readonly until: number }>[]> {
    return leases.map((lease) => {
      const queue = this.#queueHolding(lease);
      return queue === undefined ? lost(lease) : { ok: true, until: queue.extend(lease as MemoryLease, leaseMs) };
    });
  }

  async settle(settlements: readonly Settlement[]): Promise<Outcome<{ readonly ids: readonly GemstoneId[] }>[]> {
    return settlements.map((settlement) => this.#settleOne(settlement));
  }

  #settleOne(settlement: Settlement): Outcome<{ readonly ids: readonly GemstoneId[] }> {
    const { lease } = settlement;
    const { agent } = lease;
    const namespace = this.#namespace(lease.namespace);
    const queue = namespace.queueOf(agent);
    if (!queue.holds(lease)) return lost(lease);
    const refusal = settlement.kind === 'completed' ? this.#refusal(settlement, namespace) : undefined;
    if (refusal !== undefined) return { ok: false, error: refusal };
    const held = lease as MemoryLease;
    if (settlement.spent !== undefined) held.delivery.thread?.spend(settlement.spent);
    if ((settlement.kind === 'retry' || settlement.kind === 'released') && !held.isAcknowledged) {
      if (settlement.kind === 'retry') held.delivery.faults = [...held.delivery.faults, settlement.fault];
      queue.giveBack(held, this.#clock.now() + settlement.delayMs);
      return SETTLED;
    }
    const delivery = queue.finish(held, endOf(settlement));
    if (!held.isAcknowledged) this.#room.release(delivery.bytes);
    namespace.idempotency.forget(held, this.#clock);
    if (settlement.kind === 'retry' || settlement.kind === 'released') {
      // Acknowledged when it was started, so nobody can have it again; it must not vanish all the same.
      const fault = settlement.kind === 'retry' ? settlement.fault : HANDED_BACK;
      return { ok: true, ids: [namespace.bury(delivery, agent, 'failed', fault)] };
    }
    if (settlement.kind === 'dead') {
      return { ok: true, ids: [namespace.bury(delivery, agent, settlement.reason, settlement.fault)] };
    }
    if (settlement.kind === 'dropped') {
      queue.dropped[settlement.reason] = (queue.dropped[settlement.reason] ?? 0) + 1;
      return SETTLED;
    }
    namespace.state.write(agent, settlement.state);
    if (settlement.outputs.length === 0) return SETTLED;
    const options = { ...(delivery.thread && { thread: delivery.thread }) };
    return { ok: true, ids: settlement.outputs.map((draft) => namespace.publishOnce(draft, options).id) };
  }

  #refusal(settlement: Settlement & { kind: 'completed' }, namespace: MemoryNamespace): GuildwireError | undefined {
    const { outputs, state, lease } = settlement;
    if (outputs.length === 0 && state.length === 0) return undefined;
    if (outputs.length > memoryFeatures.maxOutputs)
      return new TooManyOutputsError(outputs.length, memoryFeatures.maxOutputs);
    const key = namespace.state.conflict(lease.agent, state);
    if (key !== undefined) return new StateConflictError(lease.agent, key);
    return outputs.some(isKeyed) ? namespace.idempotency.conflict(outputs, this.#clock.now()) : undefined;
  }

  /** Undefined if whoever asks no longer holds the delivery. */
  #queueHolding(lease: Lease): DeliveryQueue | undefined {
    const queue = this.#namespace(lease.namespace).queueOf(lease.agent);
    return queue.holds(lease) ? queue : undefined;
  }

  async plan(request: PlanRequest): Promise<Plan> {
    return this.#plans.make(request, this.#look(request.namespace), this.#clock.now());
  }

  async runPlan(id: PlanId, { max }: { readonly max: number }): Promise<Plan> {
    return this.#plans.run(id, max);
  }

  async state(
    namespace: string,
    agent: string,
    keys: readonly string[],
  ): Promise<readonly { readonly value: Json | undefined; readonly version: number }[]> {
    const { state } = this.#look(namespace);
    return keys.map((key) => state.get(agent, key));
  }

  async progress(namespace: string, root: GemstoneId, wait: ProgressWait): Promise<Progress> {
    return progress(this.#look(namespace), root, wait, this.#clock);
  }

  async fates(namespace: string, key: MessageKey): Promise<readonly Fate[]> {
    return fates(this.#look(namespace), key);
  }

  async stats(namespace: string): Promise<readonly AgentStats[]> {
    return stats(this.#look(namespace));
  }

  /** Hands bytes that are no message to whoever follows the topic, as a damaged store would (D15). */
  deliverRaw(namespace: string, key: MessageKey, raw: Uint8Array): void {
    this.#namespace(namespace).deliverRaw(key, raw);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#room.close();
    for (const namespace of this.#namespaces.values()) namespace.close();
    this.#namespaces.clear();
  }

  #namespace(name: string): MemoryNamespace {
    const known = this.#namespaces.get(name);
    if (known !== undefined) return known;
    const namespace = this.#look(name);
    this.#namespaces.set(name, namespace);
    return namespace;
  }

  /** The same for who only looks: a name that somebody asks for takes no room. */
  #look(name: string): MemoryNamespace {
    if (this.#isClosed) throw new BackendUnavailableError('backend "memory" is closed: open it anew');
    return this.#namespaces.get(name) ?? this.#createNamespace(name);
  }
}
