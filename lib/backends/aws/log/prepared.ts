/** @module Drafts on their way into the table: payloads set aside, bodies packed, ids minted at the last moment. */
import { createHash } from 'node:crypto';
import type { TransactWriteItem } from '@aws-sdk/client-dynamodb';
import { encodeMessage } from '../../../core/codec.ts';
import { DEAD_LETTER_FORMAT } from '../../../core/dead-letter.ts';
import { InvalidMessageError, PayloadTooLargeError } from '../../../core/errors.ts';
import { createGemstoneIdGenerator, firstIdOf, type GemstoneId, timeOf } from '../../../core/gemstone-id.ts';
import { type Attachment, type Draft, type Message, rootIdOf } from '../../../core/message.ts';
import { DEFAULT_RETENTION_DAYS } from '../../../core/topic-family.ts';
import { tableAttributes } from '../../../environment/aws-keys.ts';
import { isOrderedTopic } from '../aws-settings.ts';
import type { Attributes } from '../calls/attribute-values.ts';
import type { AwsCalls } from '../calls/aws-calls.ts';
import {
  type Attachments,
  MAX_INLINE_BYTES,
  MAX_INLINE_RAW_BYTES,
  MAX_LETTER_BYTES,
  MAX_PAYLOAD_BYTES,
} from './attachments.ts';
import { type Guard, guardOf, toGuardEntry } from './guards.ts';
import {
  compress,
  escapeNonCharacters,
  itemBytes,
  KEPT_AFTER_RETENTION_S,
  type PackedBody,
  pack,
  toItem,
  toItemKey,
} from './item.ts';
import { shardOf, shardsOf } from './shards.ts';

/** Entries of one TransactWriteItems. */
const MAX_TRANSACTED = 100;
const NONCE_BYTES = 6;
const DAY_S = 86_400;
/** What a message that has no id yet is looked at and weighed with. */
const NO_ID = firstIdOf(1e12);

/** A draft with its id, as entries of one TransactWriteItems. */
export interface PreparedDraft {
  readonly id: GemstoneId;
  /** Of all its copies, as DynamoDB counts them. */
  readonly bytes: number;
  /** One for each topic, each on condition that the id is not yet there; a failed one gives the item that is. */
  readonly puts: readonly TransactWriteItem[];
  /** The row of its idempotency key or effect; see `readGuard` for what a failed one gives. */
  readonly guard?: TransactWriteItem;
}

/** A draft that is ready to be stored under any id: its large payload is set aside, its body packed. */
export interface ReadyDraft {
  readonly draft: Draft;
  readonly nonce: Uint8Array;
  readonly guard: Guard | undefined;
  /** Of its topics those whose copies are handed on by their publisher. */
  readonly direct: ReadonlySet<string>;
  /** The message without its id; `payload` is null if it was set aside. */
  readonly message: Message;
  readonly body: PackedBody;
}

/** A draft with its id and its items. */
export interface MintedDraft {
  readonly id: GemstoneId;
  readonly items: readonly Attributes[];
}

export class Preparation {
  readonly #calls: AwsCalls;
  readonly #attachments: Attachments;
  readonly #ids: ReturnType<typeof createGemstoneIdGenerator>;

  constructor(calls: AwsCalls, attachments: Attachments) {
    this.#calls = calls;
    this.#attachments = attachments;
    this.#ids = createGemstoneIdGenerator(() => calls.time.nowForIds(), calls.settings.random);
  }

