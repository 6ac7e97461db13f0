/** @module Calls of S3: whole objects in, whole objects out. Loaded when the first attachment is. */
import { Readable } from 'node:stream';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { hasOtherS3 } from '../../../environment/aws-variables.ts';
import type { AwsCalls, SendOptions } from './aws-calls.ts';
import { refusal } from './aws-errors.ts';

const TRY_MS = 5_000;
/** More for each started MB, in both directions. */
const TRY_MS_PER_MB = 1_000;
const MB = 1_024 * 1_024;
/** Larger objects go in parts of this, so that a broken connection costs one part; S3 takes parts from 5 MB on. */
const PART_BYTES = 8 * MB;

export interface Found {
  readonly length: number;
  readonly body?: Uint8Array;
}

interface Place {
  readonly Bucket: string;
  readonly Key: string;
}

export class S3Calls {
  readonly #calls: AwsCalls;

  constructor(calls: AwsCalls) {
    this.#calls = calls;
  }

  get client(): S3Client {
    const { endpoints } = this.#calls.settings;
    const forcePathStyle = endpoints.s3 !== undefined || hasOtherS3();
    // Bytes are checked against the digest that their message has, which is the same one or nothing.
    const responseChecksumValidation = 'WHEN_REQUIRED';
    return this.#calls.client(
      's3',
      (options) => new S3Client({ ...options, forcePathStyle, responseChecksumValidation }),
    );
  }

  /** Puts it, over what was there. Parts of an upload that is never completed are for the bucket's lifecycle to remove. */
  async put(bucket: string, key: string, bytes: Uint8Array, type: string): Promise<void> {
    const place = { Bucket: bucket, Key: key };
    const about = this.#about('s3:PutObject', place, bytes.length);
    if (bytes.length > PART_BYTES) return this.#putInParts(place, bytes, type, about);
    await this.#calls.send(this.client, new PutObjectCommand({ ...place, Body: bytes, ContentType: type }), about);
  }

  async #putInParts(place: Place, bytes: Uint8Array, type: string, about: SendOptions): Promise<void> {
    const client = this.client;
    const begin = new CreateMultipartUploadCommand({ ...place, ContentType: type });
    const { UploadId } = await this.#calls.send(client, begin, about);
    const count = Math.ceil(bytes.length / PART_BYTES);
    const parts = await Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const Body = bytes.subarray(index * PART_BYTES, (index + 1) * PART_BYTES);
        const part = { ...place, UploadId, PartNumber: index + 1 };
        const { ETag } = await this.#calls.send(client, new UploadPartCommand({ ...part, Body }), about);
        return { ETag, PartNumber: index + 1 };
      }),
    );
    const complete = new CompleteMultipartUploadCommand({ ...place, UploadId, MultipartUpload: { Parts: parts } });
    try {
      await this.#calls.send(client, complete, { ...about, answers: ['NoSuchUpload'] });
    } catch (error) {
      // A repeat of what was done, though its answer got lost.
      if (!(error instanceof Error && error.name === 'NoSuchUpload')) throw error;
    }
  }

  /**
   * Undefined if there is none; without its bytes if it is longer than it is said to be.
   *
   * @param bytes How large it is said to be.
   */
  async get(bucket: string, key: string, bytes: number): Promise<Found | undefined> {
    const place = { Bucket: bucket, Key: key };
    const about = { ...this.#about('s3:GetObject', place, bytes), answers: ['NoSuchKey', 'NotFound', 'AccessDenied'] };
    try {
      // With its body, which may break off after its headers came.
      return await this.#calls.repeat(async () => {
        const { Body, ContentLength = 0 } = await this.#calls.try(this.client, new GetObjectCommand(place), about);
        if (ContentLength > bytes) {
          if (Body instanceof Readable) Body.destroy();
          return { length: ContentLength };
        }
        const body = await Body?.transformToByteArray();
        return { length: body?.length ?? 0, ...(body !== undefined && { body }) };
      }, about);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw refusal(error, about.action, about.resource);
    }
  }

  #about(action: string, { Bucket, Key }: Place, bytes: number) {
    const tryMs = TRY_MS + Math.ceil(bytes / MB) * TRY_MS_PER_MB;
    return { action, resource: `${Bucket}/${Key}`, tryMs, deadlineAt: this.#calls.deadline() + tryMs };
  }
}

/** Who may not list a bucket is not told that an object is missing, but that it may not list. */
function isMissing(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error.name === 'AccessDenied') return error.message.includes('s3:ListBucket');
  return error.name === 'NoSuchKey' || error.name === 'NotFound';
}
