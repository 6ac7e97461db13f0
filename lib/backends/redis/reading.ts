/** @module Reading what was said: pages over topics, indexes and references, and waiting for more (H1-H7). */
import { decodeMessage } from '../../core/codec.ts';
import { UndecodableError } from '../../core/errors.ts';
import { firstIdOf, type GemstoneId, isGemstoneId } from '../../core/gemstone-id.ts';
import type { Message, MessageKey } from '../../core/message.ts';
import { matches } from '../../core/topic.ts';
import type { Cursor, Page, ReadQuery, Where } from '../backend.ts';
import { parseCursor, toCursor } from '../cursor.ts';
import { passes } from '../read-filter.ts';
import type { Namespaces } from './namespace.ts';
import { bounds, indexBounds, type Point, type Range } from './ranges.ts';
import { bytes, list, number, type Reply, rows, text } from './reply.ts';
import type { TopicNames } from './topic-names.ts';

type Placed = readonly Reply[];
interface Horizon {
  /** The time of the store. */
  readonly now: number;
  /** The newest id, or empty: everything up to it is in its place. */
  readonly last: string;
}
interface Chunk extends Horizon {
  readonly places: readonly Placed[];
}
/** Reads up to `limit` places of a range, in the direction of reading. */
type Source = (range: Range, limit: number) => Promise<Chunk>;

/** Sorts behind every topic, so that a point with it lies behind every copy of its id. */
const LAST_TOPIC = '~';
/** Places that one call looks at. */
const MAX_CHUNK = 1_000;
/** Calls for one page of a query whose filter lets little pass; the page is then short, and not the last. */
const MAX_CALLS = 20;
const TOPICS_PER_CALL = 200;
/** A tail looks by itself as often as this, should a word have been lost. */
const LOOK_MS = 5_000;

export class Reading {
  readonly #namespaces: Namespaces;
  readonly #topicNames: TopicNames;

  constructor(namespaces: Namespaces, topicNames: TopicNames) {
    this.#namespaces = namespaces;
    this.#topicNames = topicNames;
  }

