/** @module Calls of DynamoDB, with the batched read whose leftovers are asked for again. */
import {
  type AttributeValue,
  BatchGetItemCommand,
  DynamoDBClient,
  GetItemCommand,
  QueryCommand,
  type QueryCommandInput,
  type QueryCommandOutput,
} from '@aws-sdk/client-dynamodb';
import { tableAttributes } from '../../../environment/aws-keys.ts';
import type { Attributes } from './attribute-values.ts';
import type { AwsCalls, AwsCommand, SendOptions } from './aws-calls.ts';
import { AwsAccessDeniedError, unavailable } from './aws-errors.ts';

/** Keys that one BatchGetItem takes. */
const MAX_KEYS = 100;

export class DynamoDBCalls {
  readonly calls: AwsCalls;

  constructor(calls: AwsCalls) {
    this.calls = calls;
  }

  get #client(): DynamoDBClient {
    return this.calls.client('dynamodb', (options) => new DynamoDBClient(options));
  }

  /** Repeats: only for commands that may be done twice. */
  send<Output extends object>(command: AwsCommand<Output>, options: SendOptions): Promise<Output> {
    return this.calls.send(this.#client, command, options);
  }

  /** One try. */
  try<Output extends object>(command: AwsCommand<Output>, options: SendOptions): Promise<Output> {
    return this.calls.try(this.#client, command, options);
  }

  /** Asks for nothing, so as to hear the time that every answer tells; a refusal tells it as well. */
  async askTime(table: string, namespace: string): Promise<void> {
    const nothing = { [tableAttributes.partition]: { S: `${namespace}#-` }, [tableAttributes.sort]: { S: '-' } };
    const about = { action: 'dynamodb:GetItem', resource: table };
    try {
      await this.send(new GetItemCommand({ TableName: table, Key: nothing }), about);
    } catch (error) {
      if (!(error instanceof AwsAccessDeniedError)) throw error;
    }
  }

  query(
    input: QueryCommandInput & { readonly TableName: string },
    options: Pick<SendOptions, 'signal'> = {},
  ): Promise<QueryCommandOutput> {
    return this.send(new QueryCommand(input), { action: 'dynamodb:Query', resource: input.TableName, ...options });
  }

  /**
   * The items of `keys` that there are, in no order, read strongly consistently, in calls of 100.
   *
   * @param keys Each at most once.
   */
  async batchGet(table: string, keys: readonly Attributes[]): Promise<readonly Attributes[]> {
    const chunks = Array.from({ length: Math.ceil(keys.length / MAX_KEYS) }, (_, index) =>
      keys.slice(index * MAX_KEYS, (index + 1) * MAX_KEYS),
    );
    return (await Promise.all(chunks.map((chunk) => this.#getAll(table, chunk)))).flat();
  }

  async #getAll(table: string, keys: readonly Attributes[]): Promise<readonly Attributes[]> {
    const about = { action: 'dynamodb:BatchGetItem', resource: table, deadlineAt: this.calls.deadline() };
    const found: Record<string, AttributeValue>[] = [];
    let wanted: Record<string, AttributeValue>[] = [...keys];
    for (let tries = 0; wanted.length > 0; ) {
      const command = new BatchGetItemCommand({ RequestItems: { [table]: { Keys: wanted, ConsistentRead: true } } });
      const answer = await this.send(command, about);
      const items = answer.Responses?.[table] ?? [];
      found.push(...items);
      wanted = answer.UnprocessedKeys?.[table]?.Keys ?? [];
      // What comes page by page comes at once; what is held back for lack of capacity needs a pause.
      tries = items.length > 0 ? 0 : tries + 1;
      if (wanted.length > 0 && !(await this.calls.waitToRepeat(tries, about.deadlineAt)))
        throw unavailable(new Error(`${wanted.length} keys were not processed`), about.action, table);
    }
    return found;
  }
}
