/**
 * @module The relay: takes what the stream of the log says was stored, and hands it to the SNS topics of its family, from where
 * it reaches the queue of each agent that follows.
 *
 * It may be killed at any point and be given the same records again: what it hands on twice is told apart by its id. It never
 * passes a failure over: what it could not hand on is in its answer, or in the safety queue if nobody ever can.
 */
import { BackendUnavailableError, GuildwireError } from '../../../core/errors.ts';
import type { Message, MessageKey } from '../../../core/message.ts';
import { show } from '../../../core/show.ts';
import { isReserved } from '../../../core/topic.ts';
import type { Attributes } from '../calls/attribute-values.ts';
import { encodeEntry } from '../queues/queue-entry.ts';
import { type Arrival, inOrderSaid, isOnlyStored, readItem, readRecord, type Unreadable } from './arrival.ts';
import { decodeHeldBack, delayOf, encodeHeldBack, type HeldBack } from './held-back.ts';
import { isOwnFault } from './own-fault.ts';
import { type Publication, type PublishBatch, Publisher } from './publisher.ts';
import type { Route, Routes } from './routes.ts';
import { encodeSafetyEntry } from './safety-entry.ts';
import type { StreamRecord } from './stream-record.ts';

export interface RelayOptions {
  readonly routes: Routes;
  /** Whether the deployment serves a namespace: what lies in another one must not hold up the rest. */
  readonly serves: (namespace: string) => boolean;
  readonly publishBatch: PublishBatch;
  /** Puts messages into the queue that feeds the relay again. */
  readonly holdBack: SendToQueue;
  /** Puts what nobody can hand on into the safety queue. */
  readonly toSafety: SendToQueue;
  /** Items of the log, those that are there, in the order of the keys. */
  readonly read: (namespace: string, keys: readonly MessageKey[]) => Promise<readonly Attributes[]>;
  readonly registry: {
    isKnown(namespace: string, topic: string): boolean;
    register(namespace: string, key: MessageKey): Promise<void>;
  };
  /** With tracing: writes down who gets what, before they do. Rejects if it could not. */
  readonly trail: ((routed: readonly Routed[]) => Promise<void>) | undefined;
  /** Unix ms. */
  readonly now: () => number;
}

/** What could not be sent, in the order of what was given; undefined where it was. */
export type SendToQueue = (
  messages: readonly { readonly body: string; readonly delayS?: number }[],
) => Promise<readonly (GuildwireError | undefined)[]>;

export interface Routed {
  readonly message: Message;
  readonly agents: readonly string[];
}

export interface RelayFailure {
  /** The sequence number, or the id of the queue's message. */
  readonly identifier: string;
  readonly error: GuildwireError;
}

/** A message of the queue that feeds the relay. */
export interface QueuedRecord {
  readonly messageId: string;
  readonly body: string;
}

type Failures = Map<string, GuildwireError>;

