/** @module One namespace in memory: its log, its subscriptions, and the step that stores a message and queues it (D16). */
import { createHash } from 'node:crypto';
import { admissionOf, follows } from '../../core/admission.ts';
import type { Clock } from '../../core/clock.ts';
import { DEAD_LETTER_FORMAT, type DeadLetter, deadLetterTopic } from '../../core/dead-letter.ts';
import { NotFoundError } from '../../core/errors.ts';
import { type Fault, faultOf } from '../../core/fault.ts';
import type { GemstoneId, GemstoneIdGenerator } from '../../core/gemstone-id.ts';
import { HandlerCrashedError } from '../../core/handler-errors.ts';
import { jsonBytes } from '../../core/json.ts';
import { type Draft, type Message, type MessageKey, parseReference, rootIdOf } from '../../core/message.ts';
import { platformDraft } from '../../core/platform-draft.ts';
import { isReserved } from '../../core/topic.ts';
import type { DeadReason, Page, ReadQuery, Subscription } from '../backend.ts';
import type { Batcher } from './batcher.ts';
import { DeadLetters } from './dead-letters.ts';
import { Delivery } from './delivery.ts';
import { DeliveryQueue } from './delivery-queue.ts';
import { Fates } from './fates.ts';
import { Idempotency } from './idempotency.ts';
import { fatesOf } from './message-fates.ts';
import { isGone, MessageStore } from './message-store.ts';
import type { Room } from './room.ts';
import { StateStore } from './state-store.ts';
import { Thread } from './thread.ts';

/** What a namespace shares with the others of its backend. */
export interface Surroundings {
  readonly clock: Clock;
  readonly ids: GemstoneIdGenerator;
  /** Unix ms of the last look at the clock for an id; a second look would cost as much as the id. */
  readonly mintedAt: () => number;
  readonly room: Room;
  readonly batcher: Batcher;
  readonly maxInlineBytes: number;
  readonly retentionMs: (topic: string) => number;
}

/** Reasons for which the handler ran; for the others it was not started, and that counts as no attempt. */
const HANDLED: ReadonlySet<DeadReason> = new Set(['failed', 'permanent', 'crashed']);

interface PublishOptions {
  /** False for what is only stored. @default true */
  readonly delivered?: boolean;
  /** That of the delivery from which it descends. @default - found by the root's id */
  readonly thread?: Thread;
}

export type OpenThreads = Map<GemstoneId, Thread>;

const AS_USUAL: PublishOptions = Object.freeze({});

interface Follower {
  readonly queue: DeliveryQueue;
  readonly subscription: Subscription;
}

export class MemoryNamespace {
  readonly name: string;
  readonly store: MessageStore;
  readonly idempotency = new Idempotency();
  readonly state = new StateStore();
  /** Told the topic of every message that is stored; undefined at the end. */
  readonly watchers = new Set<(topic: string | undefined) => void>();
  /** Dead letters that were only stored, since their watcher itself had failed. */
  readonly undelivered = new Set<GemstoneId>();
  readonly #around: Surroundings;
  readonly #queues = new Map<string, DeliveryQueue>();
  readonly deadLetters = new DeadLetters((letter) => this.store.get(letter) !== undefined);
  /** Who follows a topic; emptied whenever a subscription changes. */
  readonly #followers = new Map<string, readonly Follower[]>();

  constructor(name: string, around: Surroundings) {
    this.name = name;
    this.#around = around;
    this.store = new MessageStore(around.retentionMs);
  }

