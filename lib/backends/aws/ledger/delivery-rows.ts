/**
 * @module What the ledger keeps of one delivery, in one row: failed attempts, start marks, the lease, and how it ended. A
 * delivery that was handled at its first attempt leaves nothing but its end, and without exactly-once not even that.
 */
import type { TransactWriteItem } from '@aws-sdk/client-dynamodb';
import { deliveryKey } from '../../../core/delivery-key.ts';
import type { Fault } from '../../../core/fault.ts';
import type { MessageKey } from '../../../core/message.ts';
import { ledgerKey, tableAttributes } from '../../../environment/aws-keys.ts';
import { type Attributes, fromAttributes, toAttributes } from '../calls/attribute-values.ts';

/** What identifies a delivery. */
export interface DeliveryName {
  readonly namespace: string;
  readonly agent: string;
  readonly key: MessageKey;
  readonly epoch: number;
}

export interface DeliveryRow {
  /** How it ended, and in which step. */
  readonly done: string | undefined;
  readonly by: string | undefined;
  readonly faults: readonly Fault[];
  /** Receive counts at which it was started and no outcome came. */
  readonly starts: readonly number[];
  /** Receive count at the last outcome that gave it back. */
  readonly seen: number;
  /** The last step that gave it back. */
  readonly last: string | undefined;
  /** Of an at-most-once agent: who started it, and until when (Unix ms) they may be at it. */
  readonly started: string | undefined;
  readonly startedUntil: number;
  readonly lease: string | undefined;
  /** Unix ms. */
  readonly leaseUntil: number;
}

/** Longer than any queue keeps an entry, which is 14 days. */
const KEPT_MS = 15 * 86_400_000;
/** Items may have 400 KB; beyond this faults are kept without their stacks. */
const MAX_FAULTS_BYTES = 200_000;
const NO_ROW: DeliveryRow = {
  done: undefined,
  by: undefined,
  faults: [],
  starts: [],
  seen: 0,
  last: undefined,
  started: undefined,
  startedUntil: 0,
  lease: undefined,
  leaseUntil: 0,
};

export const nameOf = ({ namespace, agent, key, epoch }: DeliveryName) => deliveryKey(namespace, agent, key, epoch);

/** Unix seconds at which a row written at `now` (Unix ms) may go. */
export const ttlOf = (now: number, keptMs = KEPT_MS) => Math.ceil((now + keptMs) / 1_000);

export function rowKey({ namespace, agent, key, epoch }: DeliveryName): Attributes {
  const partition = `${ledgerKey.agent(namespace, agent)}#${key.topic}/${key.id}/${epoch}`;
  return toAttributes({ [tableAttributes.partition]: partition, [tableAttributes.sort]: 'delivery' });
}

/** Whether a row is to be renewed before anything is added to it: DynamoDB deletes what has expired in its own time. */
export const hasExpired = (row: Attributes | undefined, now: number): boolean =>
  Number(row?.[tableAttributes.ttl]?.N ?? Number.POSITIVE_INFINITY) <= nowS(now);

/** What a row says; one that has expired is none. */
export function readRow(attributes: Attributes | undefined, now: number): DeliveryRow {
  if (attributes === undefined || hasExpired(attributes, now)) return NO_ROW;
  const row = fromAttributes(attributes);
  const text = (name: string) => (typeof row[name] === 'string' ? row[name] : undefined);
  const list = (name: string) => (Array.isArray(row[name]) ? row[name] : []);
  return {
    done: text('done'),
    by: text('by'),
    faults: list('faults').map((fault) => JSON.parse(String(fault)) as Fault),
    starts: list('starts').map(Number),
    seen: Number(row.seen ?? 0),
    last: text('last'),
    started: text('started'),
    startedUntil: Number(row.startedUntil ?? 0),
    lease: text('lease'),
    leaseUntil: Number(row.leaseUntil ?? 0),
  };
}

const NAMES = { '#done': 'done', '#ttl': tableAttributes.ttl } as const;
/** The row says of no end, or has expired. */
const OPEN = '(attribute_not_exists(#done) OR #ttl <= :nowS)';
/** Of steps that add to a row: it says of no end, and has not expired. */
const OPEN_ROW = 'attribute_not_exists(#done) AND (attribute_not_exists(#ttl) OR #ttl > :nowS)';
const RETURNED = { ReturnValuesOnConditionCheckFailure: 'ALL_OLD' } as const;

interface RowStep {
  readonly table: string;
  readonly name: DeliveryName;
  readonly now: number;
}

const nowS = (now: number) => Math.floor(now / 1_000);

/**
 * The end of a delivery, if nobody else has ended it.
 *
 * @param started Of an at-most-once agent: by whom it must have been started.
 */
export function endEntry(
  { table, name, now }: RowStep,
  { done, by, attempts, started }: { done: string; by: string; attempts: number; started?: string | undefined },
): TransactWriteItem {
  return {
    Put: {
      TableName: table,
      Item: { ...rowKey(name), ...toAttributes({ done, by, attempts, started, ttl: ttlOf(now) }) },
      ConditionExpression: started === undefined ? OPEN : `${OPEN} AND #started = :started`,
      ExpressionAttributeNames: { ...NAMES, ...(started !== undefined && { '#started': 'started' }) },
      ExpressionAttributeValues: toAttributes({ ':nowS': nowS(now), ':started': started }),
      ...RETURNED,
    },
  };
}