export class Relay {
  readonly #options: RelayOptions;
  readonly #publisher: Publisher;
  /** Handed on by a call that failed in part, and so is called again. */
  #confirmed = new Set<string>();

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#publisher = new Publisher(options.publishBatch);
  }

  /** Records of the stream that have to come again, in their order: the stream goes on at the first of them. Never rejects. */
  async handle(records: readonly StreamRecord[]): Promise<readonly RelayFailure[]> {
    const read = records.flatMap((record) => readRecord(record) ?? []);
    const failures: Failures = new Map();
    await Promise.all([
      this.#setAside(read.filter(isUnreadable), failures),
      this.#relay(inOrderSaid(read.filter(isArrival)), failures),
    ]);
    return read.flatMap(({ identifier }) => failureOf(identifier, failures));
  }

  /** Messages of the queue of held back ones that have to come again. Never rejects. */
  async handleQueued(records: readonly QueuedRecord[]): Promise<readonly RelayFailure[]> {
    const failures: Failures = new Map();
    await Promise.all(records.map((record) => this.#handleHeld(record, failures)));
    return records.flatMap(({ messageId }) => failureOf(messageId, failures));
  }

  async #handleHeld({ messageId: identifier, body }: QueuedRecord, failures: Failures): Promise<void> {
    const { now, read } = this.#options;
    const held = decodeHeldBack(body);
    if (held === undefined) {
      const problem = `is no entry of the queue that feeds the relay: ${show(body)}`;
      return this.#setAside([{ identifier, pk: undefined, sk: undefined, problem }], failures);
    }
    if (held.until !== undefined && held.until > now())
      return this.#holdBack([{ identifier, held: held as Due }], failures);
    const { namespace, topic, ids } = held;
    try {
      const keys = ids.map((id) => ({ topic, id }));
      const found = (await read(namespace, keys)).map((item) => readItem(identifier, item));
      // Also those that their publisher was to hand on, since it may have died over it.
      const arrivals = found.filter(isArrival).map((arrival) => ({ ...arrival, isDirect: false }));
      await Promise.all([this.#setAside(found.filter(isUnreadable), failures), this.#relay(arrivals, failures)]);
    } catch (cause) {
      failures.set(identifier, asError(cause));
    }
  }

  async #relay(arrivals: readonly Arrival[], failures: Failures): Promise<void> {
    const now = this.#options.now();
    const isServed = ({ namespace }: Arrival) => this.#options.serves(namespace);
    await this.#setAside(arrivals.filter((arrival) => !isServed(arrival)).map(toUnserved), failures);
    // Expired ones as well: whoever gets one counts that it was dropped, and its root is settled then.
    const served = arrivals.filter(isServed);
    await this.#register(served, failures);
    const routed = untilFailure(served, failures).map((arrival) => ({ arrival, route: this.#routeOf(arrival) }));
    if (!(await this.#trace(routed, failures))) return;
    const due = routed.filter(({ arrival: { content } }) => !isHeldBack(content, now));
    const held = routed.filter(({ arrival: { content } }) => isHeldBack(content, now));
    await Promise.all([
      this.#publish(due, failures),
      this.#holdBack(
        held.map(({ arrival }) => ({ identifier: arrival.identifier, held: dueOf(arrival) })),
        failures,
      ),
    ]);
  }

  #routeOf(arrival: Arrival): Route {
    if (isOnlyStored(arrival)) return { agents: [], destinations: [] };
    return this.#options.routes.of(arrival.key.topic, arrival.content);
  }

  /** One after the other, so that topics are announced in the order in which they were first used. */
  async #register(arrivals: readonly Arrival[], failures: Failures): Promise<void> {
    const { registry } = this.#options;
    const last = new Map<string, Arrival>();
    for (const arrival of arrivals) {
      const { namespace, key } = arrival;
      if (!isReserved(key.topic) && !registry.isKnown(namespace, key.topic))
        last.set(`${namespace}#${key.topic}`, arrival);
    }
    for (const [name, { namespace, key }] of last) {
      try {
        await registry.register(namespace, key);
      } catch (cause) {
        for (const { identifier, ...other } of arrivals)
          if (`${other.namespace}#${other.key.topic}` === name) failures.set(identifier, asError(cause));
        return;
      }
    }
  }

  async #trace(routed: readonly { arrival: Arrival; route: Route }[], failures: Failures): Promise<boolean> {
    const { trail } = this.#options;
    if (trail === undefined) return true;
    try {
      await trail(
        routed.flatMap(({ arrival: { content }, route: { agents } }) =>
          content instanceof Uint8Array ? [] : [{ message: content, agents }],
        ),
      );
      return true;
    } catch (cause) {
      for (const { arrival } of routed) failures.set(arrival.identifier, asError(cause));
      return false;
    }
  }

  async #publish(routed: readonly { arrival: Arrival; route: Route }[], failures: Failures): Promise<void> {
    const sources = new Map<Publication, Arrival>();
    for (const { arrival, route } of routed) {
      // Publishers hand on to standard topics, and one that was opened before does not know of an ordered agent.
      const destinations = route.destinations.filter(({ isOrdered }) => isOrdered || !arrival.isDirect);
      if (destinations.length === 0) continue;
      const { namespace, key, content } = arrival;
      const entry = encodeEntry({ namespace, key, epoch: 0, cause: 'published', content });
      for (const destination of destinations) sources.set({ ...destination, entry }, arrival);
    }
    const all = [...sources.keys()].filter((publication) => !this.#confirmed.has(nameOf(publication)));
    const failed = await this.#publisher.publish(all);
    if (failed.size === 0) this.#confirmed.clear();
    else for (const publication of all) if (!failed.has(publication)) this.#confirmed.add(nameOf(publication));
    const refused: Unreadable[] = [];
    for (const [publication, error] of failed) {
      const { identifier, namespace, key } = sources.get(publication) as Arrival;
      if (isOwnFault(error))
        refused.push({ identifier, pk: `${namespace}#${key.topic}#`, sk: key.id, problem: error.message });
      else failures.set(identifier, error);
    }
    await this.#setAside(refused, failures);
  }

  async #holdBack(entries: readonly { identifier: string; held: Due }[], failures: Failures): Promise<void> {
    const now = this.#options.now();
    const messages = entries.map(({ held }) => ({ body: encodeHeldBack(held), delayS: delayOf(held.until, now) }));
    await this.#send(this.#options.holdBack, entries, messages, failures);
  }

  /** What nobody can ever hand on must not hold up the rest. */
  async #setAside(unreadable: readonly Unreadable[], failures: Failures): Promise<void> {
    const messages = unreadable.map(({ pk, sk, problem }) => ({ body: encodeSafetyEntry({ pk, sk, problem }) }));
    await this.#send(this.#options.toSafety, unreadable, messages, failures);
  }

  async #send(
    send: SendToQueue,
    sources: readonly { readonly identifier: string }[],
    messages: Parameters<SendToQueue>[0],
    failures: Failures,
  ): Promise<void> {
    if (messages.length === 0) return;
    try {
      const errors = await send(messages);
      for (const [index, { identifier }] of sources.entries()) {
        const error = errors[index];
        if (error !== undefined) failures.set(identifier, error);
      }
    } catch (cause) {
      for (const { identifier } of sources) failures.set(identifier, asError(cause));
    }
  }
}

