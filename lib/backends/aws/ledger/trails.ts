/**
 * @module With tracing, what became of everything that descends from a root (G3, G4), in rows under the root: one for each
 * message, with the agents that get it, and one for each delivery that ended or failed. Without tracing nothing is written.
 *
 * | sort key | attributes |
 * | --- | --- |
 * | `r#topic/id#epoch` | `agents`, and `due` (Unix ms) of a delayed message |
 * | `o#topic/id#agent#epoch` | `state`, `attempts`, `outputs` (references), `until` (Unix ms) of one that runs, `redriven` of a dead one that was taken up |
 */
import { PutItemCommand, type TransactWriteItem, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import type { GemstoneId } from '../../../core/gemstone-id.ts';
import {
  type Draft,
  type Message,
  type MessageKey,
  parseReference,
  rootIdOf,
  toReference,
} from '../../../core/message.ts';
import { ledgerKey, tableAttributes } from '../../../environment/aws-keys.ts';
import { type Attributes, fromAttributes, textOf, toAttributes } from '../calls/attribute-values.ts';
import type { DynamoDBCalls } from '../calls/dynamodb-calls.ts';
import type { AwsLease } from '../queues/aws-lease.ts';
import { ttlOf } from './delivery-rows.ts';

export interface TrailEnd {
  readonly done: string;
  readonly attempts: number;
  readonly outputs: readonly Draft[];
  /** Of the outputs. */
  readonly ids: readonly GemstoneId[];
}

/** A message, and who gets it. */
export interface RoutedRow {
  readonly key: MessageKey;
  readonly epoch: number;
  readonly agents: readonly string[];
  /** Unix ms; 0 if it was never delayed. */
  readonly due: number;
}

interface OutcomeAttributes {
  readonly state: string;
  readonly attempts: number;
  readonly outputs: readonly string[];
  readonly until?: number;
  readonly [name: string]: string | number | readonly string[] | undefined;
}

export interface OutcomeRow {
  readonly key: MessageKey;
  readonly agent: string;
  readonly epoch: number;
  readonly state: string;
  readonly attempts: number;
  readonly outputs: readonly MessageKey[];
  /** Unix ms until which it runs. */
  readonly until: number;
  readonly isRedriven: boolean;
}

export interface Trail {
  readonly routed: readonly RoutedRow[];
  readonly outcomes: readonly OutcomeRow[];
}

const { partition, sort, ttl } = tableAttributes;
const KEPT_MS = 45 * 86_400_000;
const unlessEnded = {
  ConditionExpression: 'attribute_not_exists(#state) OR #state IN (:running, :retrying, :waiting)',
  ExpressionAttributeNames: { '#state': 'state' },
  ExpressionAttributeValues: toAttributes({ ':running': 'running', ':retrying': 'retrying', ':waiting': 'waiting' }),
} as const;

export class Trails {
  readonly #dynamodb: DynamoDBCalls;

  constructor(dynamodb: DynamoDBCalls) {
    this.#dynamodb = dynamodb;
  }

  get isOn(): boolean {
    return this.#dynamodb.calls.settings.tracing;
  }

  /** For the relay, before it hands messages on. Rejects if not all could be written. */
  readonly routed = async (
    messages: readonly { readonly message: Message; readonly agents: readonly string[] }[],
    epoch = 0,
  ): Promise<void> => {
    if (!this.isOn) return;
    const resource = this.#table;
    await Promise.all(
      messages.map(({ message, agents }) => {
        const row = { agents, due: message.deliverAt, [ttl]: this.#ttl() };
        const Item = { ...trailKey(message, `r#${toReference(message)}#${epoch}`), ...toAttributes(row) };
        return this.#dynamodb.send(new PutItemCommand({ TableName: resource, Item }), {
          action: 'dynamodb:PutItem',
          resource,
        });
      }),
    );
  };

  /** That a delivery has ended, as entries of the step that ends it. */
  ended(lease: AwsLease, { done, attempts, outputs, ids }: TrailEnd): readonly TransactWriteItem[] {
    const references = outputs.flatMap(({ message }, index) =>
      message.topics.map((topic) => toReference({ topic, id: ids[index] as GemstoneId })),
    );
    return this.#outcome(lease, { state: done, attempts, outputs: references });
  }

  /** That it was given back, after a failed attempt or without one. */
  givenBack(lease: AwsLease, hasFailed: boolean): readonly TransactWriteItem[] {
    const attempts = lease.faults.length + (hasFailed ? 1 : 0);
    return this.#outcome(lease, { state: attempts === 0 ? 'waiting' : 'retrying', attempts, outputs: [] });
  }

  /** That it ended without its handler. One that comes once more may, and keeps the end that it has. */
  dropped(lease: AwsLease, done: string): readonly TransactWriteItem[] {
    const row = { state: done, attempts: lease.faults.length, outputs: [] };
    return this.#outcome(lease, row).map(({ Put }) => ({ Put: { ...Put, ...unlessEnded } }));
  }

  /** That consumers have them in hand. Best effort: who asks in vain is told that they wait. */
  async running(leases: readonly AwsLease[]): Promise<void> {
    const rows = leases.flatMap((lease) =>
      this.#outcome(lease, { state: 'running', attempts: lease.faults.length, outputs: [], until: lease.until }),
    );
    await Promise.all(rows.map(({ Put }) => this.#putOver(Put)));
  }

  /** Unless it has ended meanwhile. */
  async #putOver(put: { readonly TableName: string; readonly Item: Attributes }): Promise<void> {
    const resource = this.#table;
    const command = new PutItemCommand({ ...put, ...unlessEnded });
    await this.#dynamodb.try(command, { action: 'dynamodb:PutItem', resource }).catch(() => {});
  }

  /** That a dead letter was taken up again. */
  async redriven(message: Message, agent: string, epoch: number): Promise<void> {
    if (!this.isOn) return;
    const resource = this.#table;
    const command = new UpdateItemCommand({
      TableName: resource,
      Key: trailKey(message, outcomeName(message, agent, epoch)),
      UpdateExpression: 'SET #redriven = :true',
      ConditionExpression: 'attribute_exists(#sort)',
      ExpressionAttributeNames: { '#redriven': 'redriven', '#sort': sort },
      ExpressionAttributeValues: toAttributes({ ':true': true }),
    });
    const answers = ['ConditionalCheckFailedException'];
    try {
      await this.#dynamodb.send(command, { action: 'dynamodb:UpdateItem', resource, answers });
    } catch (error) {
      if (!(error instanceof Error) || !answers.includes(error.name)) throw error;
    }
  }

  async read(namespace: string, root: GemstoneId): Promise<Trail> {
    const rows: Attributes[] = [];
    let after: Attributes | undefined;
    do {
      const page = await this.#dynamodb.query({
        TableName: this.#table,
        ConsistentRead: true,
        KeyConditionExpression: '#pk = :pk',
        ExpressionAttributeNames: { '#pk': partition },
        ExpressionAttributeValues: toAttributes({ ':pk': ledgerKey.trail(namespace, root) }),
        ...(after !== undefined && { ExclusiveStartKey: after }),
      });
      rows.push(...(page.Items ?? []));
      after = page.LastEvaluatedKey;
    } while (after !== undefined);
    const isRouted = (row: Attributes) => textOf(row, sort)?.startsWith('r#') === true;
    return {
      routed: rows.filter(isRouted).map(toRouted),
      outcomes: rows.filter((row) => !isRouted(row)).map(toOutcome),
    };
  }

  #outcome(lease: AwsLease, row: OutcomeAttributes) {
    const { message, agent, epoch } = lease;
    if (!this.isOn || message === undefined) return [];
    const Item = {
      ...trailKey(message, outcomeName(message, agent, epoch)),
      ...toAttributes({ ...row, [ttl]: this.#ttl() }),
    };
    return [{ Put: { TableName: this.#table, Item } }];
  }

  #ttl(): number {
    return ttlOf(this.#dynamodb.calls.clock.now(), KEPT_MS);
  }

  get #table(): string {
    return this.#dynamodb.calls.settings.ledgerTable;
  }
}

const outcomeName = (message: MessageKey, agent: string, epoch: number) =>
  `o#${toReference(message)}#${agent}#${epoch}`;

const trailKey = (message: Message, name: string) =>
  toAttributes({ [partition]: ledgerKey.trail(message.namespace, rootIdOf(message)), [sort]: name });

const namesOf = (value: unknown): readonly string[] => (Array.isArray(value) ? value.map(String) : []);

function toRouted(row: Attributes): RoutedRow {
  const [, reference = '', epoch] = (textOf(row, sort) ?? '').split('#');
  const { agents, due } = fromAttributes(row);
  return { key: parseReference(reference), epoch: Number(epoch), agents: namesOf(agents), due: Number(due ?? 0) };
}

function toOutcome(row: Attributes): OutcomeRow {
  const [, reference = '', agent = '', epoch] = (textOf(row, sort) ?? '').split('#');
  const { state, attempts, outputs, until, redriven } = fromAttributes(row);
  return {
    key: parseReference(reference),
    agent,
    epoch: Number(epoch),
    state: String(state),
    attempts: Number(attempts),
    outputs: namesOf(outputs).map((each) => parseReference(each)),
    until: Number(until ?? 0),
    isRedriven: redriven === true,
  };
}
