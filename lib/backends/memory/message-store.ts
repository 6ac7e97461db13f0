/** @module The log of one namespace in memory: messages in the order of their ids, by topic, thread and conversation. */
import { firstIdOf, type GemstoneId, isGemstoneId } from '../../core/gemstone-id.ts';
import { type Message, type MessageKey, rootIdOf } from '../../core/message.ts';
import { isReserved, matches } from '../../core/topic.ts';
import type { Cursor, Page, ReadQuery, Where } from '../backend.ts';
import { parseCursor, toCursor } from '../cursor.ts';
import { passes } from '../read-filter.ts';
import type { Thread } from './thread.ts';
import { Threads } from './threads.ts';

/** In ascending order of ids. */
type Messages = readonly Message[];
const NONE: Messages = [];
const SWEEP_EVERY_MS = 60_000;
/** Or when so many were added as there were, so that what expires fast does not pile up, and each costs the same. */
const SWEEP_EVERY = 8_192;

/** What only the subscriptions and the dead letters of a namespace know. */
type Lookups = readonly [patternsOf: (agent: string) => readonly string[], deadLetters: (agent: string) => Messages];

export class MessageStore {
  readonly #retentionMs: (topic: string) => number;
  #all: Message[] = [];
  #byTopic = new Map<string, Message[]>();
  readonly threads = new Threads();
  #byConversation = new Map<string, Message[]>();
  #lastId: GemstoneId | undefined;
  #sweptAt = 0;
  #sweepAt = SWEEP_EVERY;
  #expires = false;

  /** @param retentionMs How long messages of a topic are kept. */
  constructor(retentionMs: (topic: string) => number) {
    this.#retentionMs = retentionMs;
  }

  hasTopic(topic: string): boolean {
    return this.#byTopic.has(topic);
  }

  /** The newest id that was ever stored. */
  get lastId(): GemstoneId | undefined {
    return this.#lastId;
  }