  async read(query: ReadQuery): Promise<Page<Message>> {
    if ('references' in query.where) {
      return { items: await this.references(query.namespace, query.where.references), next: undefined };
    }
    if (query.order !== 'arrival') return this.#page(query);
    const giveUpAt = performance.now() + (query.waitMs ?? 0);
    const signals = [this.#namespaces.closing, ...(query.signal === undefined ? [] : [query.signal])];
    const channel = (query.waitMs ?? 0) > 0 ? this.#namespaces.logChannel(query.namespace) : undefined;
    let after = query.after;
    for (;;) {
      const seen = channel?.heard ?? 0;
      const page = await this.#page(after === undefined ? query : { ...query, after });
      const leftMs = giveUpAt - performance.now();
      if (page.items.length > 0 || channel === undefined || leftMs <= 0 || signals.some(({ aborted }) => aborted))
        return page;
      after = page.next;
      await channel.changed(seen, Math.min(leftMs, LOOK_MS), signals, (topic) => mayName(query.where, topic));
    }
  }

  /** In the order asked; what is missing, expired or unreadable is left out. */
  async references(namespace: string, keys: readonly MessageKey[]): Promise<readonly Message[]> {
    if (keys.length === 0) return [];
    const args = keys.flatMap(({ id, topic }) => [id, topic]);
    const [now, bodies] = list(await this.#namespaces.call('read_references', namespace, args, { raw: true }));
    return list(bodies)
      .map((body, index) => decoded(namespace, keys[index] as MessageKey, body))
      .filter((message) => message !== undefined && !isGone(message, number(now))) as Message[];
  }

  async #page(query: ReadQuery): Promise<Page<Message>> {
    const { namespace, where, limit, filter } = query;
    // Before the topics are listed that a pattern names: one that comes later holds nothing up to here.
    const asksFirst = 'pattern' in where || 'agent' in where || startsTail(query);
    const before = asksFirst ? await this.#horizon(namespace) : undefined;
    const source = await this.#source(query);
    const items: Message[] = [];
    let range = rangeOf(query, before);
    for (let calls = 0; calls < MAX_CALLS; calls++) {
      // What is left and one more, to know whether there is more; where a filter lets little pass, ever more at a time.
      const wanted = Math.min((limit - items.length + 1) * 2 ** calls, MAX_CHUNK);
      const { now, last, places } = await source(range, wanted);
      for (const [place, body] of places) {
        const key = toKey(text(place));
        const message = decoded(namespace, key, body);
        if (message !== undefined && !isGone(message, now) && passes(message, filter)) {
          if (items.length === limit) return { items, next: toCursor(query, items.at(-1) as Message) };
          items.push(message);
        }
        range = { ...range, after: key };
      }
      if (places.length < wanted)
        return {
          items,
          next: query.order === 'arrival' ? behind(query, before?.last ?? last, range.after) : undefined,
        };
    }
    return { items, next: range.after === undefined ? undefined : toCursor(query, range.after) };
  }

  async #horizon(namespace: string): Promise<Horizon> {
    const [now, last] = list(await this.#namespaces.call('horizon', namespace, []));
    return { now: number(now), last: text(last) };
  }

  async #source({ namespace, where }: ReadQuery): Promise<Source> {
    if ('topic' in where) return this.#ofTopics(namespace, [where.topic]);
    if ('pattern' in where)
      return this.#ofTopics(namespace, await this.#topicNames.matching(namespace, [where.pattern]));
    if ('agent' in where) return this.#ofAgent(namespace, where.agent);
    if ('conversation' in where) return this.#ofIndex(namespace, `c:${where.conversation}`);
    if ('deadLettersOf' in where) return this.#ofIndex(namespace, `dl:${where.deadLettersOf}`);
    return this.#ofThread(namespace, (where as { thread: GemstoneId }).thread);
  }

  async #ofAgent(namespace: string, agent: string): Promise<Source> {
    const registry = this.#namespaces.registry(namespace);
    await registry.refresh();
    const patterns = registry.subscriptionOf(agent)?.patterns ?? [];
    return this.#ofTopics(namespace, await this.#topicNames.matching(namespace, patterns));
  }

  #ofTopics(namespace: string, topics: readonly string[]): Source {
    return async (range, limit) => {
      const order = range.isDescending ? 'desc' : 'asc';
      let chunk: Chunk | undefined;
      for (let start = 0; start < topics.length || chunk === undefined; start += TOPICS_PER_CALL) {
        const still = narrowed(range, chunk, limit);
        const args = topics.slice(start, start + TOPICS_PER_CALL).flatMap((topic) => [topic, ...bounds(still, topic)]);
        const reply = await this.#namespaces.call('read_topics', namespace, [order, limit, ...args], { raw: true });
        chunk = merged(chunk, toChunk(reply), range, limit);
      }
      return chunk;
    };
  }

  #ofIndex(namespace: string, index: string): Source {
    return async (range, limit) => {
      const args = [range.isDescending ? 'desc' : 'asc', limit, index, ...indexBounds(range)];
      return toChunk(await this.#namespaces.call('read_index', namespace, args, { raw: true }));
    };
  }

  /** A root of which nothing descends has no thread. */
  async #ofThread(namespace: string, root: GemstoneId): Promise<Source> {
    const thread = this.#ofIndex(namespace, `th:${root}`);
    const { places } = await thread({ isDescending: false }, 1);
    if (places.length > 0) return thread;
    const topics = text(await this.#namespaces.call('topics_of', namespace, [root])).split(' ');
    const alone = this.#ofTopics(
      namespace,
      topics.filter((topic) => topic !== ''),
    );
    return (range, limit) => alone(within(range, root), limit);
  }
}

