/** @module Why DynamoDB did not write, where that is an answer: something is there already, or another write is at it. */
import { ConditionalCheckFailedException, TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import type { Attributes } from '../calls/attribute-values.ts';
import { itemAttributes } from './item.ts';

export type Obstacle =
  /** Conditions failed. `row` is of an idempotency key or effect. Both are what was found there. */
  | { readonly kind: 'taken'; readonly items: readonly Attributes[]; readonly row: Attributes | undefined }
  /** Nothing was done; the same may be asked again. */
  | { readonly kind: 'busy' };

const BUSY: ReadonlySet<string> = new Set(['TransactionConflict', 'ThrottlingError', 'ProvisionedThroughputExceeded']);

/** Undefined for any other error. */
export function obstacleOf(error: unknown): Obstacle | undefined {
  if (error instanceof ConditionalCheckFailedException) return taken(error.Item === undefined ? [] : [error.Item]);
  if (!(error instanceof TransactionCanceledException)) return undefined;
  const reasons = error.CancellationReasons ?? [];
  const failed = reasons.filter(({ Code }) => Code === 'ConditionalCheckFailed');
  if (failed.length > 0) return taken(failed.flatMap(({ Item }) => (Item === undefined ? [] : [Item])));
  return reasons.some(({ Code = '' }) => BUSY.has(Code)) ? { kind: 'busy' } : undefined;
}

function taken(found: readonly Attributes[]): Obstacle {
  const isMessage = (item: Attributes) => item[itemAttributes.body] !== undefined;
  return { kind: 'taken', items: found.filter(isMessage), row: found.find((item) => !isMessage(item)) };
}
