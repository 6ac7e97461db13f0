/** @module Reading what was said: pages over topics, indexes and references, and waiting for more (H1-H7). */
import { QueryCommand } from '@aws-sdk/client-dynamodb';
import { pause } from '../../../core/clock.ts';
import { UndecodableError, UnsupportedFeatureError } from '../../../core/errors.ts';
import { type GemstoneId, isGemstoneId, priorityOf } from '../../../core/gemstone-id.ts';
import { type Message, type MessageKey, toReference } from '../../../core/message.ts';
import {
  CONVERSATION_INDEX,
  conversationKey,
  messageKey,
  THREAD_INDEX,
  tableAttributes,
  threadKey,
} from '../../../environment/aws-keys.ts';
import type { Cursor, Page, ReadFilter, ReadQuery } from '../../backend.ts';
import { parseCursor, toCursor } from '../../cursor.ts';
import { passes } from '../../read-filter.ts';
import { patternsOf } from '../aws-settings.ts';
import { textOf } from '../calls/attribute-values.ts';
import type { AwsCalls } from '../calls/aws-calls.ts';
import type { DynamoDBCalls } from '../calls/dynamodb-calls.ts';
import { Slots } from '../calls/slots.ts';
import { readArrival, type Stretch, toArrivalCursor, toArrivalPlace } from './arrival.ts';
import type { Attachments } from './attachments.ts';
import { Bodies } from './bodies.ts';
import { itemToMessage } from './item.ts';
import { Merge } from './merge.ts';
import type { Range } from './ranges.ts';
import { shardsOf } from './shards.ts';
import { deadLetterSource, indexSource, orCopiesOf, type Place, type Source, shardSource } from './sources.ts';
import type { TopicNames } from './topic-names.ts';

export interface LogReaderOptions {
  readonly calls: AwsCalls;
  readonly dynamodb: DynamoDBCalls;
  readonly attachments: Attachments;
  readonly topicNames: TopicNames;
}

export interface StoredMessage {
  readonly message: Message;
  readonly hasExpired: boolean;
}

/** Places that one page looks at where a filter lets little pass, in multiples of its limit, and at least. */
const MAX_LOOKS = 10;
const MIN_LOOKS = 2_000;
const MAX_TAKEN = 1_001;
/** Bytes of attachments in one page; the page is then short. */
const MAX_ATTACHED_BYTES = 32 * 1_024 * 1_024;
const FIRST_POLL_MS = 100;
const POLL_GROWTH = 1.5;
const TOPICS_PER_PAGE = 100;
const MAX_TOPICS_FOR_COPIES = 1_000;
const NEVER = new AbortController().signal;

export class LogReader {
  readonly #calls: AwsCalls;
  readonly #dynamodb: DynamoDBCalls;
  readonly #attachments: Attachments;
  readonly #topicNames: TopicNames;
  readonly #bodies: Bodies;
  readonly #topicSlots = new Slots(25);

  constructor({ calls, dynamodb, attachments, topicNames }: LogReaderOptions) {
    this.#calls = calls;
    this.#dynamodb = dynamodb;
    this.#attachments = attachments;
    this.#topicNames = topicNames;
    this.#bodies = new Bodies(dynamodb);
  }

  /**
   * As `MessageLog.read`. A page is short where a filter lets little pass, and where payloads are very large. An item that is no
   * message is left out, as if it were not there; so is one whose attachment is gone, or has bytes that were not set aside.
   *
   * @throws UndecodableError for any attachment, if there is no bucket.
   */
  async read(query: ReadQuery): Promise<Page<Message>> {
    if ('references' in query.where)
      return { items: await this.get(query.namespace, query.where.references), next: undefined };
    if (query.order === 'arrival') return this.#arrived(query);
    const { isDone, items, looked } = await this.#stretch(query, rangeOf(query), query.limit);
    return { items, next: isDone || looked === undefined ? undefined : toCursor(query, looked) };
  }