  /** Also of agents that have no subscription any more. */
  get queues(): readonly DeliveryQueue[] {
    return [...this.#queues.values()];
  }

  /** Also before the agent subscribes and after it unsubscribed: consumers then wait in it for a subscription. */
  queueOf(agent: string): DeliveryQueue {
    let queue = this.#queues.get(agent);
    if (queue === undefined) {
      const { clock, batcher } = this.#around;
      const fates = new Fates(agent, (key) => this.store.get(key) !== undefined);
      const onLost = (delivery: Delivery) =>
        this.bury(delivery, agent, 'crashed', faultOf(new HandlerCrashedError(agent, 1)));
      queue = new DeliveryQueue(this.name, agent, clock, batcher, fates, onLost);
      this.#queues.set(agent, queue);
    }
    return queue;
  }

  /** One step: nothing can come between the look at the log and the subscription being in force. */
  subscribe(subscription: Subscription): void {
    this.#followers.clear();
    const queue = this.queueOf(subscription.agent);
    const isNew = queue.subscription === undefined;
    queue.subscription = subscription;
    if (!isNew || subscription.from === 'now') {
      queue.fates.subscribed(subscription, this.store.lastId);
      return;
    }
    const after = subscription.from === 'beginning' ? undefined : subscription.from;
    const threads = this.openThreads();
    for (const message of this.store.since(after, (topic) => follows(subscription, topic)))
      this.#deliver(queue, subscription, message, this.#threadFor(message, threads));
    queue.fates.subscribed(subscription, this.store.lastId, after);
  }

  unsubscribe(agent: string): void {
    const queue = this.#queues.get(agent);
    if (queue === undefined) return;
    this.#followers.clear();
    queue.fates.unsubscribed(this.store.lastId);
    for (const bytes of queue.empty()) this.#around.room.release(bytes);
  }

  close(): void {
    for (const queue of this.#queues.values()) queue.close();
    for (const watcher of this.watchers) watcher(undefined);
  }

  /** Mints the id, stores the message under each topic, and queues it for whoever follows. */
  publish(draft: Draft, options: PublishOptions = AS_USUAL): GemstoneId {
    const { ids, mintedAt } = this.#around;
    // Before the id is minted, so that what lies in the store stays in the order of ids.
    for (const topic of draft.message.topics)
      if (!this.store.hasTopic(topic) && !isReserved(topic)) this.#announce(topic);
    const id = ids.next(draft.priority);
    const now = mintedAt();
    const content = draft.payloadBytes > this.#around.maxInlineBytes ? setAside(draft) : draft.message;
    const [root] = draft.message.thread;
    const parent = root === undefined ? undefined : (options.thread ?? this.threadOf(parseReference(root).id));
    const thread = parent ?? new Thread();
    for (const topic of draft.message.topics) {
      const message: Message = Object.freeze({ ...content, topic, id });
      this.store.add(message, now, parent);
      if (this.watchers.size > 0) for (const watcher of this.watchers) watcher(topic);
      if (options.delivered === false) continue;
      for (const { queue, subscription } of this.#followersOf(topic)) {
        this.#deliver(queue, subscription, message, thread, draft.payloadBytes, now);
      }
    }
    this.idempotency.remember(draft, id, now);
    return id;
  }

  /** The same, unless it was published before under the same key or as the same effect; conflicts are looked for before. */
  publishOnce(
    draft: Draft,
    options?: PublishOptions,
  ): { readonly ok: true; readonly id: GemstoneId; readonly duplicate: boolean } {
    const stored = this.idempotency.find(draft, this.#around.clock.now());
    return { ok: true, id: stored ?? this.publish(draft, options), duplicate: stored !== undefined };
  }

  /** The thread of a root, entered and counted if it was not. */
  threadOf(root: GemstoneId): Thread {
    const known = this.store.threads.get(root);
    if (known !== undefined) return known;
    const thread = new Thread();
    for (const copy of this.store.copiesOf(root)) {
      for (const queue of this.queues) {
        for (const delivery of queue.openOf(copy)) delivery.moveTo(thread);
        for (const { state } of fatesOf(queue, copy)) thread.count(state);
      }
    }
    return this.store.enter(root, thread);
  }

  /** Threads without an entry of which something is under way, by root: what is added to a root must have the same. */
  openThreads(): OpenThreads {
    const threads: OpenThreads = new Map();
    for (const queue of this.queues) {
      for (const [{ message, thread }] of queue.open())
        if (message !== undefined && thread?.isEntered === false) threads.set(rootIdOf(message), thread);
    }
    return threads;
  }

  /** The thread of a delivery that is made late; one that is new is put among `open`. */
  #threadFor(message: Message, open: OpenThreads): Thread {
    const root = rootIdOf(message);
    const known = this.store.threads.get(root) ?? open.get(root);
    if (known !== undefined) return known;
    const thread = new Thread();
    if (root !== message.id) return this.store.enter(root, thread);
    for (const copy of this.store.copiesOf(root))
      for (const { fates } of this.queues) for (const { state } of fates.of(copy, [])) thread.count(state);
    open.set(root, thread);
    return thread;
  }

  /** Stores what a delivery leaves behind when it cannot be handled, and lists it. */
  bury(delivery: Delivery, agent: string, reason: DeadReason, fault: Fault): GemstoneId {
    const { topic, delivered } = deadLetterTopic(agent, delivery.key.topic);
    const errors = [...delivery.faults, fault];
    const letter: DeadLetter = {
      agent,
      reason,
      topic: delivery.key.topic,
      id: delivery.key.id,
      epoch: delivery.epoch,
      ...(delivery.message !== undefined && { original: delivery.message }),
      ...(delivery.raw !== undefined && { raw: Buffer.from(delivery.raw).toString('base64') }),
      errors,
      attempts: HANDLED.has(reason) ? errors.length : delivery.faults.length,
      firstAttemptAt: delivery.firstAttemptAt,
      lastAttemptAt: this.#around.clock.now(),
    };
    const content = { format: DEAD_LETTER_FORMAT, payload: letter, status: 'error' } as const;
    const draft = platformDraft('dead-letters', { namespace: this.name, topic }, content, delivery.message);
    const id = this.publish(draft, { delivered, ...(delivery.thread && { thread: delivery.thread }) });
    if (!delivered) this.undelivered.add(id);
    if (topic !== '$errors') {
      const stored = this.store.get({ topic, id }) as Message;
      this.deadLetters.add(agent, { letter: stored, delivery, reason, errorName: fault.name });
    }
    return id;
  }

  /** Hands a dead delivery to the agent once more, in an epoch of its own; it joins its key at the end. */
  redrive(agent: string, dead: Delivery, reason: DeadReason, open: OpenThreads): void {
    const content = dead.message ?? (dead.raw as Uint8Array);
    this.#again(agent, dead.key, content, dead.bytes, 'redriven', open)?.revive(reason);
  }

  /** Hands a message of the past to the agent once more; false if it has expired since. */
  replay(agent: string, message: Message, open: OpenThreads): boolean {
    if (isGone(message, this.#around.clock.now())) return false;
    this.#again(agent, message, message, jsonBytes(message.payload), 'replayed', open);
    return true;
  }

  #again(
    agent: string,
    key: MessageKey,
    content: Message | Uint8Array,
    bytes: number,
    cause: 'redriven' | 'replayed',
    open: OpenThreads,
  ): Thread | undefined {
    const queue = this.queueOf(agent);
    const thread = content instanceof Uint8Array ? undefined : this.#threadFor(content, open);
    this.#around.room.take(bytes);
    queue.addAt(new Delivery(key, content, bytes, thread, queue.fates.nextEpoch(key), cause), 0);
    return thread;
  }

  read(query: ReadQuery, now: number): Page<Message> {
    return this.store.read(
      query,
      now,
      (agent) => this.subscriptionOf(agent)?.patterns ?? [],
      (agent) => this.deadLetters.of(agent).map(({ letter }) => letter),
    );
  }

  subscriptionOf(agent: string): Subscription | undefined {
    return this.#queues.get(agent)?.subscription;
  }

  /** @throws NotFoundError if the agent has none. */
  mustHaveSubscription(agent: string): void {
    if (this.subscriptionOf(agent) === undefined)
      throw new NotFoundError(`subscription of agent "${agent}" in namespace "${this.name}"`);
  }

  /** Queues bytes that came in place of a message, for whoever follows the topic. */
  deliverRaw(key: MessageKey, raw: Uint8Array): void {
    for (const { queue } of this.#followersOf(key.topic)) {
      this.#around.room.take(raw.length);
      queue.addAt(new Delivery(key, raw, raw.length, undefined), 0);
    }
  }

  #followersOf(topic: string): readonly Follower[] {
    let followers = this.#followers.get(topic);
    if (followers === undefined) {
      followers = topic.startsWith('$reply.') ? [] : this.#findFollowers(topic);
      // Replies and inboxes may have any name, so remembering them all would never end.
      if (!isReserved(topic)) this.#followers.set(topic, followers);
    }
    return followers;
  }

  #findFollowers(topic: string): readonly Follower[] {
    const followers: Follower[] = [];
    for (const queue of this.#queues.values()) {
      const { subscription } = queue;
      if (subscription !== undefined && follows(subscription, topic)) followers.push({ queue, subscription });
    }
    return followers;
  }

  #deliver(
    queue: DeliveryQueue,
    subscription: Subscription,
    message: Message,
    thread: Thread,
    bytes = jsonBytes(message.payload),
    now = this.#around.clock.now(),
  ): void {
    if (admissionOf(subscription, message) !== 'admitted') return;
    this.#around.room.take(bytes);
    const delivery = new Delivery(message, message, bytes, thread);
    if (message.deliverAt !== undefined && message.deliverAt > now) queue.addAt(delivery, message.deliverAt);
    else queue.add(delivery);
  }

  #announce(topic: string): void {
    const key = { namespace: this.name, topic: '$topics' };
    this.publish(platformDraft('topics', key, { format: 'guildwire.topic', payload: { topic } }));
  }
}

function setAside({ message, payloadBytes }: Draft): Omit<Message, 'topic' | 'id'> {
  const sha256 = createHash('sha256').update(JSON.stringify(message.payload)).digest('hex');
  return { ...message, attachment: Object.freeze({ bytes: payloadBytes, sha256, location: `memory:${sha256}` }) };
}