/** Puts a row that says nothing in the place of one that has expired. */
export function renewEntry({ table, name, now }: RowStep): TransactWriteItem {
  return {
    Put: {
      TableName: table,
      Item: { ...rowKey(name), ...toAttributes({ ttl: ttlOf(now) }) },
      ConditionExpression: '#ttl <= :nowS',
      ExpressionAttributeNames: { '#ttl': tableAttributes.ttl },
      ExpressionAttributeValues: toAttributes({ ':nowS': nowS(now) }),
    },
  };
}

/** Gives a delivery back: with a fault if an attempt failed, and without its own start mark and lease. */
export function giveBackEntry(
  { table, name, now }: RowStep,
  { by, receiveCount, fault }: { by: string; receiveCount: number; fault: Fault | undefined },
): TransactWriteItem {
  const adds = fault === undefined ? '' : ', #faults = list_append(if_not_exists(#faults, :none), :fault)';
  return {
    Update: {
      TableName: table,
      Key: rowKey(name),
      UpdateExpression: `SET #last = :by, #seen = :seen, #ttl = :ttl${adds} REMOVE #lease, #leaseUntil DELETE #starts :own`,
      ConditionExpression: `${OPEN_ROW} AND (attribute_not_exists(#last) OR #last <> :by)`,
      ExpressionAttributeNames: {
        ...NAMES,
        '#last': 'last',
        '#seen': 'seen',
        '#lease': 'lease',
        '#leaseUntil': 'leaseUntil',
        '#starts': 'starts',
        ...(fault !== undefined && { '#faults': 'faults' }),
      },
      ExpressionAttributeValues: {
        ...toAttributes({ ':by': by, ':seen': receiveCount, ':ttl': ttlOf(now), ':nowS': nowS(now) }),
        ...(fault !== undefined && toAttributes({ ':none': [], ':fault': [JSON.stringify(fault)] })),
        ':own': { NS: [String(receiveCount)] },
      },
      ...RETURNED,
    },
  };
}

/** Marks a start, of a delivery that came back without an outcome. The same start twice is one. */
export function startEntry({ table, name, now }: RowStep, receiveCount: number): TransactWriteItem {
  return {
    Update: {
      TableName: table,
      Key: rowKey(name),
      UpdateExpression: 'SET #ttl = :ttl ADD #starts :own',
      ConditionExpression: OPEN_ROW,
      ExpressionAttributeNames: { ...NAMES, '#starts': 'starts' },
      ExpressionAttributeValues: {
        ...toAttributes({ ':ttl': ttlOf(now), ':nowS': nowS(now) }),
        ':own': { NS: [String(receiveCount)] },
      },
      ...RETURNED,
    },
  };
}

/** Takes the mark of a start back that did not come about. */
export function unstartEntry({ table, name }: RowStep, receiveCount: number): TransactWriteItem {
  return {
    Update: {
      TableName: table,
      Key: rowKey(name),
      UpdateExpression: 'DELETE #starts :own',
      ConditionExpression: 'attribute_exists(#starts)',
      ExpressionAttributeNames: { '#starts': 'starts' },
      ExpressionAttributeValues: { ':own': { NS: [String(receiveCount)] } },
    },
  };
}

/**
 * Acknowledges a delivery of an at-most-once agent: whoever gets it from now on finds that it was started. Once more under the
 * same token it says that its consumer is at it for longer.
 *
 * @param until Unix ms from which on the consumer is taken to be gone.
 */
export function startOnceEntry({ table, name, now }: RowStep, token: string, until: number): TransactWriteItem {
  return {
    Update: {
      TableName: table,
      Key: rowKey(name),
      UpdateExpression: 'SET #started = :started, #startedUntil = :until, #ttl = :ttl',
      ConditionExpression: `${OPEN_ROW} AND (attribute_not_exists(#started) OR #started = :started)`,
      ExpressionAttributeNames: { ...NAMES, '#started': 'started', '#startedUntil': 'startedUntil' },
      ExpressionAttributeValues: toAttributes({
        ':started': token,
        ':until': until,
        ':ttl': ttlOf(now),
        ':nowS': nowS(now),
      }),
      ...RETURNED,
    },
  };
}

/** Takes or extends the lease of an agent that has `lease: true`. @param now Unix ms. */
export function leaseEntry({ table, name, now }: RowStep, token: string, until: number): TransactWriteItem {
  return {
    Update: {
      TableName: table,
      Key: rowKey(name),
      UpdateExpression: 'SET #lease = :lease, #leaseUntil = :until, #ttl = :ttl',
      ConditionExpression: `${OPEN_ROW} AND (attribute_not_exists(#lease) OR #lease = :lease OR #leaseUntil <= :now)`,
      ExpressionAttributeNames: { ...NAMES, '#lease': 'lease', '#leaseUntil': 'leaseUntil' },
      ExpressionAttributeValues: toAttributes({
        ':lease': token,
        ':until': until,
        ':now': now,
        ':nowS': nowS(now),
        ':ttl': ttlOf(now),
      }),
      ...RETURNED,
    },
  };
}

/** What is kept of a fault beside those that the row has already. */
export function keptFault(fault: Fault, before: readonly Fault[]): Fault {
  if (Buffer.byteLength(JSON.stringify(before)) <= MAX_FAULTS_BYTES) return fault;
  const { code, message, name, retryable } = fault;
  return { code, message: message.slice(0, 200), ...(name !== undefined && { name }), retryable };
}