type Due = HeldBack & { readonly until: number };

const isUnreadable = (read: Arrival | Unreadable): read is Unreadable => 'problem' in read;
const isArrival = (read: Arrival | Unreadable): read is Arrival => !isUnreadable(read);
const toUnserved = ({ identifier, namespace, key }: Arrival): Unreadable => {
  const problem = `namespace "${namespace}" is not one that this deployment serves`;
  return { identifier, pk: `${namespace}#${key.topic}#`, sk: key.id, problem };
};
const isHeldBack = (content: Message | Uint8Array, now: number) =>
  !(content instanceof Uint8Array) && content.deliverAt !== undefined && content.deliverAt > now;
const dueOf = ({ namespace, key, content }: Arrival): Due => {
  const until = content instanceof Uint8Array ? 0 : (content.deliverAt ?? 0);
  return { namespace, topic: key.topic, ids: [key.id], until };
};
const nameOf = ({ topicArn, entry }: Publication) => `${topicArn} ${entry.deduplicationId}`;

function failureOf(identifier: string, failures: Failures): readonly RelayFailure[] {
  const error = failures.get(identifier);
  return error === undefined ? [] : [{ identifier, error }];
}

/** Those before the first that failed. The rest fails with it: what is handed on must not pass what comes again. */
function untilFailure(arrivals: readonly Arrival[], failures: Failures): readonly Arrival[] {
  const first = arrivals.findIndex(({ identifier }) => failures.has(identifier));
  if (first === -1) return arrivals;
  const error = failures.get((arrivals[first] as Arrival).identifier) as GuildwireError;
  for (const { identifier } of arrivals.slice(first)) failures.set(identifier, error);
  return arrivals.slice(0, first);
}

const asError = (cause: unknown): GuildwireError =>
  cause instanceof GuildwireError ? cause : new BackendUnavailableError('the relay failed, and tries again', { cause });
