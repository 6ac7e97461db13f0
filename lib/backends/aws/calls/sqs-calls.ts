/** @module Calls of SQS: receiving, and batches of sending, acknowledging and giving back. */
import type { Message, ReceiveMessageRequest, SendMessageBatchRequestEntry } from '@aws-sdk/client-sqs';
import type { Outcome } from '../../backend.ts';
import { loadClient } from '../../load-client.ts';
import type { AwsCalls, AwsCommand, SendOptions } from './aws-calls.ts';
import { entrywise } from './entrywise.ts';

export type SqsEntry = Omit<SendMessageBatchRequestEntry, 'Id'>;

export interface ReceiveOptions {
  /** 1 to 10. */
  readonly max: number;
  /** How long to wait for a first message, up to 20 s. */
  readonly waitMs: number;
  readonly visibilityTimeoutS: number;
  readonly signal?: AbortSignal;
}

type Sdk = typeof import('./sqs-client.ts');

const CLIENT = '@aws-sdk/client-sqs';
const MAX_BATCH_BYTES = 1_024 * 1_024;
/** Longer than a long poll may take. */
const BESIDES_WAIT_MS = 5_000;
const COUNTS = [
  'ApproximateNumberOfMessages',
  'ApproximateNumberOfMessagesDelayed',
  'ApproximateNumberOfMessagesNotVisible',
] as const;
const NO_BYTES = () => 0;

export class SqsCalls {
  readonly calls: AwsCalls;

  constructor(calls: AwsCalls) {
    this.calls = calls;
  }

  async #send<Output extends object>(make: (sdk: Sdk) => AwsCommand<Output>, options: SendOptions): Promise<Output> {
    const sdk = await loadClient(CLIENT, () => import('./sqs-client.ts'));
    return this.calls.send(this.calls.client('sqs', sdk.sqsClient), make(sdk), options);
  }

  /** About how many messages a queue holds: those that wait, those that are delayed, and those that somebody has. */
  async held(queueUrl: string): Promise<number> {
    const input = { QueueUrl: queueUrl, AttributeNames: [...COUNTS] };
    const about = { action: 'sqs:GetQueueAttributes', resource: queueUrl };
    const { Attributes = {} } = await this.#send((sdk) => sdk.attributesCommand(input), about);
    return COUNTS.reduce((sum, name) => sum + Number(Attributes[name] ?? 0), 0);
  }

  /** Up to `max` messages with all their attributes; empty if none came in time, or `signal` aborted. */
  async receive(
    queueUrl: string,
    { max, waitMs, visibilityTimeoutS, signal }: ReceiveOptions,
  ): Promise<readonly Message[]> {
    const input = {
      QueueUrl: queueUrl,
      MaxNumberOfMessages: max,
      WaitTimeSeconds: Math.min(20, Math.max(0, Math.round(waitMs / 1_000))),
      VisibilityTimeout: visibilityTimeoutS,
      MessageSystemAttributeNames: ['All'],
      MessageAttributeNames: ['All'],
    } satisfies ReceiveMessageRequest;
    const tryMs = waitMs + BESIDES_WAIT_MS;
    const about = {
      action: 'sqs:ReceiveMessage',
      resource: queueUrl,
      tryMs,
      deadlineAt: this.calls.deadline() + waitMs,
    };
    try {
      return (
        (await this.#send((sdk) => sdk.receiveCommand(input), { ...about, ...(signal && { signal }) })).Messages ?? []
      );
    } catch (error) {
      if (signal?.aborted) return [];
      throw error;
    }
  }

  /** One outcome for each entry; one that was sent twice is for the consumer to tell. */
  sendBatch(queueUrl: string, entries: readonly SqsEntry[], deadlineAt = this.calls.deadline()): Promise<Outcome[]> {
    const about = { action: 'sqs:SendMessage', resource: queueUrl, deadlineAt };
    const options = { ...about, maxBytes: MAX_BATCH_BYTES, bytesOf: bytesOfEntry };
    return entrywise(this.calls, entries, options, (batch) =>
      this.#send((sdk) => sdk.sendBatchCommand({ QueueUrl: queueUrl, Entries: [...batch] }), about),
    );
  }

  /** One outcome for each receipt handle. */
  deleteBatch(
    queueUrl: string,
    receiptHandles: readonly string[],
    deadlineAt = this.calls.deadline(),
  ): Promise<Outcome[]> {
    const about = { action: 'sqs:DeleteMessage', resource: queueUrl, deadlineAt };
    const entries = receiptHandles.map((ReceiptHandle) => ({ ReceiptHandle }));
    return entrywise(this.calls, entries, { ...about, maxBytes: 1, bytesOf: NO_BYTES }, (batch) =>
      this.#send((sdk) => sdk.deleteBatchCommand({ QueueUrl: queueUrl, Entries: [...batch] }), about),
    );
  }

  /** One outcome for each entry. */
  changeVisibilityBatch(
    queueUrl: string,
    changes: readonly { readonly receiptHandle: string; readonly timeoutS: number }[],
    deadlineAt = this.calls.deadline(),
  ): Promise<Outcome[]> {
    const about = { action: 'sqs:ChangeMessageVisibility', resource: queueUrl, deadlineAt };
    const entries = changes.map(({ receiptHandle, timeoutS }) => ({
      ReceiptHandle: receiptHandle,
      VisibilityTimeout: timeoutS,
    }));
    return entrywise(this.calls, entries, { ...about, maxBytes: 1, bytesOf: NO_BYTES }, (batch) =>
      this.#send((sdk) => sdk.changeVisibilityBatchCommand({ QueueUrl: queueUrl, Entries: [...batch] }), about),
    );
  }
}

/** Body and attributes, as SQS counts them. */
function bytesOfEntry({ MessageBody = '', MessageAttributes = {} }: SqsEntry): number {
  const attributes = Object.entries(MessageAttributes).map(
    ([name, { DataType = '', StringValue = '', BinaryValue }]) =>
      Buffer.byteLength(name) + DataType.length + (BinaryValue?.length ?? Buffer.byteLength(StringValue)),
  );
  return attributes.reduce((sum, bytes) => sum + bytes, Buffer.byteLength(MessageBody));
}
