/** @module Calls of SNS: publishing in batches. */
import type { PublishBatchRequestEntry } from '@aws-sdk/client-sns';
import type { Outcome } from '../../backend.ts';
import { loadClient } from '../../load-client.ts';
import type { AwsCalls } from './aws-calls.ts';
import { entrywise } from './entrywise.ts';

export type SnsEntry = Omit<PublishBatchRequestEntry, 'Id'>;

const CLIENT = '@aws-sdk/client-sns';
/** Of all entries together; topics take more only if they are told to, at the price of fewer subscriptions. */
const MAX_BATCH_BYTES = 256 * 1_024;

export class SnsCalls {
  readonly calls: AwsCalls;

  constructor(calls: AwsCalls) {
    this.calls = calls;
  }

  /** One outcome for each entry; one that was published twice is for the consumer to tell. */
  publishBatch(topicArn: string, entries: readonly SnsEntry[], deadlineAt = this.calls.deadline()): Promise<Outcome[]> {
    const about = { action: 'sns:Publish', resource: topicArn, deadlineAt };
    const options = { ...about, maxBytes: MAX_BATCH_BYTES, bytesOf: bytesOfEntry };
    return entrywise(this.calls, entries, options, async (batch) => {
      const { publishBatchCommand, snsClient } = await loadClient(CLIENT, () => import('./sns-client.ts'));
      const command = publishBatchCommand({ TopicArn: topicArn, PublishBatchRequestEntries: [...batch] });
      return this.calls.send(this.calls.client('sns', snsClient), command, about);
    });
  }
}

/** Body and attributes, as SNS counts them. */
function bytesOfEntry({ Message = '', MessageAttributes = {} }: SnsEntry): number {
  const attributes = Object.entries(MessageAttributes).map(
    ([name, { DataType = '', StringValue = '', BinaryValue }]) =>
      Buffer.byteLength(name) + DataType.length + (BinaryValue?.length ?? Buffer.byteLength(StringValue)),
  );
  return attributes.reduce((sum, bytes) => sum + bytes, Buffer.byteLength(Message));
}