  /**
   * Adds a message whose id is not smaller than any before it.
   *
   * @param thread Of a message that descends from another.
   */
  add(message: Message, now: number, thread: Thread | undefined): void {
    if (this.#all.length >= this.#sweepAt || now - this.#sweptAt >= SWEEP_EVERY_MS) this.#sweep(now);
    this.#all.push(message);
    put(this.#byTopic, message.topic, message);
    if (message.conversationId !== undefined) put(this.#byConversation, message.conversationId, message);
    if (message.expiresAt !== undefined) this.#expires = true;
    this.#lastId = message.id;
    if (thread === undefined) return;
    if (!thread.isEntered) this.enter(rootIdOf(message), thread);
    thread.add(message);
  }

  /** From now on the thread is found by its root. */
  enter(root: GemstoneId, thread: Thread): Thread {
    return this.threads.enter(root, thread, this.copiesOf(root).length);
  }

  /** The message under each of its topics. */
  copiesOf(id: GemstoneId): Messages {
    return this.#all.slice(firstFrom(this.#all, id), firstAfter(this.#all, id));
  }

  get({ topic, id }: MessageKey): Message | undefined {
    const messages = this.#byTopic.get(topic) ?? NONE;
    const message = messages[firstFrom(messages, id)];
    return message?.id === id ? message : undefined;
  }

  /** Every message from `after` on, exclusive, of topics that `admits` names; for a subscription that starts in the past. */
  *since(after: GemstoneId | undefined, admits: (topic: string) => boolean): Iterable<Message> {
    for (let index = after === undefined ? 0 : firstAfter(this.#all, after); index < this.#all.length; index++) {
      const message = this.#all[index] as Message;
      if (admits(message.topic)) yield message;
    }
  }

  topics(): readonly { readonly topic: string; readonly lastId: GemstoneId }[] {
    return [...this.#byTopic]
      .filter(([topic, messages]) => !isReserved(topic) && messages.length > 0)
      .map(([topic, messages]) => ({ topic, lastId: (messages.at(-1) as Message).id }))
      .toSorted((one, other) => (one.topic < other.topic ? -1 : 1));
  }

  /** @param patternsOf The patterns that an agent follows. @param deadLetters The open ones of an agent. */
  read(query: ReadQuery, now: number, ...[patternsOf, deadLetters]: Lookups): Page<Message> {
    const { where } = query;
    if ('references' in where) {
      const found = where.references.map((key) => this.get(key));
      return {
        items: found.filter((message) => message !== undefined && !isGone(message, now)) as Message[],
        next: undefined,
      };
    }
    if ('pattern' in where) return this.#ofPatterns([where.pattern], query, now);
    if ('agent' in where) return this.#ofPatterns(patternsOf(where.agent), query, now);
    return this.#page(this.#candidates(where, deadLetters), query, now);
  }

  /** Where a query that read up to `last` goes on later: behind it, else where it was, else behind all that there is. */
  cursorBehind(query: ReadQuery, last: Message | undefined): Cursor | undefined {
    if (last !== undefined) return toCursor(query, last);
    if (query.after !== undefined && !isGemstoneId(query.after)) return query.after;
    const newest = this.#all.at(-1);
    return newest === undefined ? undefined : toCursor(query, newest);
  }

  #candidates(
    where: Exclude<Where, { references: unknown } | { pattern: unknown } | { agent: unknown }>,
    deadLetters: (agent: string) => Messages,
  ): Messages {
    if ('topic' in where) return this.#byTopic.get(where.topic) ?? NONE;
    if ('conversation' in where) return this.#byConversation.get(where.conversation) ?? NONE;
    if ('deadLettersOf' in where) return deadLetters(where.deadLettersOf);
    const root = where.thread;
    return [...this.copiesOf(root), ...(this.threads.get(root)?.descendants ?? NONE)];
  }

  #ofPatterns(patterns: readonly string[], query: ReadQuery, now: number): Page<Message> {
    const named = new Set(
      [...this.#byTopic.keys()].filter((topic) => patterns.some((pattern) => matches(pattern, topic))),
    );
    const [only] = named;
    if (named.size === 1) return this.#page(this.#byTopic.get(only as string) ?? NONE, query, now);
    // Not filtered first: a page is a small part of the log, and most of it need not be looked at.
    return this.#page(this.#all, query, now, named);
  }

  #page(messages: Messages, query: ReadQuery, now: number, topics?: ReadonlySet<string>): Page<Message> {
    const [first, end] = range(messages, query);
    const step = query.order === 'id-desc' ? -1 : 1;
    const items: Message[] = [];
    for (let index = step > 0 ? first : end - 1; index >= first && index < end; index += step) {
      const message = messages[index] as Message;
      if (topics?.has(message.topic) === false) continue;
      if (isGone(message, now) || !passes(message, query.filter)) continue;
      if (items.length === query.limit) return { items, next: toCursor(query, items.at(-1) as Message) };
      items.push(message);
    }
    return { items, next: undefined };
  }

  /** Lets go of what has expired or is past its retention; deliveries under way hold their message themselves. */
  #sweep(now: number): void {
    this.#sweptAt = now;
    this.#letGo(now);
    this.#sweepAt = this.#all.length + Math.max(SWEEP_EVERY, this.#all.length);
  }

  #letGo(now: number): void {
    const cutoffs = new Map<string, GemstoneId>();
    for (const topic of this.#byTopic.keys()) cutoffs.set(topic, firstIdOf(now - this.#retentionMs(topic)));
    const stays = (message: Message) =>
      !isGone(message, now) && message.id >= (cutoffs.get(message.topic) as GemstoneId);
    const oldestStay = [...this.#byTopic.values()].every(([oldest]) => oldest === undefined || stays(oldest));
    if (!this.#expires && oldestStay) return;
    const kept: Message[] = [];
    const gone: Message[] = [];
    for (const message of this.#all) (stays(message) ? kept : gone).push(message);
    this.#all = kept;
    this.threads.sweep(stays, gone);
    this.#byTopic = filterLists(this.#byTopic, stays);
    this.#expires = this.#all.some(({ expiresAt }) => expiresAt !== undefined);
    this.#byConversation = filterLists(this.#byConversation, stays);
  }
}

function put<Key>(lists: Map<Key, Message[]>, key: Key, message: Message): void {
  const messages = lists.get(key);
  if (messages === undefined) lists.set(key, [message]);
  else messages.push(message);
}

function filterLists<Key>(lists: Map<Key, Message[]>, stays: (message: Message) => boolean): Map<Key, Message[]> {
  const kept = [...lists].map(([key, messages]) => [key, messages.filter(stays)] as const);
  return new Map(kept.filter(([, messages]) => messages.length > 0));
}

export const isGone = (message: Message, now: number) => message.expiresAt !== undefined && message.expiresAt <= now;

/** The part of `messages` that a query reads, as [first, end). */
function range(messages: Messages, query: ReadQuery): readonly [number, number] {
  let first = query.from === undefined ? 0 : firstFrom(messages, query.from);
  let end = query.to === undefined ? messages.length : firstAfter(messages, query.to);
  if (query.after !== undefined) {
    if (query.order === 'id-desc') end = Math.min(end, endBefore(messages, query));
    else first = Math.max(first, startBehind(messages, query));
  }
  return [first, end];
}

/** Where reading forward goes on: behind every copy of an id, or behind the one copy that a cursor names. */
function startBehind(messages: Messages, query: ReadQuery): number {
  const after = query.after as string;
  if (isGemstoneId(after)) return firstAfter(messages, after);
  const key = parseCursor(after, query);
  const index = indexOf(messages, key);
  // If that copy is gone, others of its id may still be there: rather again than never.
  return index === undefined ? firstFrom(messages, key.id) : index + 1;
}

/** The same for reading backward: the index before which reading goes on. */
function endBefore(messages: Messages, query: ReadQuery): number {
  const after = query.after as string;
  if (isGemstoneId(after)) return firstFrom(messages, after);
  const key = parseCursor(after, query);
  return indexOf(messages, key) ?? firstFrom(messages, key.id);
}

/** Undefined if the message is gone. */
function indexOf(messages: Messages, { id, topic }: MessageKey): number | undefined {
  for (let index = firstFrom(messages, id); messages[index]?.id === id; index++) {
    if (messages[index]?.topic === topic) return index;
  }
  return undefined;
}

/** Index of the first message whose id is `id` or greater. */
function firstFrom(messages: Messages, id: GemstoneId): number {
  let low = 0;
  let high = messages.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((messages[middle] as Message).id < id) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Index of the first message whose id is greater than `id`. */
function firstAfter(messages: Messages, id: GemstoneId): number {
  let index = firstFrom(messages, id);
  while (messages[index]?.id === id) index++;
  return index;
}
