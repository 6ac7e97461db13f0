import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AwsCalls } from '../../../../lib/backends/aws/calls/aws-calls.ts';
import { Attachments } from '../../../../lib/backends/aws/log/attachments.ts';
import { AwsUploads } from '../../../../lib/backends/aws/log/uploads.ts';
import type { Upload, UploadPlace } from '../../../../lib/backends/uploads.ts';
import { type Emulators, startEmulators } from '../../../../lib/rehearsal/emulators.ts';
import { emulatedSettings } from '../../../aws-emulators/emulated-settings.ts';
import { refusalOf } from '../../../aws-emulators/presigned.ts';
import { createBucket } from './log-lab.ts';

const Bucket = 'uploads';
const tables = { messagesTable: 'messages', ledgerTable: 'ledger' };
const MAX = 25 * 1_024 * 1_024;
let emulators: Emulators;
let s3: S3Client;
beforeAll(async () => {
  emulators = await startEmulators();
  s3 = await createBucket(emulators, Bucket);
});
afterAll(() => emulators[Symbol.asyncDispose]());

function uploadsOn(options: Parameters<typeof emulatedSettings>[2] = { bucket: Bucket }): AwsUploads {
  const calls = new AwsCalls(emulatedSettings(emulators, tables, options));
  return new AwsUploads(calls, new Attachments(calls));
}

const bytesOf = (text: string) => new TextEncoder().encode(text);
const uploadOf = (body: Uint8Array): Upload => ({
  bytes: body.length,
  sha256: createHash('sha256').update(body).digest('hex'),
});
const put = ({ url, method, headers }: UploadPlace, body: Uint8Array<ArrayBuffer>) =>
  fetch(url, { method, headers, body });

describe('a place', () => {
  const body = bytesOf('{"text":"höher"}');
  const asked = (place: UploadPlace) => ({ ...place, body });
  const refusal = (given: Parameters<typeof refusalOf>[0], at?: number) =>
    refusalOf(given, emulators.credentials.secretAccessKey, at);

  test('takes the payload with its headers alone, and gives it back', async () => {
    const uploads = uploadsOn();

    const place = await uploads.place('test', uploadOf(body));
    const { status } = await put(place, body);

    expect(status).toBe(200);
    expect(new URL(place.url).pathname).toBe(`/${Bucket}/test/${uploadOf(body).sha256}`);
    expect(await uploads.payload('test', uploadOf(body))).toEqual({ text: 'höher' });
  });

  test('is signed for this length, type and digest, and for 15 minutes', async () => {
    const before = Date.now();
    const place = await uploadsOn().place('test', uploadOf(body));
    const { headers, expiresAt } = place;

    expect(refusal(asked(place))).toBeUndefined();
    expect(refusal({ ...asked(place), body: bytesOf('{"text":"longer!"}') })).toBe('SignatureDoesNotMatch');
    expect(refusal({ ...asked(place), body: new Uint8Array(body.length) })).toBe('BadDigest');
    for (const name of Object.keys(headers)) {
      const { [name]: _, ...others } = headers;
      expect(refusal({ ...asked(place), headers: others }), name).toBe('SignatureDoesNotMatch');
      expect(refusal({ ...asked(place), headers: { ...others, [name]: 'x' } }), name).toBe('SignatureDoesNotMatch');
    }
    expect(refusal({ ...asked(place), headers: { ...headers, 'x-amz-acl': 'public-read' } })).toBe('AccessDenied');
    expect(refusal({ ...asked(place), url: place.url.replace('/test/', '/other/') })).toBe('SignatureDoesNotMatch');
    expect(expiresAt - before).toBeGreaterThan(898_000);
    expect(refusal(asked(place), expiresAt)).toBeUndefined();
    expect(refusal(asked(place), expiresAt + 1)).toBe('AccessDenied');
  });

  test('is there for 25 MB, and for no byte more', async () => {
    const uploads = uploadsOn();
    const { sha256 } = uploadOf(body);

    await expect(uploads.place('test', { bytes: MAX, sha256 })).resolves.toMatchObject({ method: 'PUT' });
    for (const call of ['place', 'payload'] as const)
      await expect(uploads[call]('test', { bytes: MAX + 1, sha256 })).rejects.toMatchObject({
        code: 'PAYLOAD_TOO_LARGE',
        maxBytes: MAX,
      });
  });

  test('is nowhere without a bucket', async () => {
    await expect(uploadsOn({}).place('test', uploadOf(body))).rejects.toMatchObject({ code: 'UNSUPPORTED_FEATURE' });
  });
});

