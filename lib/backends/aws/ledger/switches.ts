/** @module The pause switch of an agent in a namespace (D17): a row that consumers look at, and remember for a few seconds. */
import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { ledgerKey, tableAttributes } from '../../../environment/aws-keys.ts';
import { toAttributes } from '../calls/attribute-values.ts';
import type { DynamoDBCalls } from '../calls/dynamodb-calls.ts';

/** How old what is remembered may be. */
export const SWITCH_AGE_MS = 5_000;

interface Remembered {
  readonly readAt: number;
  readonly isPaused: Promise<boolean>;
}

export class Switches {
  readonly #dynamodb: DynamoDBCalls;
  readonly #remembered = new Map<string, Remembered>();
  /** Called when a switch was set here. */
  onSet: (agent: string) => void = () => {};

  constructor(dynamodb: DynamoDBCalls) {
    this.#dynamodb = dynamodb;
  }

  isPaused(namespace: string, agent: string): Promise<boolean> {
    const now = this.#dynamodb.calls.clock.now();
    const name = `${namespace}/${agent}`;
    const known = this.#remembered.get(name);
    if (known !== undefined && now - known.readAt < SWITCH_AGE_MS) return known.isPaused;
    const isPaused = this.read(namespace, agent);
    this.#remembered.set(name, { readAt: now, isPaused });
    isPaused.catch(() => this.#remembered.delete(name));
    return isPaused;
  }

  /** As the ledger has it now. */
  async read(namespace: string, agent: string): Promise<boolean> {
    const resource = this.#table;
    const command = new GetItemCommand({ TableName: resource, Key: switchKey(namespace, agent), ConsistentRead: true });
    const { Item } = await this.#dynamodb.send(command, { action: 'dynamodb:GetItem', resource });
    return Item?.paused?.BOOL === true;
  }

  async set(namespace: string, agent: string, paused: boolean): Promise<void> {
    const resource = this.#table;
    const Item = { ...switchKey(namespace, agent), paused: { BOOL: paused } };
    await this.#dynamodb.send(new PutItemCommand({ TableName: resource, Item }), {
      action: 'dynamodb:PutItem',
      resource,
    });
    const readAt = this.#dynamodb.calls.clock.now();
    this.#remembered.set(`${namespace}/${agent}`, { readAt, isPaused: Promise.resolve(paused) });
    this.onSet(agent);
  }

  get #table(): string {
    return this.#dynamodb.calls.settings.ledgerTable;
  }
}

export function switchKey(namespace: string, agent: string) {
  const { partition, sort } = tableAttributes;
  return toAttributes({ [partition]: ledgerKey.agent(namespace, agent), [sort]: 'switch' });
}
