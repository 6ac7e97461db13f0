/** @module Payloads that are too large to lie in their item: objects in S3, by namespace and digest. */
import { createHash } from 'node:crypto';
import { PayloadTooLargeError, UndecodableError } from '../../../core/errors.ts';
import { freezeJson, type Json } from '../../../core/json.ts';
import { type Attachment, type Message, toReference } from '../../../core/message.ts';
import { loadClient } from '../../load-client.ts';
import type { AwsCalls } from '../calls/aws-calls.ts';
import type { S3Calls } from '../calls/s3-calls.ts';
import { Slots } from '../calls/slots.ts';

/** What of a payload may lie in an item, compressed. Beyond it a Put into S3 costs less than the units of writing. */
export const MAX_INLINE_BYTES = 8 * 1_024;
/** And as it is, however well it can be compressed. */
export const MAX_INLINE_RAW_BYTES = 256 * 1_024;
export const MAX_PAYLOAD_BYTES = 25 * 1_024 * 1_024;
/** They may be large, and all of them are in memory. */
const AT_ONCE = 8;

/** Key of the object: roles are bound to how it begins. */
export const attachmentKey = (namespace: string, sha256: string): string => `${namespace}/${sha256}`;

export class Attachments {
  readonly #calls: AwsCalls;
  readonly #slots = new Slots(AT_ONCE);
  #s3: Promise<S3Calls> | undefined;

  constructor(calls: AwsCalls) {
    this.#calls = calls;
  }

  /**
   * Sets a payload aside, before anything names it. The same payload is one object; each time it is put its age starts anew.
   *
   * @param json The payload's canonical JSON.
   * @throws PayloadTooLargeError if it is beyond the maximum, or there is no bucket.
   */
  async put(namespace: string, json: string): Promise<Attachment> {
    const { bucket } = this.#calls.settings;
    const bytes = Buffer.from(json);
    const maxBytes = bucket === undefined ? MAX_INLINE_BYTES : MAX_PAYLOAD_BYTES;
    if (bucket === undefined || bytes.length > maxBytes) throw new PayloadTooLargeError(bytes.length, maxBytes);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const s3 = await this.#loaded();
    await this.#slots.run(() => s3.put(bucket, attachmentKey(namespace, sha256), bytes, 'application/json'));
    return { bytes: bytes.length, sha256, location: `s3:${attachmentKey(namespace, sha256)}` };
  }

  /**
   * The message with its payload, if that was set aside; else the message itself. Where it lies follows from its namespace and
   * digest, so that no body can point into another namespace.
   *
   * @throws UndecodableError naming the attachment, if it is gone, or its bytes are not those that were set aside.
   */
  async fill(message: Message): Promise<Message> {
    const { attachment, namespace } = message;
    if (attachment === undefined) return message;
    const { bucket } = this.#calls.settings;
    if (bucket === undefined) throw damaged(message, attachment, 'cannot be read: this deployment has no bucket');
    const { sha256 } = attachment;
    const s3 = await this.#loaded();
    const bytes = await this.#slots.run(() => s3.get(bucket, attachmentKey(namespace, sha256), attachment.bytes));
    if (bytes === undefined) throw damaged(message, attachment, 'is gone');
    const found = createHash('sha256').update(bytes).digest('hex');
    if (found !== sha256)
      throw damaged(message, attachment, `has other bytes than were set aside: their sha256 is ${found}`);
    const payload = freezeJson(parsed(bytes, message, attachment));
    return Object.freeze({ ...message, payload });
  }

  #loaded(): Promise<S3Calls> {
    this.#s3 ??= loadClient('@aws-sdk/client-s3', () => import('../calls/s3-calls.ts')).then(
      ({ S3Calls }) => new S3Calls(this.#calls),
    );
    return this.#s3;
  }
}

function parsed(bytes: Uint8Array, message: Message, attachment: Attachment): Json {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as Json;
  } catch {
    throw damaged(message, attachment, 'is not JSON in UTF-8');
  }
}

function damaged(message: Message, { sha256 }: Attachment, problem: string): UndecodableError {
  const key = attachmentKey(message.namespace, sha256);
  return new UndecodableError([{ field: 'attachment', problem: `of ${toReference(message)} (${key}) ${problem}` }]);
}
