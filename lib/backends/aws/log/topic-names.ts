/**
 * @module The topics in use: what patterns are matched against. The relay writes a topic down when it first meets it, so that
 * a pattern finds it a moment after its first message was stored. Where the relay is behind by more than the horizon of
 * tails, who follows a pattern (not a topic) gets of a new topic only what came within the horizon before it was written down.
 */
import type { QueryCommandOutput } from '@aws-sdk/client-dynamodb';
import { InvalidArgumentError } from '../../../core/errors.ts';
import { isReserved, matches } from '../../../core/topic.ts';
import { ledgerKey, tableAttributes } from '../../../environment/aws-keys.ts';
import type { Cursor } from '../../backend.ts';
import { textOf } from '../calls/attribute-values.ts';
import type { DynamoDBCalls } from '../calls/dynamodb-calls.ts';

/** Topics that this process remembers having stored under; beyond it only the table is asked. */
const MAX_NOTED = 10_000;
/** Sorts behind everything that a topic is made of. */
const BEHIND = '~';
/** Reserved topics of which each agent has its own. */
const OWN_TOPICS = ['$inbox', '$self', '$dead'] as const;
const SHARED_TOPICS = ['$errors', '$topics'] as const;

export class TopicNames {
  readonly #dynamodb: DynamoDBCalls;
  /** By namespace: stored under by this process, and perhaps not yet seen by the relay. */
  readonly #noted = new Map<string, Set<string>>();

  constructor(dynamodb: DynamoDBCalls) {
    this.#dynamodb = dynamodb;
  }

  /** This process stored something there, so that it finds it by a pattern at once. */
  noteUsed(namespace: string, topic: string): void {
    const noted = this.#noted.get(namespace) ?? new Set();
    this.#noted.set(namespace, noted);
    if (noted.size < MAX_NOTED) noted.add(topic);
  }

  /** Those that any of the patterns names, each once. Of reserved ones those that the guild's agents have, and what is written down. */
  async matching(namespace: string, patterns: readonly string[]): Promise<readonly string[]> {
    const found = new Set(patterns.filter((pattern) => !pattern.includes('*')));
    const open = patterns.filter((pattern) => pattern.includes('*'));
    if (open.length === 0) return [...found];
    const add = (names: Iterable<string>) => {
      for (const name of names) if (open.some((pattern) => matches(pattern, name))) found.add(name);
    };
    add(this.#noted.get(namespace) ?? []);
    if (open.some(isReserved)) add(this.#reserved());
    for (const prefix of leastPrefixes(open)) for await (const names of this.#pages(namespace, prefix)) add(names);
    return [...found];
  }

  /** Names in alphabetical order without reserved ones, behind `after`. */
  async page(
    namespace: string,
    after: Cursor | undefined,
    limit: number,
  ): Promise<{ readonly names: readonly string[]; readonly next: Cursor | undefined }> {
    // "%" comes right after "$", with which every reserved topic begins.
    const start = after === undefined ? '%' : fromCursor(after, namespace);
    const noted = [...(this.#noted.get(namespace) ?? [])].filter((name) => name > start && !isReserved(name));
    const { Items = [], LastEvaluatedKey } = await this.#query(namespace, start, BEHIND, { limit });
    const written = Items.flatMap((row) => textOf(row, tableAttributes.sort) ?? []).filter((name) => name !== start);
    const last = LastEvaluatedKey === undefined ? undefined : written.at(-1);
    const names = [...new Set([...written, ...noted.filter((name) => last === undefined || name < last)])].toSorted();
    return { names, next: last === undefined ? undefined : toCursor(last, namespace) };
  }

  #reserved(): readonly string[] {
    const { agents } = this.#dynamodb.calls.settings.manifest;
    return [...SHARED_TOPICS, ...agents.flatMap(({ name }) => OWN_TOPICS.map((root) => `${root}.${name}`))];
  }

  async *#pages(namespace: string, prefix: string): AsyncIterable<readonly string[]> {
    const from = prefix === '' ? '%' : prefix;
    let start: QueryCommandOutput['LastEvaluatedKey'];
    do {
      const page = await this.#query(namespace, from, `${prefix}${BEHIND}`, { ...(start && { start }) });
      yield (page.Items ?? []).flatMap((row) => textOf(row, tableAttributes.sort) ?? []);
      start = page.LastEvaluatedKey;
    } while (start !== undefined);
  }

  /** Strongly consistent: a topic that is read too late would be skipped by who follows a pattern. */
  #query(
    namespace: string,
    from: string,
    to: string,
    { limit, start }: { readonly limit?: number; readonly start?: QueryCommandOutput['LastEvaluatedKey'] },
  ): Promise<QueryCommandOutput> {
    const { partition, sort } = tableAttributes;
    return this.#dynamodb.query({
      TableName: this.#dynamodb.calls.settings.ledgerTable,
      KeyConditionExpression: '#p = :p AND #s BETWEEN :from AND :to',
      ProjectionExpression: '#s',
      ExpressionAttributeNames: { '#p': partition, '#s': sort },
      ExpressionAttributeValues: {
        ':p': { S: ledgerKey.topics(namespace) },
        ':from': { S: from },
        ':to': { S: to },
      },
      ConsistentRead: true,
      ...(limit !== undefined && { Limit: limit }),
      ...(start !== undefined && { ExclusiveStartKey: start }),
    });
  }
}

/** What every topic that a pattern names begins with; without those that begin with another of them. */
function leastPrefixes(patterns: readonly string[]): readonly string[] {
  const prefixes = [...new Set(patterns.map((pattern) => pattern.slice(0, pattern.indexOf('*'))))];
  // An empty one stands for all topics but the reserved ones.
  const isWithin = (prefix: string, other: string) =>
    other !== prefix && prefix.startsWith(other) && !(other === '' && isReserved(prefix));
  return prefixes.filter((prefix) => !prefixes.some((other) => isWithin(prefix, other)));
}

const toCursor = (name: string, namespace: string) =>
  Buffer.from(`${namespace}#${name}`).toString('base64url') as Cursor;

function fromCursor(cursor: Cursor, namespace: string): string {
  const [of, name] = Buffer.from(cursor, 'base64url').toString().split('#');
  if (of === namespace && name !== undefined) return name;
  const problem = 'is not a cursor of the topics of this namespace: start without a cursor';
  throw new InvalidArgumentError([{ field: 'after', problem }]);
}
