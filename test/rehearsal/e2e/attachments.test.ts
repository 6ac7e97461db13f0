import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openAwsBackend } from '../../../lib/backends/aws/open-aws-backend.ts';
import type { Upload, UploadPlace } from '../../../lib/backends/uploads.ts';
import { type Bus, openBus } from '../../../lib/bus/bus.ts';
import { signedFetch } from '../../../lib/cli/rehearse/signed-fetch.ts';
import { Stage } from '../../../lib/cli/rehearse/stage.ts';
import { genericJson } from '../../../lib/core/format.ts';
import type { Json } from '../../../lib/core/json.ts';
import type { Problem } from '../../../lib/http/schemas/answers.ts';
import { refusalOf } from '../../aws-emulators/presigned.ts';
import { fieldsOf } from '../../http/lab.ts';
import { Task } from './fixtures/doc-formats.ts';
import guild from './fixtures/doc-guild.ts';
import { type Assembly, connectionOf, synthesized } from './stack.ts';

const NS = '/v1/namespaces/default';
const MB = 1_024 * 1_024;
let assembly: Assembly;
let stage: Stage;
let bus: Bus;
const opened = new AsyncDisposableStack();
beforeAll(async () => {
  assembly = synthesized({ guild, namespaces: ['default', 'other'] });
  const where = { assembly: assembly.folder, stack: undefined, namespace: 'default', log: undefined };
  stage = await Stage.open({ ...where, timeoutMs: 60_000 });
  const { manifest } = stage;
  const backend = opened.use(await openAwsBackend('aws:', { ...connectionOf(stage.rehearsal), manifest }));
  bus = openBus(backend, { sender: 'user:outside' });
}, 60_000);
afterAll(async () => {
  await opened.disposeAsync();
  await stage[Symbol.asyncDispose]();
  assembly[Symbol.dispose]();
});

async function post<T>(path: string, body: unknown): Promise<{ readonly status: number; readonly body: T }> {
  const init = { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
  const response = await signedFetch(stage.rehearsal)(`${stage.rehearsal.apiUrl}${path}`, init);
  return { status: response.status, body: (await response.json()) as T };
}

const uploadOf = (body: Uint8Array): Upload => ({
  bytes: body.length,
  sha256: createHash('sha256').update(body).digest('hex'),
});
const bytesOf = (value: Json) => new TextEncoder().encode(JSON.stringify(value));
const textOf = (payload: Json | undefined) => (payload as { readonly text?: string } | undefined)?.text;
const payloadsOn = async (topic: string) => (await bus.read({ topic })).items.map(({ payload }) => payload);

test('a client publishes 20 MB, which an agent handles', async () => {
  const text = 'large '.padEnd(20 * MB, 'x');

  const id = await stage.client.publish('doc.tasks', Task, { text });
  await stage.settled();

  const [task] = await bus.get([{ topic: 'doc.tasks', id }]);
  const [result] = await payloadsOn('doc.results');
  expect(textOf(task?.payload) === text).toBe(true);
  expect(textOf(result) === text.toUpperCase()).toBe(true);
}, 60_000);

test('25 MB go through the functions, uploaded by whoever has the place, and stored once', async () => {
  const body = bytesOf('m'.repeat(25 * MB - 2));
  const attachment = uploadOf(body);

  const place = await post<UploadPlace>(`${NS}/attachments`, attachment);
  const { url, method, headers } = place.body;
  const uploaded = await fetch(url, { method, headers, body });
  const messages = `${NS}/topics/doc.most/messages`;
  const outcomes = [1, 2].map(() => post<{ id: string }>(messages, { attachment, idempotencyKey: 'once' }));
  const [first, again] = await Promise.all(outcomes);

  expect([place.status, uploaded.status, first?.status, again?.status]).toEqual([200, 200, 202, 202]);
  expect(first?.body.id).toBe(again?.body.id);
  const [found, ...others] = await payloadsOn('doc.most');
  expect([(found as string).length, others.length]).toEqual([25 * MB - 2, 0]);
}, 60_000);

test('the place that a function gives is one that S3 would take, and for nothing but that payload', async () => {
  const body = bytesOf({ text: 'signed by a role' });

  const { body: place } = await post<UploadPlace>(`${NS}/attachments`, uploadOf(body));
  const { secretAccessKey } = stage.rehearsal.credentials;

  expect(refusalOf({ ...place, body }, secretAccessKey)).toBeUndefined();
  expect(refusalOf({ ...place, body: bytesOf({ text: 'signed by a lord' }) }, secretAccessKey)).toBe('BadDigest');
});

test('what is missing, of others, too large or not what was announced is refused, and nothing is stored', async () => {
  const body = bytesOf('theirs');
  const theirs = await post<UploadPlace>('/v1/namespaces/other/attachments', uploadOf(body));
  await fetch(theirs.body.url, { method: 'PUT', headers: theirs.body.headers, body });
  const swapped = uploadOf(bytesOf('announced'));
  const { body: place } = await post<UploadPlace>(`${NS}/attachments`, swapped);
  // S3 would refuse it; the emulator does not look.
  await fetch(place.url, { method: 'PUT', headers: place.headers, body: bytesOf('something') });
  const messages = `${NS}/topics/doc.refused/messages`;

  const publish = (attachment: Upload) => post<Problem>(messages, { attachment });
  const [missing, foreign, other, large] = [
    await publish(uploadOf(bytesOf('never uploaded'))),
    await publish(uploadOf(body)),
    await publish(swapped),
    await publish({ ...swapped, bytes: 25 * MB + 1 }),
  ];
  const unseen = await post<Problem>('/v1/namespaces/secret/attachments', swapped);

  for (const { status, body: problem } of [missing, foreign, other])
    expect([status, problem.code, fieldsOf(problem)]).toEqual([400, 'INVALID_MESSAGE', ['attachment']]);
  expect(missing.body.detail).toContain('is not there: ask for a place');
  expect(other.body.detail).toContain('has other bytes');
  expect([large.status, large.body.code]).toEqual([413, 'PAYLOAD_TOO_LARGE']);
  expect(unseen.status).toBe(403);
  expect(await payloadsOn('doc.refused')).toEqual([]);
});

test('what was uploaded has to fit the topic as any other payload', async () => {
  const body = bytesOf({ text: 'for a topic that takes results' });
  const { body: place } = await post<UploadPlace>(`${NS}/attachments`, uploadOf(body));
  await fetch(place.url, { method: 'PUT', headers: place.headers, body });
  const messages = `${NS}/topics/strict.a/messages`;

  const wrong = await post<Problem>(messages, { attachment: uploadOf(body), format: 'doc.other' });
  const right = await post<Problem>(messages, { attachment: uploadOf(body), format: 'doc.result' });

  expect([wrong.status, fieldsOf(wrong.body)]).toEqual([400, ['format']]);
  expect(right.status).toBe(202);
  expect(await payloadsOn('strict.a')).toEqual([{ text: 'for a topic that takes results' }]);
});

test('a batch through the client keeps its order around what is uploaded', async () => {
  const payloads = ['one', 'x'.repeat(5 * MB), 'three'];

  const outcomes = await stage.client.publishMany(
    payloads.map((payload) => ({ topics: 'doc.batch', format: genericJson, payload })),
  );

  expect(outcomes.map(({ ok }) => ok)).toEqual([true, true, true]);
  expect((await payloadsOn('doc.batch')).map((payload) => (payload as string).length)).toEqual([3, 5 * MB, 5]);
});
