/** @module Dead letters (D7): the message that a delivery leaves behind, and the row that lists it until it is taken up. */
import type { TransactWriteItem } from '@aws-sdk/client-dynamodb';
import { DEAD_LETTER_FORMAT, type DeadLetter, deadLetterTopic } from '../../../core/dead-letter.ts';
import type { Fault } from '../../../core/fault.ts';
import type { GemstoneId } from '../../../core/gemstone-id.ts';
import type { Draft } from '../../../core/message.ts';
import { platformDraft } from '../../../core/platform-draft.ts';
import { ledgerKey, tableAttributes } from '../../../environment/aws-keys.ts';
import type { DeadReason } from '../../backend.ts';
import { type Attributes, toAttributes } from '../calls/attribute-values.ts';
import type { AwsLease } from '../queues/aws-lease.ts';

/** Reasons for which the handler ran; for the others it was not started, and that counts as no attempt. */
const HANDLED: ReadonlySet<DeadReason> = new Set(['failed', 'permanent', 'crashed']);
const HALTING: ReadonlySet<DeadReason> = new Set(['hops', 'deadline', 'budget']);

export const isHalted = (reason: DeadReason) => HALTING.has(reason);
/** Attempts that a delivery had that died of `reason` after these faults. */
export const attemptsOf = (reason: DeadReason, faults: readonly Fault[]) =>
  HANDLED.has(reason) ? faults.length + 1 : faults.length;

/** @param now Unix ms. */
export function letterDraft(
  lease: AwsLease,
  reason: DeadReason,
  fault: Fault,
  now: number,
): { readonly draft: Draft; readonly topic: string; readonly delivered: boolean } {
  const { agent, namespace, key, epoch, message, raw, faults, firstAttemptAt } = lease;
  const { topic, delivered } = deadLetterTopic(agent, key.topic);
  const letter: DeadLetter = {
    agent,
    reason,
    topic: key.topic,
    id: key.id,
    epoch,
    ...(message !== undefined && { original: message }),
    ...(raw !== undefined && { raw: Buffer.from(raw).toString('base64') }),
    errors: [...faults, fault],
    attempts: attemptsOf(reason, faults),
    firstAttemptAt,
    lastAttemptAt: now,
  };
  const content = { format: DEAD_LETTER_FORMAT, payload: letter, status: 'error' } as const;
  return { draft: platformDraft('dead-letters', { namespace, topic }, content, message), topic, delivered };
}

export function deadRowKey(namespace: string, agent: string, id: GemstoneId): Attributes {
  return toAttributes({ [tableAttributes.partition]: ledgerKey.dead(namespace, agent), [tableAttributes.sort]: id });
}

/** Lists a letter; those of `$errors` are not listed. */
export function deadRowEntry(
  table: string,
  { namespace, agent }: { readonly namespace: string; readonly agent: string },
  letter: { readonly id: GemstoneId; readonly topic: string; readonly ttl: number; readonly reason: DeadReason },
): TransactWriteItem {
  const { id, topic, ttl, reason } = letter;
  return {
    Put: { TableName: table, Item: { ...deadRowKey(namespace, agent, id), ...toAttributes({ topic, ttl, reason }) } },
  };
}
