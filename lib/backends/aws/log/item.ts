/**
 * @module Items of the Messages table: a copy of a message under one of its topics.
 *
 * | attribute | what | bytes with its name |
 * | --- | --- | --- |
 * | `pk` | namespace#topic#shard | 5 + namespace + topic |
 * | `sk` | id | 28 |
 * | `b` | the body: text, or bytes if it is compressed | 1 + body |
 * | `n` | 6 bytes that name the call that put it | 7 |
 * | `ttl` | Unix s: retention and 15 days | 9 |
 * | `thread` | namespace#root, if the index by thread is kept | 33 + namespace |
 * | `conversation` | namespace#conversation, if there is one | 13 + namespace + conversation |
 * | `d` | its publisher hands it on as well, so that the relay does not | 2 |
 *
 * DynamoDB writes in units of 1,024 bytes of an item, names included. Besides its body an item of `docs.findings` in `prod`
 * with a thread takes 104 bytes, so a body up to 920 bytes is one unit; one more for the index by thread, one more for that by
 * conversation. A message of 1 KB of prose is one unit compressed (about half its size) and two as it is. Transactions
 * (several topics, idempotency keys, outputs) take twice the units of the item, and two for the row of the key.
 *
 * What reads filter by (format, sender) is in the body only: an attribute of its own would not make a read cheaper, since
 * DynamoDB counts what it looks at and not what it returns, and would make some writes a unit larger.
 */
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';
import { decodeMessage } from '../../../core/codec.ts';
import { UndecodableError } from '../../../core/errors.ts';
import { type GemstoneId, isGemstoneId } from '../../../core/gemstone-id.ts';
import type { Message, MessageKey } from '../../../core/message.ts';
import { conversationKey, messageKey, tableAttributes, threadKey } from '../../../environment/aws-keys.ts';
import { type Attributes, textOf } from '../calls/attribute-values.ts';

/** Names of the attributes that only the log looks at. */
export const itemAttributes = { body: 'b', nonce: 'n', direct: 'd' } as const;

const WRITE_UNIT = 1_024;
/** Smaller by a tenth than zstd or deflate, in a fraction of a ms up to 20 KB; higher qualities take ms for little more. */
const QUALITY = 5;
/** What a body may be when it is unpacked; larger payloads are set aside. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;
/** 15 days. */
export const KEPT_AFTER_RETENTION_S = 15 * 86_400;

/** Where a copy lies. */
export interface ItemPlace extends MessageKey {
  readonly namespace: string;
  readonly shard: number;
}

/** A body as an item holds it. */
export type PackedBody = string | Uint8Array;

export interface ItemParts {
  readonly place: ItemPlace;
  readonly body: PackedBody;
  readonly nonce: Uint8Array;
  /** Unix s. */
  readonly ttl: number;
  /** The root, if the index by thread is kept. */
  readonly root: GemstoneId | undefined;
  readonly conversation: string | undefined;
  readonly isDirect: boolean;
}

const { partition, sort, ttl: ttlName, thread, conversation: conversationName } = tableAttributes;

export function toItem(parts: ItemParts): Attributes {
  const { place, body, nonce, ttl, root, conversation, isDirect } = parts;
  return {
    ...toItemKey(place),
    [itemAttributes.body]: typeof body === 'string' ? { S: body } : { B: body },
    [itemAttributes.nonce]: { B: nonce },
    [ttlName]: { N: `${ttl}` },
    ...(root !== undefined && { [thread]: { S: threadKey(place.namespace, root) } }),
    ...(conversation !== undefined && { [conversationName]: { S: conversationKey(place.namespace, conversation) } }),
    ...(isDirect && { [itemAttributes.direct]: { BOOL: true } }),
  };
}

export function toItemKey({ namespace, topic, id, shard }: ItemPlace): Attributes {
  return { [partition]: { S: messageKey(namespace, topic, shard) }, [sort]: { S: id } };
}

/**
 * Namespace, topic, shard and id of an item, from its key alone.
 *
 * @throws UndecodableError if its key is none of a message.
 */
export function placeOf(item: Attributes): ItemPlace {
  const [namespace, topic, shard, more] = (textOf(item, partition) ?? '').split('#');
  const id = textOf(item, sort);
  if (namespace && topic && shard && /^\d{1,2}$/.test(shard) && more === undefined && isGemstoneId(id))
    return { namespace, topic, id, shard: Number(shard) };
  throw new UndecodableError([{ field: 'key', problem: 'is not namespace#topic#shard and a gemstone ID' }]);
}

/**
 * The body as canonical JSON.
 *
 * @throws UndecodableError if there is none, or its bytes cannot be unpacked.
 */
export function bodyOf(item: Attributes): string {
  const { S, B } = item[itemAttributes.body] ?? {};
  if (S !== undefined) return S;
  if (B === undefined) throw new UndecodableError([{ field: 'body', problem: 'is missing' }]);
  try {
    return brotliDecompressSync(B, { maxOutputLength: MAX_BODY_BYTES }).toString('utf8');
  } catch (cause) {
    throw new UndecodableError([{ field: 'body', problem: 'is not the bytes of a compressed text' }], { cause });
  }
}

/**
 * The message of an item; one whose payload was set aside comes with `payload` null.
 *
 * @throws UndecodableError
 */
export function itemToMessage(item: Attributes): Message {
  const { namespace, topic, id } = placeOf(item);
  return decodeMessage(bodyOf(item), namespace, { topic, id });
}

/** Whether its publisher hands it on. */
export const isDirect = (item: Attributes): boolean => item[itemAttributes.direct]?.BOOL === true;

/** Whether an item was put by the call that `nonce` names. */
export function isOwn(item: Attributes | undefined, nonce: Uint8Array): boolean {
  const found = item?.[itemAttributes.nonce]?.B;
  return found !== undefined && Buffer.compare(found, nonce) === 0;
}

/** Bytes of an item as DynamoDB counts them. */
export function itemBytes(item: Attributes): number {
  let bytes = 0;
  for (const [name, { S, B, N }] of Object.entries(item)) {
    bytes +=
      name.length + (S === undefined ? (B?.length ?? (N === undefined ? 1 : numberBytes(N))) : Buffer.byteLength(S));
  }
  return bytes;
}

/** Two digits a byte, and one for the exponent. */
const numberBytes = (digits: string) => Math.ceil(digits.length / 2) + 1;

/**
 * A body as it is stored: compressed if that makes the item smaller by a unit of writing.
 *
 * @param besides Bytes of the item without its body.
 */
export function pack(body: string, besides: number): PackedBody {
  const units = (bytes: number) => Math.ceil((besides + bytes) / WRITE_UNIT);
  const bytes = Buffer.byteLength(body);
  if (units(bytes) <= 1) return body;
  const compressed = compress(body);
  return units(compressed.length) < units(bytes) ? compressed : body;
}

export function compress(text: string): Uint8Array {
  const params = { [constants.BROTLI_PARAM_QUALITY]: QUALITY, [constants.BROTLI_PARAM_SIZE_HINT]: text.length };
  return brotliCompressSync(text, { params });
}

/** U+FFFE and U+FFFF as JSON escapes: SQS refuses text that holds them, and they occur in no other place than in strings. */
export function escapeNonCharacters(json: string): string {
  return json.replaceAll(/[\uFFFE\uFFFF]/g, (character) => (character === '\uFFFE' ? '\\ufffe' : '\\uffff'));
}
