/** @module One message of SQS in a consumer's hands, whether a function was started with it or a worker fetched it. */
import { createHash } from 'node:crypto';
import type { Message as SqsMessage } from '@aws-sdk/client-sqs';
import { firstIdOf, type GemstoneId } from '../../../core/gemstone-id.ts';
import { decodeEntry, type IncomingEntry } from './queue-entry.ts';

/** Crockford's alphabet. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const TIME_LENGTH = 10;
const RANDOM_LENGTH = 15;
/** Doubled with each receipt, so that 1,000 receipts outlast any outage. */
const [FIRST_PAUSE_MS, MAX_PAUSE_MS] = [5_000, 900_000];

export interface Received {
  readonly messageId: string;
  readonly queueUrl: string;
  readonly receiptHandle: string;
  readonly receiveCount: number;
  /** Unix ms of its first receipt. */
  readonly firstReceivedAt: number;
  /** Unix ms of this receipt. */
  readonly receivedAt: number;
  /** Of a FIFO queue. */
  readonly groupId: string | undefined;
  /** A function acknowledges by its answer, a worker by deleting. */
  readonly isEvent: boolean;
  readonly entry: IncomingEntry;
  /** Unix ms at which the queue hands it to somebody else. */
  until: number;
}

/** How long one that could not be opened stays away, in ms. */
export const pauseMs = ({ receiveCount }: Received): number =>
  Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (receiveCount - 1));

/** What is common to both ways in which SQS hands out a message. */
interface Attributes {
  readonly ApproximateReceiveCount?: string | undefined;
  readonly ApproximateFirstReceiveTimestamp?: string | undefined;
  readonly SentTimestamp?: string | undefined;
  readonly MessageGroupId?: string | undefined;
}

/** A record of the event that a function is started with, as far as it is looked at. */
export interface QueueRecord {
  readonly messageId: string;
  readonly receiptHandle: string;
  readonly body: string;
  readonly attributes: Attributes;
  /** Of the queue. */
  readonly eventSourceARN?: string;
}

export interface Receipt {
  readonly agent: string;
  /** Of what is no entry, and so does not say its own. */
  readonly namespace: string;
  readonly queueUrl: string;
  readonly isOrdered: boolean;
  readonly receivedAt: number;
  readonly until: number;
}

/** What a worker fetched. */
export function fromMessage(message: SqsMessage, receipt: Receipt): Received {
  const { MessageId = '', ReceiptHandle = '', Body = '', Attributes = {} } = message;
  return received(MessageId, ReceiptHandle, Body, Attributes, receipt, false);
}

/** What a function was started with. */
export function fromRecord({ messageId, receiptHandle, body, attributes }: QueueRecord, receipt: Receipt): Received {
  return received(messageId, receiptHandle, body, attributes, receipt, true);
}

function received(
  messageId: string,
  receiptHandle: string,
  body: string,
  attributes: Attributes,
  { agent, namespace, queueUrl, isOrdered, receivedAt, until }: Receipt,
  isEvent: boolean,
): Received {
  const sentAt = Number(attributes.SentTimestamp ?? receivedAt);
  return {
    messageId,
    queueUrl,
    receiptHandle,
    receiveCount: Number(attributes.ApproximateReceiveCount ?? 1),
    firstReceivedAt: Number(attributes.ApproximateFirstReceiveTimestamp ?? receivedAt),
    receivedAt,
    groupId: isOrdered ? attributes.MessageGroupId : undefined,
    isEvent,
    entry: decodeEntry(body) ?? foreign(body, messageId, sentAt, agent, namespace),
    until,
  };
}

/** Nobody knows where it came from: it is told of as if it had been sent to the agent's inbox when it was put in the queue. */
function foreign(body: string, messageId: string, sentAt: number, agent: string, namespace: string): IncomingEntry {
  const digits = createHash('sha256').update(messageId).digest();
  const random = Array.from({ length: RANDOM_LENGTH }, (_, index) => ALPHABET[(digits[index] as number) % 32]).join('');
  const id = `${firstIdOf(sentAt).slice(0, TIME_LENGTH)}${random}4` as GemstoneId;
  const key = Object.freeze({ topic: `$inbox.${agent}`, id });
  return { namespace, key, epoch: 0, cause: 'published', content: Buffer.from(body) };
}
