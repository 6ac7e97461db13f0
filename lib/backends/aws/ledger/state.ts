/** @module The state of agents (S1): values with versions that are never used twice, a row each. */
import { createHash } from 'node:crypto';
import type { TransactWriteItem } from '@aws-sdk/client-dynamodb';
import { freezeJson, type Json } from '../../../core/json.ts';
import { ledgerKey, tableAttributes } from '../../../environment/aws-keys.ts';
import type { StateWrite } from '../../backend.ts';
import { type Attributes, numberOf, textOf, toAttributes } from '../calls/attribute-values.ts';
import type { DynamoDBCalls } from '../calls/dynamodb-calls.ts';

export interface Versioned {
  readonly value: Json | undefined;
  readonly version: number;
}

const { partition, sort } = tableAttributes;
const NAMES = { '#version': 'version' } as const;
const NOTHING: Versioned = { value: undefined, version: 0 };
const PER_MS = 1_024;

function stateKey(namespace: string, agent: string, key: string): Attributes {
  const hash = createHash('sha256').update(key).digest('base64url');
  return toAttributes({ [partition]: `${ledgerKey.agent(namespace, agent)}#state#${hash}`, [sort]: 'state' });
}

/** The values of `keys`, in their order. */
export async function readState(
  dynamodb: DynamoDBCalls,
  table: string,
  namespace: string,
  agent: string,
  keys: readonly string[],
): Promise<readonly Versioned[]> {
  const rowKeys = keys.map((key) => stateKey(namespace, agent, key));
  const distinct = new Map(rowKeys.map((key) => [textOf(key, partition), key]));
  const rows = await dynamodb.batchGet(table, [...distinct.values()]);
  const found = new Map(rows.map((row) => [textOf(row, partition), row]));
  return rowKeys.map((key) => {
    const row = found.get(textOf(key, partition));
    if (row === undefined) return NOTHING;
    return {
      value: freezeJson(JSON.parse(textOf(row, 'value') ?? 'null')) as Json,
      version: numberOf(row, 'version') ?? 0,
    };
  });
}

/**
 * The writes as entries of one step, each on condition that the version is still the one that was read.
 *
 * @param now Unix ms. Versions are times, so that a key that was deleted and written again is seen to have changed.
 */
export function stateEntries(
  table: string,
  at: { readonly namespace: string; readonly agent: string; readonly now: number; readonly random: () => number },
  writes: readonly StateWrite[],
): readonly TransactWriteItem[] {
  return writes.map(({ key, value, ifVersion }) => {
    const Key = stateKey(at.namespace, at.agent, key);
    const isNew = ifVersion === 0;
    const condition = {
      TableName: table,
      ConditionExpression: isNew ? 'attribute_not_exists(#version)' : '#version = :version',
      ExpressionAttributeNames: NAMES,
      ...(!isNew && { ExpressionAttributeValues: toAttributes({ ':version': ifVersion }) }),
    };
    if (value === undefined) return { Delete: { ...condition, Key } };
    const version = Math.max(ifVersion + 1, at.now * PER_MS + Math.floor(at.random() * PER_MS));
    return { Put: { ...condition, Item: { ...Key, ...toAttributes({ value: JSON.stringify(value), version }) } } };
  });
}
