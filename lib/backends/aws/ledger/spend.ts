/** @module What the descendants of a root have spent (G2): one row for each root of which any handler said so. */
import type { TransactWriteItem } from '@aws-sdk/client-dynamodb';
import type { GemstoneId } from '../../../core/gemstone-id.ts';
import { ledgerKey, tableAttributes } from '../../../environment/aws-keys.ts';
import type { Spend } from '../../backend.ts';
import { type Attributes, numberOf, toAttributes } from '../calls/attribute-values.ts';
import { ttlOf } from './delivery-rows.ts';

export const NOTHING_SPENT: Spend = Object.freeze({ usd: 0, tokens: 0 });
/** A thread may go on for as long as its messages are kept, and longer. */
const KEPT_MS = 90 * 86_400_000;

export function spendKey(namespace: string, root: GemstoneId): Attributes {
  return toAttributes({
    [tableAttributes.partition]: ledgerKey.spend(namespace, root),
    [tableAttributes.sort]: 'spend',
  });
}

export function readSpend(row: Attributes | undefined): Spend {
  return row === undefined ? NOTHING_SPENT : { usd: numberOf(row, 'usd') ?? 0, tokens: numberOf(row, 'tokens') ?? 0 };
}

/** Adds to the root's counter. It has no condition, so it belongs into a transaction, which knows its repeats. */
export function spendEntry(
  table: string,
  at: { readonly namespace: string; readonly root: GemstoneId; readonly now: number },
  { usd, tokens }: Spend,
): TransactWriteItem {
  return {
    Update: {
      TableName: table,
      Key: spendKey(at.namespace, at.root),
      UpdateExpression: 'SET #ttl = :ttl ADD #usd :usd, #tokens :tokens',
      ExpressionAttributeNames: { '#ttl': tableAttributes.ttl, '#usd': 'usd', '#tokens': 'tokens' },
      ExpressionAttributeValues: toAttributes({ ':ttl': ttlOf(at.now, KEPT_MS), ':usd': usd, ':tokens': tokens }),
    },
  };
}
