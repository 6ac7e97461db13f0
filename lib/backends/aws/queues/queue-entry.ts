/**
 * @module What lies in an agent's queue: one message on its way to the agent, or bytes that are none, with the attributes by
 * which SNS decides who gets it. Written by whoever publishes, read by whoever consumes.
 */
import { createHash } from 'node:crypto';
import { decodeMessage, encodeMessage } from '../../../core/codec.ts';
import { UndecodableError } from '../../../core/errors.ts';
import { isGemstoneId, priorityOf } from '../../../core/gemstone-id.ts';
import {
  effectiveKey,
  type Message,
  type MessageKey,
  parseReference,
  referenceProblem,
  toReference,
} from '../../../core/message.ts';
import { MAX_NAMESPACE, nameProblem, topicProblem } from '../../../core/topic.ts';
import { type messageAttributes, NOTHING_TO_SAY, SEVERAL } from '../../../environment/aws-names.ts';
import type { Lease } from '../../backend.ts';

const ENTRY_VERSION = 1;
/** Above it SNS and SQS charge for a second request, so the message stays in the log and the consumer reads it there. */
export const MAX_ENTRY_BYTES = 60 * 1024;
/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html: of a message group's id. */
const MAX_GROUP_ID = 128;
const PLAIN = /^[!-~]+$/;
const SEGMENTS = 4;

export type EntryAttributes = Readonly<Record<(typeof messageAttributes)[number], string>>;

export interface OutgoingEntry {
  readonly namespace: string;
  readonly key: MessageKey;
  readonly epoch: number;
  readonly cause: Lease['cause'];
  /** The message, whose payload is not looked at if it has an attachment; or bytes that are no message. */
  readonly content: Message | Uint8Array;
  /** Of a delivery once more: who alone gets it. @default - who follows the topic */
  readonly onlyFor?: string;
  /** The dead letter that embeds the message, for who finds that the log no longer has it. */
  readonly letter?: MessageKey;
}

export interface EncodedEntry {
  readonly body: string;
  readonly attributes: EntryAttributes;
  /** `MessageGroupId`: what fair queues share out by, and FIFO queues order by. */
  readonly groupId: string;
  /** `MessageDeduplicationId` on FIFO topics. */
  readonly deduplicationId: string;
}

export interface IncomingEntry {
  readonly namespace: string;
  readonly key: MessageKey;
  readonly epoch: number;
  readonly cause: Lease['cause'];
  /** `log`: too large for a queue, or with its payload set aside; the log has it under its key. */
  readonly content: Message | Uint8Array | 'log';
  /** Of a message in the log, as JSON. @default - not known */
  readonly bytes?: number;
  /** Of a message in the log: the dead letter that embeds it as well. */
  readonly letter?: MessageKey;
}

export function encodeEntry(entry: OutgoingEntry): EncodedEntry {
  const { namespace, key, epoch, cause, content, onlyFor, letter } = entry;
  const head = { v: ENTRY_VERSION, namespace, topic: key.topic, id: key.id, epoch, cause };
  const isRaw = content instanceof Uint8Array;
  return {
    body: isRaw
      ? JSON.stringify({ ...head, raw: Buffer.from(content).toString('base64') })
      : bodyOf(head, content, letter),
    attributes: onlyFor === undefined ? attributesOf(key, content) : attributesFor(onlyFor, key),
    groupId: groupIdOf(namespace, isRaw ? key.id : effectiveKey(content)),
    deduplicationId: deduplicationIdOf(entry),
  };
}

/** Epochs are counted for each agent, and all agents have what is delivered once more by one topic of SNS. */
function deduplicationIdOf({ namespace, key, epoch, onlyFor }: OutgoingEntry): string {
  const parts = [namespace, key.topic, key.id, epoch, ...(onlyFor === undefined ? [] : [onlyFor])];
  return createHash('sha256').update(parts.join('#')).digest('hex');
}

