/** @module Entries as SNS takes them. */
import { messageAttributes } from '../../../environment/aws-names.ts';
import type { Outcome } from '../../backend.ts';
import { AwsRefusedError } from '../calls/aws-errors.ts';
import type { SnsCalls, SnsEntry } from '../calls/sns-calls.ts';
import type { EncodedEntry } from '../queues/queue-entry.ts';
import type { PublishBatch } from './publisher.ts';

/** Publishes batches as `Publisher` makes them. */
export function publishBatchBy(sns: SnsCalls): PublishBatch {
  return async ({ topicArn, isOrdered }, entries) => {
    const all = entries.map((entry) => toSnsEntry(entry, isOrdered));
    const outcomes = await sns.publishBatch(topicArn, all);
    const [first] = outcomes;
    const isRefused = entries.length > 1 && first?.ok === false && outcomes.every((outcome) => isSame(outcome, first));
    // SNS refused the call, for what may be in one of its entries only.
    const told = isRefused ? await Promise.all(all.map((entry) => sns.publishBatch(topicArn, [entry]))) : [outcomes];
    return told.flat().map((outcome) => (outcome.ok ? undefined : outcome.error));
  };
}

const isSame = (outcome: Outcome, first: Outcome) =>
  !outcome.ok && !first.ok && outcome.error === first.error && outcome.error instanceof AwsRefusedError;

function toSnsEntry({ body, attributes, groupId, deduplicationId }: EncodedEntry, isOrdered: boolean): SnsEntry {
  return {
    Message: body,
    MessageAttributes: Object.fromEntries(
      messageAttributes.map((name) => [name, { DataType: 'String', StringValue: attributes[name] }]),
    ),
    // On a standard topic it is what fair queues share out by.
    MessageGroupId: groupId,
    ...(isOrdered && { MessageDeduplicationId: deduplicationId }),
  };
}