  /** In the order asked; what is missing, expired or no message is left out. */
  async get(namespace: string, keys: readonly MessageKey[]): Promise<readonly Message[]> {
    const found = await this.#bodies.find(namespace, keys);
    const messages = keys.flatMap((key) => this.#bodies.shown(found.get(toReference(key))) ?? []);
    return this.#filled(messages);
  }

  /**
   * What is stored under a key, for who is to get it: retention ends what is shown, and takes nothing that still waits.
   * Undefined once it is gone.
   *
   * @param withPayload Whether a payload that was set aside is fetched; that of an expired message is not.
   * @throws UndecodableError for an item that is no message, and naming an attachment that is gone, or has bytes that were not
   *   set aside.
   */
  async stored(namespace: string, key: MessageKey, withPayload: boolean): Promise<StoredMessage | undefined> {
    const item = (await this.#bodies.find(namespace, [key])).get(toReference(key));
    if (item === undefined) return undefined;
    const message = itemToMessage(item);
    const hasExpired = this.#bodies.hasExpired(message);
    const isFetched = withPayload && !hasExpired;
    return { message: isFetched ? await this.#attachments.fill(message) : message, hasExpired };
  }

  /** As `MessageLog.topics`. */
  async topics(
    namespace: string,
    after?: Cursor,
  ): Promise<Page<{ readonly topic: string; readonly lastId: GemstoneId }>> {
    const { names, next } = await this.#topicNames.page(namespace, after, TOPICS_PER_PAGE);
    const lastIds = await Promise.all(names.map((name) => this.#topicSlots.run(() => this.#lastId(namespace, name))));
    const items = names.flatMap((topic, index) => {
      const lastId = lastIds[index];
      return lastId === undefined ? [] : [{ topic, lastId }];
    });
    return { items, next };
  }

  async #arrived(query: ReadQuery): Promise<Page<Message>> {
    const { signal = NEVER, waitMs = 0, limit } = query;
    const giveUpAt = this.#calls.clock.now() + waitMs;
    const either = AbortSignal.any([signal, this.#calls.closing]);
    const { tailPollMs } = this.#calls.settings;
    let place = toArrivalPlace(query);
    for (let pollMs = Math.min(FIRST_POLL_MS, tailPollMs); ; pollMs = Math.min(tailPollMs, pollMs * POLL_GROWTH)) {
      try {
        const now = this.#calls.time.now();
        const read = await readArrival(place, now, limit, (part, most) =>
          this.#stretch(query, { ...rangeOf(query), ...narrowed(query, part) }, most),
        );
        place = read.place;
        if (read.items.length > 0) return { items: read.items, next: toArrivalCursor(query, place) };
      } catch (error) {
        if (!signal.aborted) throw error;
      }
      const leftMs = giveUpAt - this.#calls.clock.now();
      if (leftMs <= 0 || signal.aborted) return { items: [], next: toArrivalCursor(query, place) };
      await pause(this.#calls.clock, Math.min(pollMs, leftMs), either);
    }
  }

  async #stretch(query: ReadQuery, range: Range, limit: number): Promise<Stretch> {
    const merge = new Merge(await this.#sources(query, range), range.isDescending, limit + 1);
    const items: Message[] = [];
    let looked: Place | undefined;
    let attached = 0;
    const mostLooks = Math.max(MIN_LOOKS, MAX_LOOKS * limit);
    for (let looks = 0, count = limit + 1; looks < mostLooks; looks += count, count = Math.min(count * 2, MAX_TAKEN)) {
      const places = await merge.take(count);
      const candidates = places.filter((place) => mayPass(place, query.filter));
      const found = await this.#bodies.ofPlaces(query.namespace, candidates);
      for (const place of places) {
        const message = this.#bodies.shown(found.get(place));
        if (message !== undefined && passes(message, query.filter)) {
          attached += message.attachment?.bytes ?? 0;
          const isFull = items.length === limit || (attached > MAX_ATTACHED_BYTES && items.length > 0);
          if (isFull) return { items: await this.#filled(items), looked, isDone: false };
          items.push(message);
        }
        looked = place;
      }
      if (places.length < count) return { items: await this.#filled(items), looked, isDone: true };
    }
    return { items: await this.#filled(items), looked, isDone: false };
  }

  async #sources({ namespace, where, order, signal }: ReadQuery, range: Range): Promise<readonly Source[]> {
    const options = { dynamodb: this.#dynamodb, namespace, range, signal };
    const { settings } = this.#calls;
    const { thread, conversation } = tableAttributes;
    if ('thread' in where) {
      if (!settings.threads)
        throw new UnsupportedFeatureError('aws', 'reading threads: its deployment keeps no index of them');
      const id = where.thread;
      const source = indexSource(options, { index: THREAD_INDEX, name: thread, value: threadKey(namespace, id) });
      // Who follows a thread asks again and again, and gets a late root all the same.
      if (order === 'arrival' && range.after !== undefined) return [source];
      return [orCopiesOf(source, options, { id, topics: () => this.#topicsForCopies(namespace) })];
    }
    if ('conversation' in where) {
      const value = conversationKey(namespace, where.conversation);
      return [indexSource(options, { index: CONVERSATION_INDEX, name: conversation, value })];
    }
    if ('deadLettersOf' in where) return [deadLetterSource(options, where.deadLettersOf)];
    if ('references' in where) return [];
    const names = 'topic' in where ? [where.topic] : await this.#names(namespace, where);
    return names.flatMap((topic) => {
      const oldest = this.#bodies.oldest(topic);
      const from = range.from === undefined || range.from < oldest ? oldest : range.from;
      return shardsOf(settings, topic).map((shard) =>
        shardSource({ ...options, range: { ...range, from } }, topic, shard),
      );
    });
  }

  /** Where the copies of an id of which nothing else is known are looked for. */
  async #topicsForCopies(namespace: string): Promise<readonly string[]> {
    const topics = await this.#topicNames.matching(namespace, ['**', '$inbox.*', '$self.*', '$dead.*', '$errors']);
    return topics.slice(0, MAX_TOPICS_FOR_COPIES);
  }

  #names(
    namespace: string,
    where: { readonly pattern: string } | { readonly agent: string },
  ): Promise<readonly string[]> {
    const patterns = 'pattern' in where ? [where.pattern] : patternsOf(this.#calls.settings, where.agent);
    return this.#topicNames.matching(namespace, patterns);
  }

  /** With the payloads that were set aside, as far as they are there. */
  async #filled(messages: readonly Message[]): Promise<readonly Message[]> {
    const filled = await Promise.all(messages.map((message) => this.#whole(message)));
    return filled.filter((message) => message !== undefined);
  }

  async #whole(message: Message): Promise<Message | undefined> {
    try {
      return await this.#attachments.fill(message);
    } catch (error) {
      if (error instanceof UndecodableError && this.#calls.settings.bucket !== undefined) return undefined;
      throw error;
    }
  }

  async #lastId(namespace: string, topic: string): Promise<GemstoneId | undefined> {
    const { settings } = this.#calls;
    const { partition, sort } = tableAttributes;
    const ids = await Promise.all(
      shardsOf(settings, topic).map(async (shard) => {
        const command = new QueryCommand({
          TableName: settings.messagesTable,
          KeyConditionExpression: '#p = :p',
          ProjectionExpression: '#s',
          ExpressionAttributeNames: { '#p': partition, '#s': sort },
          ExpressionAttributeValues: { ':p': { S: messageKey(namespace, topic, shard) } },
          ScanIndexForward: false,
          ConsistentRead: true,
          Limit: 1,
        });
        const about = { action: 'dynamodb:Query', resource: settings.messagesTable };
        const { Items = [] } = await this.#dynamodb.send(command, about);
        return textOf(Items[0], sort);
      }),
    );
    return ids.filter(isGemstoneId).toSorted().at(-1);
  }
}

/** @param query Of any order; of that of arrival only its bounds count. */
function rangeOf(query: ReadQuery): Range {
  const { order, from, to, after } = query;
  const isDescending = order === 'id-desc';
  const range = { isDescending, ...(from !== undefined && { from }), ...(to !== undefined && { to }) };
  if (after === undefined || order === 'arrival') return range;
  // Behind every copy of an id.
  if (isGemstoneId(after)) return { ...range, after: { id: after, topic: isDescending ? '' : '~' } };
  return { ...range, after: parseCursor(after, query) };
}

/** A part of what a query names: no further than both say. */
function narrowed({ to }: ReadQuery, part: Pick<Range, 'after' | 'to'>): Pick<Range, 'after' | 'to'> {
  return { ...part, ...(to !== undefined && (part.to === undefined || to < part.to) && { to }) };
}

/** What can be told without the body. */
const mayPass = ({ id }: Place, filter: ReadFilter = {}) =>
  filter.priority === undefined || priorityOf(id) === filter.priority;