describe('a payload is refused', () => {
  const refused = (problem: RegExp) => ({
    code: 'INVALID_MESSAGE',
    retryable: false,
    faults: [{ field: 'attachment', problem: expect.stringMatching(problem) }],
  });

  test('if nothing was uploaded, or only in another namespace', async () => {
    const uploads = uploadsOn();
    const body = bytesOf('"secret"');
    await put(await uploads.place('other', uploadOf(body)), body);

    await expect(uploads.payload('test', uploadOf(body))).rejects.toMatchObject(
      refused(/^test\/[0-9a-f]{64} is not there: ask for a place \(POST attachments\)/),
    );
    await expect(uploads.payload('other', uploadOf(body))).resolves.toBe('secret');
  });

  test.each<[string, string, RegExp]>([
    ['longer', '"announced and more"', / has other bytes: 20 of them, and not 11$/],
    ['shorter', '"less"', / has other bytes: 6 of them, and not 11$/],
    ['others', '"different"', / has other bytes: their sha256 is [0-9a-f]{64}$/],
  ])('if its bytes are %s than those that were announced, where the store let them pass', async (_, text, problem) => {
    const uploads = uploadsOn();
    const announced = uploadOf(bytesOf('"announced"'));

    const { status } = await put(await uploads.place('test', announced), bytesOf(text));

    expect(status).toBe(200);
    await expect(uploads.payload('test', announced)).rejects.toMatchObject(refused(problem));
  });

  test('if it is not as long as the message says', async () => {
    const uploads = uploadsOn();
    const body = bytesOf('"right"');
    await put(await uploads.place('test', uploadOf(body)), body);

    for (const bytes of [1, 6, 8, 1_000])
      await expect(uploads.payload('test', { ...uploadOf(body), bytes })).rejects.toMatchObject(
        refused(/ has other bytes: 7 of them, and not /),
      );
  });

  test.each([
    ['no JSON', bytesOf('{"a":')],
    ['nothing in UTF-8', Uint8Array.from([0x22, 0xff, 0x22])],
  ])('if it is %s', async (_, body) => {
    const uploads = uploadsOn();
    await put(await uploads.place('test', uploadOf(body)), body);

    await expect(uploads.payload('test', uploadOf(body))).rejects.toMatchObject(refused(/ is not JSON in UTF-8$/));
  });
});

describe('S3 that refuses', () => {
  const arn = 'arn:aws:sts::111122223333:assumed-role/Ingest/x';
  let server: Server;
  let message = '';
  beforeAll(async () => {
    server = createServer((_, answer) => {
      const text = `<Error><Code>AccessDenied</Code><Message>${message}</Message></Error>`;
      answer.writeHead(403, { 'content-type': 'application/xml' }).end(text);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterAll(() => void server.close());
  const payload = () => {
    const { port } = server.address() as AddressInfo;
    const endpoints = { ...emulators.endpoints, s3: `http://127.0.0.1:${port}` };
    return uploadsOn({ bucket: Bucket, endpoints }).payload('test', uploadOf(bytesOf('1')));
  };

  test('to list the bucket says that the payload is not there', async () => {
    message = `User: ${arn} is not authorized to perform: s3:ListBucket on resource: "arn:aws:s3:::uploads" because no identity-based policy allows the s3:ListBucket action`;
    await expect(payload()).rejects.toThrow('is not there: ask for a place');
  });

  test('to read it lacks a permission, which is told', async () => {
    message = `User: ${arn} is not authorized to perform: s3:GetObject on resource: "arn:aws:s3:::uploads/test/x"`;
    await expect(payload()).rejects.toMatchObject({ code: 'AWS_ACCESS_DENIED', action: 's3:GetObject' });
  });
});

test('a message may also name what the store has set aside by itself', async () => {
  const uploads = uploadsOn();
  const body = bytesOf('{"first":true}');
  await s3.send(new PutObjectCommand({ Bucket, Key: `test/${uploadOf(body).sha256}`, Body: body }));

  expect(await uploads.payload('test', uploadOf(body))).toEqual({ first: true });
});
