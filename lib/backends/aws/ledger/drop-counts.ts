/** @module How many deliveries of an agent ended without their handler, by reason; one write for all of a batch. */
import { GetItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { ledgerKey, tableAttributes } from '../../../environment/aws-keys.ts';
import type { DropReason } from '../../backend.ts';
import { fromAttributes, toAttributes } from '../calls/attribute-values.ts';
import type { DynamoDBCalls } from '../calls/dynamodb-calls.ts';

export interface Drop {
  readonly namespace: string;
  readonly agent: string;
  readonly reason: DropReason;
}

const PREFIX = 'dropped ';

export class DropCounts {
  readonly #dynamodb: DynamoDBCalls;

  constructor(dynamodb: DynamoDBCalls) {
    this.#dynamodb = dynamodb;
  }

  /** Not repeated, since nobody could tell whether it was counted: of a call that failed nothing is counted. */
  async add(drops: readonly Drop[]): Promise<void> {
    const byAgent = Map.groupBy(drops, ({ namespace, agent }) => `${namespace}/${agent}`);
    await Promise.all([...byAgent.values()].map((own) => this.#addFor(own)));
  }

  async #addFor(drops: readonly Drop[]): Promise<void> {
    const [{ namespace, agent }] = drops as [Drop];
    const counts = [...Map.groupBy(drops, ({ reason }) => reason)];
    const command = new UpdateItemCommand({
      TableName: this.#table,
      Key: countsKey(namespace, agent),
      UpdateExpression: `ADD ${counts.map((_, index) => `#r${index} :n${index}`).join(', ')}`,
      ExpressionAttributeNames: Object.fromEntries(counts.map(([reason], index) => [`#r${index}`, PREFIX + reason])),
      ExpressionAttributeValues: toAttributes(
        Object.fromEntries(counts.map(([, own], index) => [`:n${index}`, own.length])),
      ),
    });
    const about = { action: 'dynamodb:UpdateItem', resource: this.#table };
    // A count is no reason to fail what was settled.
    await this.#dynamodb.try(command, about).catch(() => {});
  }

  async of(namespace: string, agent: string): Promise<Partial<Record<DropReason, number>>> {
    const resource = this.#table;
    const command = new GetItemCommand({ TableName: resource, Key: countsKey(namespace, agent), ConsistentRead: true });
    const { Item = {} } = await this.#dynamodb.send(command, { action: 'dynamodb:GetItem', resource });
    const counts = Object.entries(fromAttributes(Item)).filter(([name]) => name.startsWith(PREFIX));
    return Object.fromEntries(counts.map(([name, count]) => [name.slice(PREFIX.length), Number(count)]));
  }

  get #table(): string {
    return this.#dynamodb.calls.settings.ledgerTable;
  }
}

function countsKey(namespace: string, agent: string) {
  const { partition, sort } = tableAttributes;
  return toAttributes({ [partition]: ledgerKey.agent(namespace, agent), [sort]: 'counts' });
}
