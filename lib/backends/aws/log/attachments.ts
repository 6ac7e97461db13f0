/** @module Payloads that are too large to lie in their item: objects in S3, by namespace and digest. */
import { createHash } from 'node:crypto';
import { PayloadTooLargeError, UndecodableError } from '../../../core/errors.ts';
import { freezeJson, type Json } from '../../../core/json.ts';
import { type Attachment, type Message, toReference } from '../../../core/message.ts';
import { loadClient } from '../../load-client.ts';
import type { Upload } from '../../uploads.ts';
import type { AwsCalls } from '../calls/aws-calls.ts';
import type { S3Calls } from '../calls/s3-calls.ts';
import { Slots } from '../calls/slots.ts';

/** What of a payload may lie in an item, compressed. Beyond it a Put into S3 costs less than the units of writing. */
export const MAX_INLINE_BYTES = 8 * 1_024;
/** And as it is, however well it can be compressed. */
export const MAX_INLINE_RAW_BYTES = 256 * 1_024;
export const MAX_PAYLOAD_BYTES = 25 * 1_024 * 1_024;
/**
 * Of a dead letter, which embeds a whole message and has up to 1 MB of faults and fields around its payload. That message may
 * be a dead letter itself, and so may the one in that.
 */
export const MAX_LETTER_BYTES = MAX_PAYLOAD_BYTES + 3 * 1_024 * 1_024;
export const PAYLOAD_TYPE = 'application/json';
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
   * @throws PayloadTooLargeError if it is beyond `maxBytes`, or there is no bucket.
   */
  async put(namespace: string, json: string, maxBytes: number): Promise<Attachment> {
    const { bucket } = this.#calls.settings;
    const bytes = Buffer.from(json);
    if (bucket === undefined) throw new PayloadTooLargeError(bytes.length, MAX_INLINE_BYTES);
    if (bytes.length > maxBytes) throw new PayloadTooLargeError(bytes.length, maxBytes);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const s3 = await this.s3();
    await this.#slots.run(() => s3.put(bucket, attachmentKey(namespace, sha256), bytes, PAYLOAD_TYPE));
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
    const found = await this.read(namespace, attachment);
    if (found === undefined) throw damaged(message, attachment, 'is gone');
    if (typeof found === 'string') throw damaged(message, attachment, found);
    return Object.freeze({ ...message, payload: freezeJson(found.json) });
  }

  /** What lies there: undefined if nothing does, or what is wrong with it. */
  async read(namespace: string, { bytes, sha256 }: Upload): Promise<{ readonly json: Json } | string | undefined> {
    const { bucket } = this.#calls.settings;
    if (bucket === undefined) return 'cannot be read: this deployment has no bucket';
    const s3 = await this.s3();
    const found = await this.#slots.run(() => s3.get(bucket, attachmentKey(namespace, sha256), bytes));
    if (found === undefined) return undefined;
    const { length, body } = found;
    if (body === undefined || length !== bytes) return `has other bytes: ${length} of them, and not ${bytes}`;
    const digest = createHash('sha256').update(body).digest('hex');
    if (digest !== sha256) return `has other bytes: their sha256 is ${digest}`;
    try {
      return { json: JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)) as Json };
    } catch {
      return 'is not JSON in UTF-8';
    }
  }

  /** Loaded when it is first asked for. */
  s3(): Promise<S3Calls> {
    this.#s3 ??= loadClient('@aws-sdk/client-s3', () => import('../calls/s3-calls.ts')).then(
      ({ S3Calls }) => new S3Calls(this.#calls),
    );
    return this.#s3;
  }
}

function damaged(message: Message, { sha256 }: Attachment, problem: string): UndecodableError {
  const key = attachmentKey(message.namespace, sha256);
  return new UndecodableError([{ field: 'attachment', problem: `of ${toReference(message)} (${key}) ${problem}` }]);
}
