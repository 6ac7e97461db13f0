/** @module Items as messages that may be shown: found by their keys, decoded, and neither expired nor past their retention. */
import { UndecodableError } from '../../../core/errors.ts';
import { firstIdOf, type GemstoneId } from '../../../core/gemstone-id.ts';
import { type Message, type MessageKey, type Reference, toReference } from '../../../core/message.ts';
import { DEFAULT_RETENTION_DAYS } from '../../../core/topic-family.ts';
import { tableAttributes } from '../../../environment/aws-keys.ts';
import { isOrderedTopic } from '../aws-settings.ts';
import type { Attributes } from '../calls/attribute-values.ts';
import type { DynamoDBCalls } from '../calls/dynamodb-calls.ts';
import { itemToMessage, placeOf, toItemKey } from './item.ts';
import { likelyShardsOf, POSSIBLE_SHARDS, shardsOf } from './shards.ts';
import type { Place } from './sources.ts';

const DAY_MS = 86_400_000;

export class Bodies {
  readonly #dynamodb: DynamoDBCalls;

  constructor(dynamodb: DynamoDBCalls) {
    this.#dynamodb = dynamodb;
  }

  get #settings() {
    return this.#dynamodb.calls.settings;
  }

  /** The least id of a topic that is still shown. */
  oldest(topic: string): GemstoneId {
    const days = this.#settings.families.of(topic)?.retentionDays ?? DEFAULT_RETENTION_DAYS;
    return firstIdOf(this.#dynamodb.calls.time.now() - days * DAY_MS);
  }

  /** The items of places, in their order; those that have none are left out. */
  async ofPlaces(namespace: string, places: readonly Place[]): Promise<ReadonlyMap<Place, Attributes>> {
    const keyed = places.flatMap(({ item, itemKey }) => (item === undefined && itemKey !== undefined ? [itemKey] : []));
    const unkeyed = places.filter(({ item, itemKey }) => item === undefined && itemKey === undefined);
    const [items, found] = await Promise.all([
      this.#dynamodb.batchGet(this.#settings.messagesTable, keyed),
      this.find(namespace, unkeyed),
    ]);
    const byKey = new Map(items.map((item) => [nameOf(item), item]));
    return new Map(
      places.flatMap((place) => {
        const { item, itemKey } = place;
        const known = item ?? (itemKey === undefined ? found.get(toReference(place)) : byKey.get(nameOf(itemKey)));
        return known === undefined ? [] : [[place, known] as const];
      }),
    );
  }

  /**
   * The items that references name: looked for first where they were put if nothing was changed since, then wherever any
   * version of the guild may have put them, since a newer one may be at work while this one still runs.
   */
  async find(namespace: string, keys: readonly MessageKey[]): Promise<ReadonlyMap<Reference, Attributes>> {
    const found = new Map<Reference, Attributes>();
    const wanted = [...new Map(keys.map((key) => [toReference(key), key])).values()];
    const look = async (shardsFor: (key: MessageKey) => readonly number[]) => {
      const missing = wanted.filter((key) => !found.has(toReference(key)));
      const places = missing.flatMap((key) => shardsFor(key).map((shard) => toItemKey({ ...key, namespace, shard })));
      for (const item of await this.#dynamodb.batchGet(this.#settings.messagesTable, places))
        found.set(toReference(placeOf(item)), item);
    };
    const first = (key: MessageKey) =>
      isOrderedTopic(this.#settings, key.topic)
        ? shardsOf(this.#settings, key.topic)
        : likelyShardsOf(this.#settings, key);
    await look(first);
    await look((key) => {
      const looked = new Set(first(key));
      return POSSIBLE_SHARDS.filter((shard) => !looked.has(shard));
    });
    return found;
  }

  /** Undefined for what is no message, has expired or is past its retention: as if it were not there. */
  shown(item: Attributes | undefined): Message | undefined {
    const message = item === undefined ? undefined : decoded(item);
    if (message === undefined || message.id < this.oldest(message.topic)) return undefined;
    return this.hasExpired(message) ? undefined : message;
  }

  hasExpired({ expiresAt }: Message): boolean {
    return expiresAt !== undefined && expiresAt <= this.#dynamodb.calls.time.now();
  }
}

function decoded(item: Attributes): Message | undefined {
  try {
    return itemToMessage(item);
  } catch (error) {
    if (error instanceof UndecodableError) return undefined;
    throw error;
  }
}

const nameOf = (item: Attributes) => `${item[tableAttributes.partition]?.S}/${item[tableAttributes.sort]?.S}`;
