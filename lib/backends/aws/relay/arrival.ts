/** @module One message as it arrives at the relay: where it lies, as its key says, and what its bytes say. */
import { DEAD_LETTER_FORMAT, deadLetterOf, deadLetterTopic } from '../../../core/dead-letter.ts';
import { UndecodableError } from '../../../core/errors.ts';
import { type Message, type MessageKey, parseReference, type Reference } from '../../../core/message.ts';
import { topicProblem } from '../../../core/topic.ts';
import { tableAttributes } from '../../../environment/aws-keys.ts';
import { type Attributes, textOf } from '../calls/attribute-values.ts';
import { isDirect, itemAttributes, itemToMessage, placeOf } from '../log/item.ts';
import { type StreamRecord, toItem } from './stream-record.ts';

export interface Arrival {
  /** Names the record in the relay's answer. */
  readonly identifier: string;
  readonly namespace: string;
  readonly key: MessageKey;
  /** Bytes that are no message are handed on as they came, for each agent that follows the topic to bury. */
  readonly content: Message | Uint8Array;
  /** Its publisher has handed it on itself. */
  readonly isDirect: boolean;
}

/** A record that nothing can be handed on of. */
export interface Unreadable {
  readonly identifier: string;
  /** The key of the item, as far as there is one. */
  readonly pk: string | undefined;
  readonly sk: string | undefined;
  readonly problem: string;
}

/** Raw bytes that fit into an entry. Larger ones stay in the table. */
const MAX_RAW_BYTES = 40 * 1024;

/** What a record of the stream brings; undefined if it is no new message: deletions by TTL come by the stream as well. */
export function readRecord(record: StreamRecord): Arrival | Unreadable | undefined {
  if (record?.eventName !== 'INSERT') return undefined;
  const { Keys, NewImage, SequenceNumber = '' } = record.dynamodb ?? {};
  // From the keys, never from the image: what a role may write is decided by the key.
  return readItem(SequenceNumber, { ...toItem(NewImage ?? {}), ...toItem(Keys ?? {}) });
}

export function readItem(identifier: string, item: Attributes): Arrival | Unreadable {
  try {
    const { namespace, topic, id } = placeOf(item);
    const problem = topicProblem(topic);
    if (problem !== undefined) throw new UndecodableError([{ field: 'topic', problem }]);
    const key = Object.freeze({ topic, id });
    return { identifier, namespace, key, content: contentOf(item), isDirect: isDirect(item) };
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    const { partition, sort } = tableAttributes;
    return { identifier, pk: textOf(item, partition), sk: textOf(item, sort), problem };
  }
}

function contentOf(item: Attributes): Message | Uint8Array {
  try {
    return itemToMessage(item);
  } catch (error) {
    const { S, B } = item[itemAttributes.body] ?? {};
    const raw = S === undefined ? B : Buffer.from(S);
    if (raw === undefined || raw.length > MAX_RAW_BYTES) throw error;
    return raw;
  }
}

/**
 * Outputs of one attempt in the order in which it published them, which their ids have: they are stored in one step, and the
 * stream does not say in which order it brings those. All else stays where the stream has it, whatever clocks say.
 */
export function inOrderSaid(arrivals: readonly Arrival[]): readonly Arrival[] {
  const sorted = [...arrivals];
  for (const places of Map.groupBy(arrivals.keys(), (index) => attemptOf(arrivals[index] as Arrival)).values()) {
    const own = places.map((index) => arrivals[index] as Arrival).toSorted(byId);
    for (const [at, index] of places.entries()) sorted[index] = own[at] as Arrival;
  }
  return sorted;
}

/** Whose output of which delivery it is, under one topic; itself if it is none. People and programs have a colon in their names. */
function attemptOf(arrival: Arrival): unknown {
  const { namespace, key, content } = arrival;
  if (content instanceof Uint8Array || content.thread.length === 0 || content.sender.id.includes(':')) return arrival;
  return JSON.stringify([namespace, key.topic, content.sender.id, content.thread.at(-1)]);
}

const byId = ({ key: one }: Arrival, { key: other }: Arrival) => (one.id < other.id ? -1 : Number(one.id > other.id));

/** Whether it is only stored: the dead letter of who watches for failures, so that those never feed on each other. */
export function isOnlyStored({ key, content }: Arrival): boolean {
  if (content instanceof Uint8Array || content.format !== DEAD_LETTER_FORMAT || !key.topic.startsWith('$dead.'))
    return false;
  // A large letter is set aside; its parent is what the delivery was of.
  const failedOn = content.payload === null ? topicOf(content.thread.at(-1)) : deadLetterOf(content).topic;
  return !deadLetterTopic('', failedOn).delivered;
}

const topicOf = (reference: Reference | undefined) => (reference === undefined ? '' : parseReference(reference).topic);
