import { createHash, randomBytes } from 'node:crypto';
import { DeleteObjectCommand, ListObjectsV2Command, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import type { GemstoneId } from '../../../../lib/core/gemstone-id.ts';
import type { Message } from '../../../../lib/core/message.ts';
import { type Emulators, startEmulators } from '../../../../lib/rehearsal/emulators.ts';
import { faults, startFaultProxy } from '../../../aws-emulators/fault-proxy.ts';
import { createBucket, draft, type LogLab, openLog } from './log-lab.ts';

const Bucket = 'attachments';
const MB = 1_024 * 1_024;
let emulators: Emulators;
let s3: S3Client;
let log: LogLab;
beforeAll(async () => {
  emulators = await startEmulators();
  s3 = await createBucket(emulators, Bucket);
  log = await openLog(emulators, { bucket: Bucket });
});
afterAll(() => emulators[Symbol.asyncDispose]());
afterEach(() => void vi.unstubAllEnvs());

const incompressible = (bytes: number) => randomBytes(Math.ceil((bytes * 3) / 4)).toString('base64');
const keys = async () => (await s3.send(new ListObjectsV2Command({ Bucket }))).Contents?.map(({ Key }) => Key) ?? [];
const get = async (id: GemstoneId | undefined) =>
  (await log.reader.get('test', [{ topic: 'a', id: id as GemstoneId }]))[0];

test('a payload above 8 KB compressed lies in the bucket, under its namespace and digest, and is read as if it did not', async () => {
  const payload = { text: incompressible(20_000) };
  const sha256 = createHash('sha256').update(JSON.stringify(payload)).digest('hex');

  const [id] = await log.append(draft(payload, { topics: ['a', 'b'] }));

  const attachment = { bytes: JSON.stringify(payload).length, sha256, location: `s3:test/${sha256}` };
  expect(await get(id)).toMatchObject({ payload, attachment });
  expect(await log.payloads({ topic: 'b' })).toEqual([payload]);
  expect(await keys()).toContain(`test/${sha256}`);
});

test('a payload that is small when compressed stays in the item; one of 300 KB does not, however well it compresses', async () => {
  const before = await keys();

  const [small] = await log.append(draft('ü'.repeat(60_000)));
  const afterSmall = await keys();
  const [large] = await log.append(draft({ text: 'ü'.repeat(300_000) }));

  expect((await get(small))?.attachment).toBeUndefined();
  expect(afterSmall).toEqual(before);
  expect(await get(large)).toMatchObject({ attachment: { bytes: 600_011 }, payload: { text: 'ü'.repeat(300_000) } });
});

test('25 MB are stored, and a byte more is refused before anything is', async () => {
  const most = 25 * MB;
  const before = (await keys()).length;

  const outcomes = await log.writer.append([draft('x'.repeat(most - 2)), draft('x'.repeat(most - 1))], 'n');

  expect(outcomes).toMatchObject([{ ok: true }, { ok: false, error: { bytes: most + 1, maxBytes: most } }]);
  expect((await keys()).length).toBe(before + 1);
});

test('what is to be delivered and has lost its attachment, or has one of other bytes, is an error that names it', async () => {
  const [id] = await log.append(draft(incompressible(30_000), { topics: ['a'] }));
  const Key = (await get(id))?.attachment?.location.slice('s3:'.length) ?? '';
  const stored = () => log.reader.stored('test', { topic: 'a', id: id as GemstoneId }, true);

  await s3.send(new PutObjectCommand({ Bucket, Key, Body: '"something else"' }));
  await expect(stored()).rejects.toMatchObject({ code: 'UNDECODABLE', retryable: false });
  await expect(stored()).rejects.toThrow(`attachment: of a/${id} (${Key}) has other bytes`);
  await s3.send(new DeleteObjectCommand({ Bucket, Key }));
  await expect(stored()).rejects.toThrow(`attachment: of a/${id} (${Key}) is gone`);
});

test('a page leaves out what has lost its attachment, as it does with what is no message, and goes on behind it', async () => {
  const own = await openLog(emulators, { bucket: Bucket });
  const large = [1, 2, 3, 4].map((n) => draft(`${n}${incompressible(30_000)}`, { topics: ['lossy'] }));
  const ids = (await own.append(...large)).toSorted();
  const query = { namespace: 'test', where: { topic: 'lossy' }, limit: 2 } as const;
  const [, second] = (await own.reader.read({ ...query, order: 'id' })).items;
  const Key = second?.attachment?.location.slice('s3:'.length) ?? '';
  await s3.send(new DeleteObjectCommand({ Bucket, Key }));

  const page = await own.reader.read({ ...query, order: 'id' });
  const next = await own.reader.read({ ...query, order: 'id', ...(page.next && { after: page.next }) });
  const followed = await own.reader.read({ ...query, order: 'arrival', limit: 10 });
  const asked = await own.reader.get(
    'test',
    ids.map((id) => ({ topic: 'lossy', id })),
  );

  const of = (messages: readonly Message[]) => messages.map(({ id }) => ids.indexOf(id));
  expect([of(page.items), of(next.items)]).toEqual([[0], [2, 3]]);
  expect([of(followed.items), of(asked)]).toEqual([
    [0, 2, 3],
    [0, 2, 3],
  ]);
});

test('fails when the messages of a page have attachments and the reader has no bucket', async () => {
  const own = await openLog(emulators, { bucket: Bucket });
  await own.append(draft(incompressible(30_000), { topics: ['a'] }));
  const without = await openLog(emulators, own.tables);

  await expect(without.payloads({ topic: 'a' })).rejects.toThrow('this deployment has no bucket');
});

test('a page does not hold more than 32 MB of attachments; what is left out comes with the next one', async () => {
  const large = await openLog(emulators, { bucket: Bucket });
  await large.append(...[1, 2].map((n) => draft(`${n}${'x'.repeat(17 * MB)}`)));
  const query = { namespace: 'test', where: { topic: 'a' }, order: 'id', limit: 10 } as const;

  const counts: number[] = [];
  let page = await large.reader.read(query);
  for (; ; page = await large.reader.read({ ...query, after: page.next })) {
    counts.push(page.items.length);
    if (page.next === undefined) break;
  }

  expect(counts).toEqual([1, 1]);
});

test('a bucket that throttles, fails and breaks off does not keep an attachment from being stored and read', async () => {
  await using proxy = await startFaultProxy(emulators.endpoints.s3);
  const endpoints = { ...emulators.endpoints, s3: proxy.url };
  const shaky = await openLog(emulators, { bucket: Bucket, endpoints });
  const payload = incompressible(9 * MB);
  proxy.plan = (operation, count) => (count % 2 === 0 ? undefined : faults[(count + operation.length) % faults.length]);

  const [id] = await shaky.append(draft(payload), draft(incompressible(30_000)));
  const [found] = await shaky.reader.get('test', [{ topic: 'a', id: id as GemstoneId }]);

  expect(found?.payload === payload).toBe(true);
  expect(proxy.injected.length).toBeGreaterThan(1);
});

test('an S3 that only the environment names is found, with the bucket in the path', async () => {
  vi.stubEnv('AWS_ENDPOINT_URL_S3', emulators.endpoints.s3);
  const { s3: _, ...endpoints } = emulators.endpoints;
  const other = await openLog(emulators, { bucket: Bucket, endpoints });
  const payload = incompressible(20_000);

  await other.append(draft(payload));

  expect(await other.payloads({ topic: 'a' })).toEqual([payload]);
});
