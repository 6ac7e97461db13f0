/**
 * @module Rows of the Ledger table that let a message be stored once: for an idempotency key (24 h), or for an effect of a
 * delivery (as long as the delivery can come back: 15 days). An expired row counts as absent, whether or not it is gone.
 */
import { createHash } from 'node:crypto';
import type { TransactWriteItem } from '@aws-sdk/client-dynamodb';
import { type GemstoneId, timeOf } from '../../../core/gemstone-id.ts';
import type { Json, JsonObject } from '../../../core/json.ts';
import type { Draft } from '../../../core/message.ts';
import { ledgerKey, tableAttributes } from '../../../environment/aws-keys.ts';
import { type Attributes, textOf } from '../calls/attribute-values.ts';
import { isOwn, itemAttributes } from './item.ts';

const KEY_KEPT_S = 24 * 3_600;
const EFFECT_KEPT_S = 15 * 86_400;
/** The only row of its partition. */
const SORT = 'key';
const idName = 'id';
const payloadName = 'h';

/** What stands against storing a draft again. */
export interface Guard {
  /** Of its row. */
  readonly key: string;
  /** Hash of the payload; undefined for an effect, whose first payload stands. */
  readonly payload: Uint8Array | undefined;
}

/** Undefined for a draft without an idempotency key that is no effect. */
export function guardOf({ message, effect }: Draft): Guard | undefined {
  const { namespace, idempotencyKey, payload } = message;
  if (effect !== undefined) {
    const hash = hashed(JSON.stringify(['effect', effect.delivery, effect.ordinal]));
    return { key: ledgerKey.idempotency(namespace, hash), payload: undefined };
  }
  if (idempotencyKey === undefined) return undefined;
  const key = ledgerKey.idempotency(namespace, hashed(JSON.stringify(['key', idempotencyKey])));
  return { key, payload: digest(payload) };
}

/** Puts the row, if there is none in force. */
export function toGuardEntry(
  table: string,
  { key, payload }: Guard,
  put: { readonly id: GemstoneId; readonly nonce: Uint8Array },
): TransactWriteItem {
  const { partition, sort, ttl } = tableAttributes;
  // The time of the id, so that a repeated transaction is the same to the byte.
  const nowS = Math.floor(timeOf(put.id) / 1_000);
  const keptS = payload === undefined ? EFFECT_KEPT_S : KEY_KEPT_S;
  return {
    Put: {
      TableName: table,
      Item: {
        [partition]: { S: key },
        [sort]: { S: SORT },
        [idName]: { S: put.id },
        [itemAttributes.nonce]: { B: put.nonce },
        ...(payload !== undefined && { [payloadName]: { B: payload } }),
        [ttl]: { N: `${nowS + 1 + keptS}` },
      },
      ConditionExpression: 'attribute_not_exists(#p) OR #t <= :now',
      ExpressionAttributeNames: { '#p': partition, '#t': ttl },
      ExpressionAttributeValues: { ':now': { N: `${nowS}` } },
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    },
  };
}

/**
 * What the row says that was in the way: it is of this very call (`own`), the draft was stored before (`duplicate`), or its
 * key was used for another payload (`conflict`).
 */
export function readGuard(
  guard: Guard,
  row: Attributes,
  nonce: Uint8Array,
): { readonly kind: 'own' | 'duplicate' | 'conflict'; readonly id: GemstoneId } {
  const id = (textOf(row, idName) ?? '') as GemstoneId;
  if (isOwn(row, nonce)) return { kind: 'own', id };
  const before = row[payloadName]?.B;
  const isSame = guard.payload === undefined || (before !== undefined && Buffer.compare(before, guard.payload) === 0);
  return { kind: isSame ? 'duplicate' : 'conflict', id };
}

const hashed = (text: string) => createHash('sha256').update(text).digest('base64url');

/** The same for payloads that are the same, whatever the order of their keys. */
function digest(payload: Json): Uint8Array {
  return createHash('sha256')
    .update(JSON.stringify(sorted(payload)))
    .digest();
}

function sorted(value: Json): Json {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  const entries = Object.entries(value as JsonObject).toSorted(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(entries.map(([key, each]) => [key, sorted(each)]));
}
