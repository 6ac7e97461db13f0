/** @module One namespace in memory: its log, its subscriptions, and the step that stores a message and queues it (D16). */
import { createHash } from 'node:crypto';
import { admissionOf, follows } from '../../core/admission.ts';
import type { Clock } from '../../core/clock.ts';
import { DEAD_LETTER_FORMAT, type DeadLetter, deadLetterTopic } from '../../core/dead-letter.ts';
import type { Fault } from '../../core/fault.ts';
import type { GemstoneId, GemstoneIdGenerator } from '../../core/gemstone-id.ts';
import { jsonBytes } from '../../core/json.ts';
import type { Draft, Message, MessageKey } from '../../core/message.ts';
import { platformDraft } from '../../core/platform-draft.ts';
import { isReserved } from '../../core/topic.ts';
import type { DeadReason, Subscription } from '../backend.ts';
import type { Batcher } from './batcher.ts';
import { Delivery } from './delivery.ts';
import { DeliveryQueue } from './delivery-queue.ts';
import { Idempotency } from './idempotency.ts';
import { MessageStore } from './message-store.ts';
import type { Room } from './room.ts';
import { Spending } from './spending.ts';
import { StateStore } from './state-store.ts';

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

interface Follower {
  readonly queue: DeliveryQueue;
  readonly subscription: Subscription;
}

export class MemoryNamespace {
  readonly name: string;
  readonly store: MessageStore;
  readonly idempotency = new Idempotency();
  readonly state = new StateStore();
  readonly spending = new Spending();
  /** Told the topic of every message that is stored; undefined at the end. */
  readonly watchers = new Set<(topic: string | undefined) => void>();
  readonly #around: Surroundings;
  readonly #queues = new Map<string, DeliveryQueue>();
  readonly #deadLetters = new Map<string, Message[]>();
  /** Who follows a topic; emptied whenever a subscription changes. */
  readonly #followers = new Map<string, readonly Follower[]>();

  constructor(name: string, around: Surroundings) {
    this.name = name;
    this.#around = around;
    this.store = new MessageStore(around.retentionMs);
  }

  /** Of the agents that have a subscription. */
  get queues(): readonly DeliveryQueue[] {
    return [...this.#queues.values()].filter(({ subscription }) => subscription !== undefined);
  }

  /** Also before the agent subscribes and after it unsubscribed: consumers then wait in it for a subscription. */
  queueOf(agent: string): DeliveryQueue {
    let queue = this.#queues.get(agent);
    if (queue === undefined) {
      queue = new DeliveryQueue(this.name, agent, this.#around.clock, this.#around.batcher, this.spending);
      this.#queues.set(agent, queue);
    }
    return queue;
  }

  /** Those that the store still has. */
  deadLettersOf(agent: string): readonly Message[] {
    const letters = (this.#deadLetters.get(agent) ?? []).filter((letter) => this.store.get(letter) !== undefined);
    this.#deadLetters.set(agent, letters);
    return letters;
  }

  /** One step: nothing can come between the look at the log and the subscription being in force. */
  subscribe(subscription: Subscription): void {
    this.#followers.clear();
    const queue = this.queueOf(subscription.agent);
    const isNew = queue.subscription === undefined;
    queue.subscription = subscription;
    if (!isNew || subscription.from === 'now') return;
    const after = subscription.from === 'beginning' ? undefined : subscription.from;
    for (const message of this.store.since(after, (topic) => follows(subscription, topic)))
      this.#deliver(queue, subscription, message);
  }

  unsubscribe(agent: string): void {
    this.#followers.clear();
    for (const { bytes } of this.queueOf(agent).empty()) this.#around.room.release(bytes);
  }

  close(): void {
    for (const queue of this.#queues.values()) queue.close();
    for (const watcher of this.watchers) watcher(undefined);
  }

  /** Mints the id, stores the message under each topic, and queues it for whoever follows. */
  publish(draft: Draft, options: { readonly delivered?: boolean } = {}): GemstoneId {
    const { ids, mintedAt } = this.#around;
    // Before the id is minted, so that what lies in the store stays in the order of ids.
    for (const topic of draft.message.topics)
      if (!this.store.hasTopic(topic) && !isReserved(topic)) this.#announce(topic);
    const id = ids.next(draft.priority);
    const now = mintedAt();
    const content = draft.payloadBytes > this.#around.maxInlineBytes ? setAside(draft) : draft.message;
    for (const topic of draft.message.topics) {
      const message: Message = Object.freeze({ ...content, topic, id });
      this.store.add(message, now);
      if (this.watchers.size > 0) for (const watcher of this.watchers) watcher(topic);
      if (options.delivered === false) continue;
      for (const { queue, subscription } of this.#followersOf(topic)) {
        this.#deliver(queue, subscription, message, draft.payloadBytes, now);
      }
    }
    this.idempotency.remember(draft, id, now);
    return id;
  }

  /** The same, unless it was published before under the same key or as the same effect; conflicts are looked for before. */
  publishOnce(draft: Draft): { readonly ok: true; readonly id: GemstoneId; readonly duplicate: boolean } {
    const stored = this.idempotency.find(draft, this.#around.clock.now());
    return { ok: true, id: stored ?? this.publish(draft), duplicate: stored !== undefined };
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
      epoch: 0,
      ...(delivery.message !== undefined && { original: delivery.message }),
      ...(delivery.raw !== undefined && { raw: Buffer.from(delivery.raw).toString('base64') }),
      errors,
      attempts: HANDLED.has(reason) ? errors.length : delivery.faults.length,
      firstAttemptAt: delivery.firstAttemptAt,
      lastAttemptAt: this.#around.clock.now(),
    };
    const content = { format: DEAD_LETTER_FORMAT, payload: letter, status: 'error' } as const;
    const draft = platformDraft('dead-letters', { namespace: this.name, topic }, content, delivery.message);
    const id = this.publish(draft, { delivered });
    if (topic !== '$errors') {
      const letters = this.#deadLetters.get(agent) ?? [];
      letters.push(this.store.get({ topic, id }) as Message);
      this.#deadLetters.set(agent, letters);
    }
    return id;
  }

  /** Queues bytes that came in place of a message, for whoever follows the topic. */
  deliverRaw(key: MessageKey, raw: Uint8Array): void {
    for (const { queue } of this.#followersOf(key.topic)) {
      this.#around.room.take(raw.length);
      queue.addAt(new Delivery(key, raw, raw.length), 0);
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
    bytes = jsonBytes(message.payload),
    now = this.#around.clock.now(),
  ): void {
    if (admissionOf(subscription, message) !== 'admitted') return;
    this.#around.room.take(bytes);
    const delivery = new Delivery(message, message, bytes);
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
