/** @module Payloads that publishers put into S3 themselves, where attachments lie: under their namespace and digest. */
import { InvalidMessageError, PayloadTooLargeError, UnsupportedFeatureError } from '../../../core/errors.ts';
import type { Json } from '../../../core/json.ts';
import { loadClient } from '../../load-client.ts';
import type { Upload, UploadPlace, Uploads } from '../../uploads.ts';
import type { AwsCalls } from '../calls/aws-calls.ts';
import { type Attachments, attachmentKey, MAX_PAYLOAD_BYTES, PAYLOAD_TYPE } from './attachments.ts';

/** Functions that publish for nobody else do without, and without what it loads. */
export type OpenUploads = (calls: AwsCalls, attachments: Attachments) => Uploads;
export const openUploads: OpenUploads = (calls, attachments) => new AwsUploads(calls, attachments);

export class AwsUploads implements Uploads {
  readonly #calls: AwsCalls;
  readonly #attachments: Attachments;

  constructor(calls: AwsCalls, attachments: Attachments) {
    this.#calls = calls;
    this.#attachments = attachments;
  }

  /** S3 takes no other bytes there than those of the digest, so that nobody can change what lies there already. */
  async place(namespace: string, upload: Upload): Promise<UploadPlace> {
    refuseTooLarge(upload);
    const { bucket } = this.#calls.settings;
    if (bucket === undefined) throw new UnsupportedFeatureError('aws', 'uploads, since this deployment has no bucket');
    const [{ client }, { presignedPut }] = await Promise.all([
      this.#attachments.s3(),
      loadClient('@aws-sdk/s3-request-presigner', () => import('../calls/presigned-put.ts')),
    ]);
    const object = { bucket, key: attachmentKey(namespace, upload.sha256), ...upload, type: PAYLOAD_TYPE };
    const about = { action: 's3:PutObject', resource: `${bucket}/${object.key}` };
    return this.#calls.repeat(() => presignedPut(client, object, this.#calls.time.now()), about);
  }

  /** Checked here, whoever put it: an emulator of S3 may take any bytes. */
  async payload(namespace: string, upload: Upload): Promise<Json> {
    refuseTooLarge(upload);
    const found = await this.#attachments.read(namespace, upload);
    if (found !== undefined && typeof found !== 'string') return found.json;
    const key = attachmentKey(namespace, upload.sha256);
    const problem =
      found ?? 'is not there: ask for a place (POST attachments), put the payload there, and publish then';
    throw new InvalidMessageError([{ field: 'attachment', problem: `${key} ${problem}` }]);
  }
}

function refuseTooLarge({ bytes }: Upload): void {
  if (bytes > MAX_PAYLOAD_BYTES) throw new PayloadTooLargeError(bytes, MAX_PAYLOAD_BYTES);
}
