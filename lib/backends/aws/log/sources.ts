/** @module Where messages are read from: the partitions of a topic, the indexes, the rows of dead letters; each in order. */
import type { QueryCommandOutput } from '@aws-sdk/client-dynamodb';
import { type GemstoneId, isGemstoneId } from '../../../core/gemstone-id.ts';
import type { MessageKey } from '../../../core/message.ts';
import { ledgerKey, messageKey, tableAttributes } from '../../../environment/aws-keys.ts';
import { type Attributes, textOf } from '../calls/attribute-values.ts';
import type { DynamoDBCalls } from '../calls/dynamodb-calls.ts';
import { placeOf } from './item.ts';
import { type Bounds, boundsIn, boundsOfAll, compareKeys, isBehind, type Range } from './ranges.ts';

/** Where a copy lies, and its item if that came along. */
export interface Place extends MessageKey {
  readonly item?: Attributes;
  /** Key of the item, where it is known and the item is not. */
  readonly itemKey?: Attributes;
}

/** Places in the order of reading. */
export interface Source {
  /** The next ones, about `size`; empty only at the end. */
  next(size: number): Promise<readonly Place[]>;
  /** Whether nothing follows. */
  readonly isDone: boolean;
}

const { partition, sort } = tableAttributes;

interface Partition {
  readonly table: string;
  readonly index?: string;
  /** Name and value of the partition key. */
  readonly name: string;
  readonly value: string;
}

/** Pages of one partition of a table or index, strongly consistent where the store can. */
class Pages {
  readonly #dynamodb: DynamoDBCalls;
  readonly #partition: Partition;
  readonly #bounds: Bounds | undefined;
  readonly #isDescending: boolean;
  readonly #signal: AbortSignal | undefined;
  #start: QueryCommandOutput['LastEvaluatedKey'];
  isDone: boolean;

  constructor(
    dynamodb: DynamoDBCalls,
    of: Partition,
    bounds: Bounds | undefined,
    { isDescending }: Range,
    signal: AbortSignal | undefined,
  ) {
    this.#dynamodb = dynamodb;
    this.#partition = of;
    this.#bounds = bounds;
    this.#isDescending = isDescending;
    this.#signal = signal;
    this.isDone = bounds === undefined;
  }

  async next(size: number): Promise<readonly Attributes[]> {
    if (this.isDone || this.#bounds === undefined) return [];
    const { table, index, name, value } = this.#partition;
    const [least, greatest] = this.#bounds;
    const { Items = [], LastEvaluatedKey } = await this.#dynamodb.query(
      {
        TableName: table,
        ...(index === undefined ? { ConsistentRead: true } : { IndexName: index }),
        KeyConditionExpression: '#p = :p AND #s BETWEEN :least AND :greatest',
        ExpressionAttributeNames: { '#p': name, '#s': sort },
        ExpressionAttributeValues: { ':p': { S: value }, ':least': { S: least }, ':greatest': { S: greatest } },
        ScanIndexForward: !this.#isDescending,
        Limit: size,
        ...(this.#start !== undefined && { ExclusiveStartKey: this.#start }),
      },
      this.#signal === undefined ? {} : { signal: this.#signal },
    );
    this.#start = LastEvaluatedKey;
    this.isDone = LastEvaluatedKey === undefined;
    return Items;
  }
}

interface SourceOptions {
  readonly dynamodb: DynamoDBCalls;
  readonly namespace: string;
  readonly range: Range;
  readonly signal: AbortSignal | undefined;
}

/** One shard of a topic: the items themselves. */
export function shardSource(
  { dynamodb, namespace, range, signal }: SourceOptions,
  topic: string,
  shard: number,
): Source {
  const table = dynamodb.calls.settings.messagesTable;
  const of = { table, name: partition, value: messageKey(namespace, topic, shard) };
  const pages = new Pages(dynamodb, of, boundsIn(range, topic), range, signal);
  return {
    get isDone() {
      return pages.isDone;
    },
    async next(size) {
      while (!pages.isDone) {
        const items = await pages.next(size);
        if (items.length > 0) return items.map((item) => ({ topic, id: textOf(item, sort) as GemstoneId, item }));
      }
      return [];
    },
  };
}

/** An index over all topics: keys of items, those of one id in the order of their topics. */
export function indexSource(
  { dynamodb, range, signal }: SourceOptions,
  of: { readonly index: string; readonly name: string; readonly value: string },
): Source {
  const table = dynamodb.calls.settings.messagesTable;
  const pages = new Pages(dynamodb, { table, ...of }, boundsOfAll(range), range, signal);
  return grouped(pages, range, (row) => {
    const { topic, id } = placeOf(row);
    const itemKey = { [partition]: row[partition], [sort]: row[sort] } as Attributes;
    return { topic, id, itemKey };
  });
}

/**
 * What `source` gives; if that is nothing at all, the copies of one id, wherever they lie under `topics`. For a message that is
 * no root, and for a root that the index does not have yet.
 */
export function orCopiesOf(
  source: Source,
  { range }: SourceOptions,
  { id, topics }: { readonly id: GemstoneId; readonly topics: () => Promise<readonly string[]> },
): Source {
  let isLookedFor = false;
  return {
    get isDone() {
      return isLookedFor && source.isDone;
    },
    async next(size) {
      const places = await source.next(size);
      if (isLookedFor || places.length > 0) {
        isLookedFor = true;
        return places;
      }
      isLookedFor = true;
      const { from = id, to = id } = range;
      if (id < from || id > to) return [];
      const sign = range.isDescending ? -1 : 1;
      const copies = (await topics()).map((topic) => ({ topic, id })).filter((place) => isBehind(place, range));
      return copies.toSorted((one, other) => sign * compareKeys(one, other));
    },
  };
}

/** Dead letters of an agent that are open, as their rows name them: by id, and by `topic` if it is not `$dead.<agent>`. */
export function deadLetterSource({ dynamodb, namespace, range, signal }: SourceOptions, agent: string): Source {
  const table = dynamodb.calls.settings.ledgerTable;
  const of = { table, name: partition, value: ledgerKey.dead(namespace, agent) };
  const pages = new Pages(dynamodb, of, boundsOfAll(range), range, signal);
  return grouped(pages, range, (row) => {
    const id = textOf(row, sort);
    return isGemstoneId(id) ? { id, topic: textOf(row, 'topic') ?? `$dead.${agent}` } : undefined;
  });
}

/** Puts the copies of one id in order, which takes all of them, and leaves out what the range does not go on behind. */
function grouped(pages: Pages, range: Range, toPlace: (row: Attributes) => Place | undefined): Source {
  const sign = range.isDescending ? -1 : 1;
  let held: Place[] = [];
  return {
    get isDone() {
      return pages.isDone && held.length === 0;
    },
    async next(size) {
      while (!pages.isDone) {
        const rows = await pages.next(size + 1);
        const places = rows.flatMap((row) => toPlace(row) ?? []).filter((place) => isBehind(place, range));
        held = [...held, ...places].toSorted((one, other) => sign * compareKeys(one, other));
        const last = held.at(-1)?.id;
        const whole = pages.isDone ? held.length : held.findIndex(({ id }) => id === last);
        if (whole > 0) return held.splice(0, whole);
      }
      return held.splice(0);
    },
  };
}