function toChunk(reply: Reply): Chunk {
  const [now, last, places] = list(reply);
  return { now: number(now), last: text(last), places: rows(places, 2) };
}

/** The first of both, in the direction of reading. */
function merged(one: Chunk | undefined, other: Chunk, { isDescending }: Range, limit: number): Chunk {
  if (one === undefined) return other;
  const sign = isDescending ? -1 : 1;
  const places = [...one.places, ...other.places].toSorted(([a], [b]) => (text(a) < text(b) ? -sign : sign));
  return { ...one, places: places.slice(0, limit) };
}

/** What can still be among the first `limit`, when so many were found already. */
function narrowed(range: Range, chunk: Chunk | undefined, limit: number): Range {
  const last = chunk?.places[limit - 1];
  if (last === undefined) return range;
  const { id } = toKey(text(last[0]));
  return range.isDescending ? { ...range, from: id } : { ...range, to: id };
}

/** A range that holds nothing but one id. */
function within(range: Range, id: GemstoneId): Range {
  const from = range.from === undefined || range.from < id ? id : range.from;
  const to = range.to === undefined || range.to > id ? id : range.to;
  return { ...range, from, to };
}

function rangeOf(query: ReadQuery, horizon: Horizon | undefined): Range {
  const { after, order } = query;
  const isDescending = order === 'id-desc';
  const last = horizon?.last ?? '';
  const to = last !== '' && (query.to === undefined || query.to > last) ? (last as GemstoneId) : query.to;
  const from = order === 'arrival' ? tailFrom(query, horizon) : query.from;
  const range = { isDescending, ...(to !== undefined && { to }), ...(from !== undefined && { from }) };
  if (after === undefined) return range;
  if (!isGemstoneId(after)) return { ...range, after: parseCursor(after, query) };
  return { ...range, after: { id: after, topic: isDescending ? '' : LAST_TOPIC } };
}

const startsTail = ({ order, from, after }: ReadQuery) =>
  order === 'arrival' && from !== undefined && (after === undefined || isGemstoneId(after));

/**
 * From where a tail is shown what comes. A clock that is ahead of the store's would have it begin where the store has not
 * come to, and skip what is stored until then; so it begins where the store is. Later its cursor alone says where it is.
 */
function tailFrom(query: ReadQuery, horizon: Horizon | undefined): GemstoneId | undefined {
  const { from } = query;
  if (!startsTail(query) || from === undefined || horizon === undefined) return undefined;
  const reached = [firstIdOf(horizon.now), horizon.last].toSorted().at(-1) as GemstoneId;
  return from < reached ? from : reached;
}

/** Where a tail goes on: behind all that was there when it looked, never before where it was. */
function behind(query: ReadQuery, last: string, reached: Point | undefined): Cursor | undefined {
  if (reached !== undefined && reached.id > last) return toCursor(query, reached);
  const { after } = query;
  const before = after === undefined || isGemstoneId(after) ? undefined : after;
  if (last === '') return before ?? toCursor(query, { id: firstIdOf(0), topic: LAST_TOPIC });
  return toCursor(query, { id: last as GemstoneId, topic: LAST_TOPIC });
}

function toKey(place: string): MessageKey {
  return { id: place.slice(0, 26) as GemstoneId, topic: place.slice(27) };
}

/** Undefined for what is gone or no message. */
function decoded(namespace: string, key: MessageKey, body: Reply): Message | undefined {
  const stored = bytes(body);
  if (stored === undefined) return undefined;
  try {
    return decodeMessage(stored, namespace, key);
  } catch (error) {
    if (error instanceof UndecodableError) return undefined;
    throw error;
  }
}

const isGone = (message: Message, now: number) => message.expiresAt !== undefined && message.expiresAt <= now;

/** Whether a query may name what was stored under a topic. */
function mayName(where: Where, topic: string): boolean {
  if ('topic' in where) return where.topic === topic;
  return !('pattern' in where) || matches(where.pattern, topic);
}
