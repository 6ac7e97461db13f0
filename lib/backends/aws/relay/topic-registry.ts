/**
 * @module The topics in use: a row for each in the Ledger table, `ledgerKey.topics(namespace)` / topic, with the attributes
 * `lastId` and `ttl`, and a message under `$topics` when it is first used.
 *
 * What is known is remembered, and written again only once in a while: a topic that takes a thousand messages a second is no
 * hot row. So `lastId` is near the last one, and never behind it.
 */
import { type TransactWriteItem, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import type { Draft, MessageKey } from '../../../core/message.ts';
import { platformDraft } from '../../../core/platform-draft.ts';
import { DEFAULT_RETENTION_DAYS } from '../../../core/topic-family.ts';
import { ledgerKey, tableAttributes } from '../../../environment/aws-keys.ts';
import { toAttributes } from '../calls/attribute-values.ts';
import type { DynamoDBCalls } from '../calls/dynamodb-calls.ts';
import type { Commits } from '../ledger/commit.ts';
import { KEPT_AFTER_RETENTION_S } from '../log/item.ts';
import type { PreparedDraft } from '../log/prepared.ts';

export interface TopicRegistryOptions {
  readonly dynamodb: DynamoDBCalls;
  readonly commits: Commits;
  /** Gives drafts their ids, as entries of a transaction. */
  readonly prepare: (drafts: readonly Draft[]) => Promise<readonly PreparedDraft[]>;
  /** How old the last id of a topic may be before it is written again, in ms. @default 60,000 */
  readonly refreshMs?: number;
}

const REFRESH_MS = 60_000;
/** The id of an announcement is not put when it is older: the record comes again, and the announcement with a new id. */
const TRY_MS = 2_000;
const MAX_KNOWN = 50_000;
const DAY_S = 86_400;
const CHECK_FAILED = 'ConditionalCheckFailedException';

export class TopicRegistry {
  readonly #options: TopicRegistryOptions;
  readonly #refreshMs: number;
  /** When each was last written, by namespace and topic (Unix ms). */
  readonly #known = new Map<string, number>();

  constructor(options: TopicRegistryOptions) {
    this.#options = options;
    this.#refreshMs = options.refreshMs ?? REFRESH_MS;
  }

  /** Whether the topic need not be written now. */
  isKnown(namespace: string, topic: string): boolean {
    const writtenAt = this.#known.get(`${namespace}#${topic}`);
    return writtenAt !== undefined && this.#now() - writtenAt < this.#refreshMs;
  }

  /** A message lies under the topic; one that is first used is announced, once, whoever else finds it at the same time. */
  async register(namespace: string, { topic, id }: MessageKey): Promise<void> {
    if (!(await this.#update(namespace, topic, id))) await this.#create(namespace, topic, id);
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.set(`${namespace}#${topic}`, this.#now());
  }

  /** Whether there is a row; one of a greater id stays as it is. */
  async #update(namespace: string, topic: string, id: string): Promise<boolean> {
    const { dynamodb } = this.#options;
    const TableName = dynamodb.calls.settings.ledgerTable;
    const { partition, sort } = tableAttributes;
    const command = new UpdateItemCommand({
      TableName,
      Key: toAttributes({ [partition]: ledgerKey.topics(namespace), [sort]: topic }),
      UpdateExpression: 'SET #last = :id, #ttl = :ttl',
      ConditionExpression: 'attribute_exists(#last) AND #last < :id AND #ttl > :now',
      ExpressionAttributeNames: { '#last': 'lastId', '#ttl': tableAttributes.ttl },
      ExpressionAttributeValues: toAttributes({ ':id': id, ':ttl': this.#ttl(topic), ':now': this.#nowS() }),
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    });
    try {
      await dynamodb.send(command, { action: 'dynamodb:UpdateItem', resource: TableName, answers: [CHECK_FAILED] });
      return true;
    } catch (error) {
      if (!(error instanceof Error) || error.name !== CHECK_FAILED) throw error;
      const { Item } = error as { readonly Item?: Readonly<Record<string, { readonly N?: string }>> };
      return Number(Item?.[tableAttributes.ttl]?.N ?? 0) > this.#nowS();
    }
  }

  /** The row and its announcement, in one step: a crash between them would leave a topic that nobody heard of. */
  async #create(namespace: string, topic: string, id: string): Promise<void> {
    const { dynamodb, commits, prepare } = this.#options;
    const content = { format: 'guildwire.topic', payload: { topic } };
    const [announcement] = await prepare([platformDraft('topics', { namespace, topic: '$topics' }, content)]);
    const { partition, sort, ttl } = tableAttributes;
    const row: TransactWriteItem = {
      Put: {
        TableName: dynamodb.calls.settings.ledgerTable,
        Item: toAttributes({
          [partition]: ledgerKey.topics(namespace),
          [sort]: topic,
          lastId: id,
          [ttl]: this.#ttl(topic),
        }),
        ConditionExpression: 'attribute_not_exists(#sort) OR #ttl <= :now',
        ExpressionAttributeNames: { '#sort': sort, '#ttl': ttl },
        ExpressionAttributeValues: toAttributes({ ':now': this.#nowS() }),
      },
    };
    // A condition that does not hold means that somebody else has announced it, or this very call when it was repeated.
    await commits.commit([row, ...(announcement?.puts ?? [])], {
      token: crypto.randomUUID(),
      deadlineAt: Math.min(dynamodb.calls.deadline(), dynamodb.calls.clock.now() + TRY_MS),
    });
  }

  /** Unix s: as long as its last message is kept. */
  #ttl(topic: string): number {
    const { families } = this.#options.dynamodb.calls.settings;
    const days = families.of(topic)?.retentionDays ?? DEFAULT_RETENTION_DAYS;
    return this.#nowS() + Math.ceil(days * DAY_S) + KEPT_AFTER_RETENTION_S;
  }

  #now(): number {
    return this.#options.dynamodb.calls.clock.now();
  }

  #nowS(): number {
    return Math.floor(this.#now() / 1_000);
  }
}
