/** @module A request that puts one object into S3, for somebody without credentials. Loaded when the first is asked for. */
import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import type { UploadPlace } from '../../uploads.ts';

/** Long enough for the largest payload over a slow line. */
const LIFETIME_S = 900;
const CHECKSUM = 'x-amz-checksum-sha256';

export interface PutObject {
  readonly bucket: string;
  readonly key: string;
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
  readonly type: string;
}

/** @param signedAt Unix ms. */
export async function presignedPut(client: S3Client, object: PutObject, signedAt: number): Promise<UploadPlace> {
  const { bucket: Bucket, key: Key, bytes: ContentLength, sha256, type } = object;
  const checksum = Buffer.from(sha256, 'hex').toString('base64');
  const put = new PutObjectCommand({ Bucket, Key, ContentLength, ContentType: type, ChecksumSHA256: checksum });
  const url = await getSignedUrl(client, put, {
    expiresIn: LIFETIME_S,
    signingDate: new Date(signedAt),
    // S3 looks at a checksum only in a header, so that it must not move into the query.
    unhoistableHeaders: new Set([CHECKSUM]),
    signableHeaders: new Set(['host', 'content-length', 'content-type', CHECKSUM]),
  });
  const headers = { 'content-type': type, [CHECKSUM]: checksum };
  return { method: 'PUT', url, headers, expiresAt: (Math.floor(signedAt / 1_000) + LIFETIME_S) * 1_000 };
}