  /**
   * @param nonce Names the call; with `index` it names the draft.
   * @param handsOn Which copies of families that are relayed directly their publisher hands on. @default - none
   * @throws PayloadTooLargeError, InvalidMessageError, and what setting a payload aside may throw.
   */
  async ready(draft: Draft, nonce: string, index: number, handsOn?: (copy: Message) => boolean): Promise<ReadyDraft> {
    const guard = guardOf(draft);
    const { topics } = draft.message;
    const most = guard === undefined ? MAX_TRANSACTED : MAX_TRANSACTED - 1;
    if (topics.length > most) {
      const problem = `got ${topics.length} topics with an idempotency key: ${most} are allowed on AWS`;
      throw new InvalidMessageError([{ field: 'topics', problem }]);
    }
    const [topic = ''] = topics;
    const attachment = await this.#setAside(draft);
    const message: Message = { ...draft.message, topic, id: NO_ID, ...(attachment && { attachment, payload: null }) };
    const body = escapeNonCharacters(encodeMessage(message, { setAside: attachment !== undefined }));
    const named = createHash('sha256').update(`${nonce}/${index}`).digest().subarray(0, NONCE_BYTES);
    const isHandedOn = (topic: string) => handsOn?.({ ...message, topic }) === true;
    const direct = new Set(this.#directTopics(draft).filter(isHandedOn));
    const ready = { draft, nonce: named, guard, direct, message };
    const [item = {}] = this.#items({ ...ready, body: '' }, NO_ID);
    // A shard of two digits takes a byte more.
    return { ...ready, body: pack(body, itemBytes(item) + 1) };
  }

  /** Mints its id, now. @throws ClockSkewError */
  mint(ready: ReadyDraft): MintedDraft {
    const id = this.#ids.next(ready.draft.priority);
    return { id, items: this.#items(ready, id) };
  }

  /** What is stored for a draft, as entries of a transaction; the same ones each time. */
  entries(ready: ReadyDraft, { id, items }: MintedDraft): PreparedDraft {
    const { messagesTable, ledgerTable } = this.#calls.settings;
    const { guard, nonce } = ready;
    return {
      id,
      bytes: items.reduce((sum, item) => sum + itemBytes(item), 0),
      puts: items.map((item) => ({ Put: toPut(messagesTable, item) })),
      ...(guard !== undefined && { guard: toGuardEntry(ledgerTable, guard, { id, nonce }) }),
    };
  }

  /** What is due later takes the relay, and so does what is ordered: its order is that in which it was stored. */
  #directTopics({ message: { topics, deliverAt }, effect }: Draft): readonly string[] {
    const { settings } = this.#calls;
    if (effect !== undefined || deliverAt !== undefined) return [];
    const isDirect = (topic: string) => settings.families.of(topic)?.relay === 'direct';
    return topics.filter((topic) => isDirect(topic) && !isOrderedTopic(settings, topic));
  }

  /** Where its copies may lie, if it was stored under that id. */
  keysOf(ready: ReadyDraft, id: GemstoneId): readonly Attributes[] {
    const { settings } = this.#calls;
    const { namespace, topics } = ready.message;
    return topics.flatMap((topic) =>
      shardsOf(settings, topic).map((shard) => toItemKey({ namespace, topic, id, shard })),
    );
  }

  #items({ message, body, nonce, direct }: Omit<ReadyDraft, 'draft' | 'guard'>, id: GemstoneId): Attributes[] {
    const { settings } = this.#calls;
    const { namespace } = message;
    // What is held back is kept for as long from then on as other messages are from the beginning.
    const bornS = Math.ceil(Math.max(timeOf(id), message.deliverAt ?? 0) / 1_000);
    return message.topics.map((topic) => {
      const copy = { ...message, id, topic };
      const family = settings.families.of(topic);
      // Days may be parts of days.
      const keptS = Math.ceil((family?.retentionDays ?? DEFAULT_RETENTION_DAYS) * DAY_S) + KEPT_AFTER_RETENTION_S;
      return toItem({
        place: { namespace, topic, id, shard: shardOf(settings, copy) },
        body,
        nonce,
        ttl: bornS + keptS,
        root: settings.threads ? rootIdOf(copy) : undefined,
        conversation: message.conversationId,
        isDirect: direct.has(topic),
      });
    });
  }

  async #setAside({ message, payloadBytes }: Draft): Promise<Attachment | undefined> {
    const maxBytes = message.format === DEAD_LETTER_FORMAT ? MAX_LETTER_BYTES : MAX_PAYLOAD_BYTES;
    if (payloadBytes > maxBytes) throw new PayloadTooLargeError(payloadBytes, maxBytes);
    // Six bytes to a character at most (an escape): what is surely small enough is not written out to see.
    if (payloadBytes * 6 <= MAX_INLINE_BYTES) return undefined;
    const json = JSON.stringify(message.payload);
    if (payloadBytes <= MAX_INLINE_RAW_BYTES) {
      if (Buffer.byteLength(json) <= MAX_INLINE_BYTES || compress(json).length <= MAX_INLINE_BYTES) return undefined;
    }
    return this.#attachments.put(message.namespace, json, maxBytes);
  }
}

/** A Put on condition that the id is not yet there. */
export function toPut(table: string, item: Attributes) {
  return {
    TableName: table,
    Item: item,
    ConditionExpression: 'attribute_not_exists(#s)',
    ExpressionAttributeNames: { '#s': tableAttributes.sort },
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
  } as const;
}
