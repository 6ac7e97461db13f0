/**
 * @module Plans as the ledger keeps them: a head that says how far a plan is, its entries in chunks, and a row in the list of
 * those that were begun, from the first entry to the last.
 */
import {
  DeleteItemCommand,
  GetItemCommand,
  PutItemCommand,
  type TransactWriteItem,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { type MessageKey, parseReference, toReference } from '../../../core/message.ts';
import { ledgerKey, tableAttributes } from '../../../environment/aws-keys.ts';
import type { Plan, PlanId } from '../../backend.ts';
import { type Attributes, fromAttributes, textOf, toAttributes } from '../calls/attribute-values.ts';
import type { DynamoDBCalls } from '../calls/dynamodb-calls.ts';
import { ttlOf } from './delivery-rows.ts';

/** References in one row: 230 characters each at most, of 400 KB. */
const CHUNK = 1_000;
const KEPT_MS = 30 * 86_400_000;
const HEAD = 'plan';
const workedAtName = 'at';
const { partition, sort, ttl } = tableAttributes;

const chunkName = (index: number) => `chunk#${String(index).padStart(6, '0')}`;
/** Of one entry of a replay: its epoch, so that a repeat of it is the same delivery. */
const entryName = (index: number) => `entry#${String(index).padStart(9, '0')}`;

/** A plan that was begun. */
export interface BegunPlan {
  readonly plan: Plan;
  /** When it was last worked on (Unix ms). */
  readonly workedAt: number;
}

export class PlanRows {
  readonly #dynamodb: DynamoDBCalls;

  constructor(dynamodb: DynamoDBCalls) {
    this.#dynamodb = dynamodb;
  }

  /** The head comes last, so that a plan that is known is whole. */
  async put(plan: Plan, entries: readonly MessageKey[]): Promise<void> {
    for (let start = 0; start < entries.length; start += CHUNK) {
      const references = entries.slice(start, start + CHUNK).map(toReference);
      await this.#put(plan, chunkName(start / CHUNK), { references: JSON.stringify(references) });
    }
    const { agent, action, total, done, skipped } = plan;
    await this.#put(plan, HEAD, { agent, action, total, done, skipped });
  }

  async get(id: PlanId): Promise<Plan | undefined> {
    const row = await this.#get(id, HEAD);
    return row && planOf(id, row);
  }

  /** Writes down that somebody begins it, so that it is finished whatever becomes of them. */
  async begin({ id }: Plan): Promise<void> {
    const resource = this.#table;
    const row = { [workedAtName]: this.#now(), [ttl]: this.#ttl() };
    const Item = { ...openKey(id), ...toAttributes(row) };
    await this.#dynamodb.send(new PutItemCommand({ TableName: resource, Item }), {
      action: 'dynamodb:PutItem',
      resource,
    });
  }

  /** Those that were begun and are not finished. */
  async begun(namespace: string): Promise<readonly BegunPlan[]> {
    const begun: BegunPlan[] = [];
    let after: Attributes | undefined;
    do {
      const page = await this.#dynamodb.query({
        TableName: this.#table,
        ConsistentRead: true,
        KeyConditionExpression: '#pk = :pk',
        ExpressionAttributeNames: { '#pk': partition },
        ExpressionAttributeValues: toAttributes({ ':pk': ledgerKey.openPlans(namespace) }),
        ...(after !== undefined && { ExclusiveStartKey: after }),
      });
      for (const row of page.Items ?? []) {
        const id = textOf(row, sort) as PlanId;
        const head = await this.#get(id, HEAD);
        const plan = head && planOf(id, head);
        // Two worked on it, and one of them wrote down that it begins when the other was through; or its head has expired.
        if (plan === undefined || plan.finished) await this.forget(id);
        else begun.push({ plan, workedAt: Math.max(workedAtOf(row), workedAtOf(head ?? {})) });
      }
      after = page.LastEvaluatedKey;
    } while (after !== undefined);
    return begun;
  }

  /** Takes it out of the list of those that were begun. */
  async forget(id: PlanId): Promise<void> {
    const resource = this.#table;
    const command = new DeleteItemCommand({ TableName: resource, Key: openKey(id) });
    await this.#dynamodb.send(command, { action: 'dynamodb:DeleteItem', resource });
  }

  /** Up to `max` entries from `start` on; of one chunk. */
  async entries(id: PlanId, start: number, max: number): Promise<readonly MessageKey[]> {
    const row = await this.#get(id, chunkName(Math.floor(start / CHUNK)));
    const references = JSON.parse(textOf(row, 'references') ?? '[]') as readonly string[];
    return references.slice(start % CHUNK, (start % CHUNK) + max).map((each) => parseReference(each));
  }

  /** The epoch of an entry: the one that was decided before, or else what `next` gives. */
  async epochOf(id: PlanId, index: number, next: () => Promise<number>): Promise<number> {
    const known = await this.#get(id, entryName(index));
    if (known !== undefined) return Number(fromAttributes(known).epoch);
    const resource = this.#table;
    const command = new UpdateItemCommand({
      TableName: resource,
      Key: planKey(id, entryName(index)),
      UpdateExpression: 'SET #epoch = if_not_exists(#epoch, :epoch), #ttl = :ttl',
      ExpressionAttributeNames: { '#epoch': 'epoch', '#ttl': ttl },
      ExpressionAttributeValues: toAttributes({ ':epoch': await next(), ':ttl': this.#ttl() }),
      ReturnValues: 'ALL_NEW',
    });
    const { Attributes = {} } = await this.#dynamodb.send(command, { action: 'dynamodb:UpdateItem', resource });
    return Number(fromAttributes(Attributes).epoch);
  }

  /** Moves the head on, if it still is where `plan` says. */
  advance({ id, done, total }: Plan, by: { readonly done: number; readonly skipped: number }): TransactWriteItem[] {
    const head = {
      Update: {
        TableName: this.#table,
        Key: planKey(id, HEAD),
        UpdateExpression: 'SET #done = #done + :done, #skipped = #skipped + :skipped, #at = :now',
        ConditionExpression: '#done = :before',
        ExpressionAttributeNames: { '#done': 'done', '#skipped': 'skipped', '#at': workedAtName },
        ExpressionAttributeValues: toAttributes({
          ':done': by.done,
          ':skipped': by.skipped,
          ':before': done,
          ':now': this.#now(),
        }),
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      },
    } as const;
    const isLast = done + by.done >= total;
    return isLast ? [head, { Delete: { TableName: this.#table, Key: openKey(id) } }] : [head];
  }

  async #put({ id }: Plan, name: string, row: Readonly<Record<string, string | number>>): Promise<void> {
    const resource = this.#table;
    const Item = { ...planKey(id, name), ...toAttributes({ ...row, [ttl]: this.#ttl() }) };
    const about = { action: 'dynamodb:PutItem', resource };
    await this.#dynamodb.send(new PutItemCommand({ TableName: resource, Item }), about);
  }

  async #get(id: PlanId, name: string): Promise<Attributes | undefined> {
    const resource = this.#table;
    const command = new GetItemCommand({ TableName: resource, Key: planKey(id, name), ConsistentRead: true });
    const { Item } = await this.#dynamodb.send(command, { action: 'dynamodb:GetItem', resource });
    return Item;
  }

  #now(): number {
    return this.#dynamodb.calls.clock.now();
  }

  #ttl(): number {
    return ttlOf(this.#now(), KEPT_MS);
  }

  get #table(): string {
    return this.#dynamodb.calls.settings.ledgerTable;
  }
}

/** What a plan's id begins with. */
export const namespaceOf = (id: PlanId) => id.slice(0, Math.max(0, id.lastIndexOf('.')));

const planKey = (id: PlanId, name: string): Attributes =>
  toAttributes({ [partition]: ledgerKey.plan(namespaceOf(id), id.slice(id.lastIndexOf('.') + 1)), [sort]: name });

const openKey = (id: PlanId): Attributes =>
  toAttributes({ [partition]: ledgerKey.openPlans(namespaceOf(id)), [sort]: id });

const workedAtOf = (row: Attributes): number => Number(row[workedAtName]?.N ?? 0);

function planOf(id: PlanId, head: Attributes): Plan {
  const { agent, action, total, done, skipped } = fromAttributes(head);
  return {
    id,
    namespace: namespaceOf(id),
    agent: String(agent),
    action: action as Plan['action'],
    total: Number(total),
    done: Number(done),
    skipped: Number(skipped),
    finished: Number(done) >= Number(total),
  };
}
