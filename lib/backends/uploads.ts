/** @module Payloads that are put into the store before the message that carries them, where the way to a server is too narrow. */
import { UnsupportedFeatureError } from '../core/errors.ts';
import type { Json } from '../core/json.ts';
import type { Attachment } from '../core/message.ts';
import type { Features } from './features.ts';

/** A payload that is, or will be, in the store: its JSON in UTF-8. */
export type Upload = Pick<Attachment, 'bytes' | 'sha256'>;

/** One request that puts the payload into the store, and no other one. */
export interface UploadPlace {
  readonly method: 'PUT';
  /** Whoever has it may put the payload there. */
  readonly url: string;
  /** To be sent as they are, besides `content-length`. */
  readonly headers: Readonly<Record<string, string>>;
  /** Unix ms. */
  readonly expiresAt: number;
}

/** A backend without them (`features.uploads`) throws `UnsupportedFeatureError`. */
export interface Uploads {
  /** Where a payload of the namespace is put. Rejects with `PayloadTooLargeError` beyond the largest payload. */
  place(namespace: string, upload: Upload): Promise<UploadPlace>;
  /**
   * The payload that was put there. Rejects with `InvalidMessageError` if none was, or other bytes, or no JSON; and with
   * `PayloadTooLargeError`.
   */
  payload(namespace: string, upload: Upload): Promise<Json>;
}

/** Of a backend whose servers take payloads of any size that it stores. */
export function noUploads(backend: string, { maxPayloadBytes }: Pick<Features, 'maxPayloadBytes'>): Uploads {
  const refuse = async () => {
    const instead = `payloads of up to ${maxPayloadBytes} bytes go into the message itself`;
    throw new UnsupportedFeatureError(backend, `uploads (${instead})`);
  };
  return { place: refuse, payload: refuse };
}