function bodyOf(head: object, message: Message, letter: MessageKey | undefined): string {
  const inLog = (bytes: number) => JSON.stringify({ ...head, bytes, ...(letter && { letter: toReference(letter) }) });
  if (message.attachment !== undefined) return inLog(message.attachment.bytes);
  const body = writable(`${JSON.stringify(head).slice(0, -1)},"message":${encodeMessage(message)}}`);
  const bytes = Buffer.byteLength(body);
  return bytes > MAX_ENTRY_BYTES ? inLog(bytes) : body;
}

/** JSON text without the two characters that SQS refuses and JSON allows. */
function writable(json: string): string {
  return json.replaceAll(/[\uFFFE\uFFFF]/g, (character) => `\\u${character.charCodeAt(0).toString(16)}`);
}

function attributesOf(key: MessageKey, content: Message | Uint8Array): EntryAttributes {
  if (content instanceof Uint8Array) return routedAs(key.topic, key, NOTHING_TO_SAY, SEVERAL);
  const [recipient, ...others] = content.recipients;
  const named = recipient === undefined ? NOTHING_TO_SAY : others.length > 0 ? SEVERAL : sayable(recipient, SEVERAL);
  return routedAs(key.topic, key, sayable(content.sender.id, NOTHING_TO_SAY), named);
}

/** As a message of the agent to itself, which that agent gets and nobody else. */
const attributesFor = (agent: string, key: MessageKey) => routedAs(`$self.${agent}`, key, agent, NOTHING_TO_SAY);

function routedAs(topic: string, { id }: MessageKey, sender: string, recipient: string): EntryAttributes {
  const segments = topic.split('.');
  const [s0, s1, s2, s3] = Array.from({ length: SEGMENTS }, (_, index) => segments[index] ?? NOTHING_TO_SAY) as [
    string,
    string,
    string,
    string,
  ];
  return { topic, s0, s1, s2, s3, depth: String(segments.length), priority: String(priorityOf(id)), sender, recipient };
}

/** Names of agents always are; a principal may be any text, and no filter names one. */
const sayable = (name: string, otherwise: string) => (PLAIN.test(name) && name.length <= 256 ? name : otherwise);

/** A key that no group id can be becomes its hash, which no other key is written as. */
function groupIdOf(namespace: string, key: string): string {
  const isFit = PLAIN.test(key) && !key.startsWith('#') && namespace.length + 1 + key.length <= MAX_GROUP_ID;
  return isFit ? `${namespace}#${key}` : `${namespace}##${createHash('sha256').update(key).digest('base64url')}`;
}

/**
 * What the body of a queue's message says; undefined if it is no entry at all, so that nobody knows what it was.
 * A message that cannot be read comes as its bytes.
 */
export function decodeEntry(body: string): IncomingEntry | undefined {
  const head = headOf(body);
  if (head === undefined) return undefined;
  const { namespace, topic, id, epoch, cause, raw, message, bytes, letter } = head;
  const known = { namespace, key: Object.freeze({ topic, id }), epoch, cause } as IncomingEntry;
  if (typeof raw === 'string') return { ...known, content: Buffer.from(raw, 'base64') };
  if (message === undefined) {
    const isSize = Number.isSafeInteger(bytes) && (bytes as number) >= 0;
    const isNamed = referenceProblem(letter) === undefined;
    return {
      ...known,
      content: 'log',
      ...(isSize && { bytes: bytes as number }),
      ...(isNamed && { letter: parseReference(letter as string) }),
    };
  }
  const text = JSON.stringify(message);
  try {
    return { ...known, content: decodeMessage(text, known.namespace, known.key) };
  } catch (error) {
    if (error instanceof UndecodableError) return { ...known, content: Buffer.from(text) };
    throw error;
  }
}

const CAUSES: readonly unknown[] = ['published', 'redriven', 'replayed'];

function headOf(body: string): Readonly<Record<string, unknown>> | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return undefined;
  const head = parsed as Readonly<Record<string, unknown>>;
  const isEntry =
    head.v === ENTRY_VERSION &&
    nameProblem(head.namespace, MAX_NAMESPACE) === undefined &&
    topicProblem(head.topic) === undefined &&
    isGemstoneId(head.id) &&
    Number.isSafeInteger(head.epoch) &&
    (head.epoch as number) >= 0 &&
    CAUSES.includes(head.cause);
  return isEntry ? head : undefined;
}
