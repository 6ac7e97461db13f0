import { DeleteItemCommand, DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { GetQueueAttributesCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { defineGuild } from 'guildwire';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { signedFetch } from '../../../lib/cli/rehearse/signed-fetch.ts';
import { type DeadLetter, deadLetterOf } from '../../../lib/core/dead-letter.ts';
import { createGemstoneIdGenerator, Priority } from '../../../lib/core/gemstone-id.ts';
import type { Json } from '../../../lib/core/json.ts';
import { messageKey } from '../../../lib/environment/aws-keys.ts';
import { createClient } from '../../../lib/http/client/create-client.ts';
import type { EndedInvocation } from '../../../lib/rehearsal/functions/invocation.ts';
import type { CallHook } from '../../../lib/rehearsal/proxy/faults.ts';
import type { Rehearsal } from '../../../lib/rehearsal/rehearsal.ts';
import { rehearse } from '../../../lib/rehearsal/rehearse.ts';
import { Result, Task } from './fixtures/doc-formats.ts';
import reader from './fixtures/reader.ts';
import worker from './fixtures/worker.ts';
import { type Assembly, connectionOf, synthesized } from './stack.ts';

const MB = 1_024 * 1_024;
const guild = defineGuild({
  name: 'doc',
  agents: [{ ...worker, guarantee: 'exactly-once' }, reader],
  topics: { 'doc.**': {} },
});
const ids = createGemstoneIdGenerator(() => Date.now());
const running = new AsyncDisposableStack();
let rehearsal: Rehearsal;
let client: ReturnType<typeof createClient>;
let sqs: SQSClient;
let dynamodb: DynamoDBClient;
let hook: CallHook = () => undefined;
let onInvocation: (ended: EndedInvocation) => void = () => {};

beforeAll(async () => {
  const assembly: Assembly = running.use(synthesized({ guild }));
  // The function itself tries for 10 s.
  const timings = { visibilitySeconds: 15 };
  const options = { assembly: assembly.folder, timings, onInvocation: (ended: EndedInvocation) => onInvocation(ended) };
  rehearsal = running.use(await rehearse({ ...options, proxy: (call) => hook(call) }));
  client = createClient({ url: rehearsal.apiUrl, namespace: 'default', fetch: signedFetch(rehearsal) });
  const { endpoints, region, credentials } = rehearsal;
  sqs = running.adopt(new SQSClient({ endpoint: endpoints.sqs, region, credentials }), (each) => each.destroy());
  const tables = new DynamoDBClient({ endpoint: endpoints.dynamodb, region, credentials });
  dynamodb = running.adopt(tables, (each) => each.destroy());
}, 60_000);
afterAll(() => running.disposeAsync());

const connection = () => connectionOf(rehearsal) as Readonly<Record<string, string>> & ReturnType<typeof connectionOf>;
const hostOf = (agent: string) => rehearsal.functions.find(({ path }) => path.includes(`/${agent}/`))?.name;
const queueOf = (agent: string) => connection().queues?.[agent]?.url ?? '';
async function lettersOf(agent: string): Promise<readonly DeadLetter[]> {
  const letters: DeadLetter[] = [];
  for await (const letter of client.deadLetters(agent)) letters.push(deadLetterOf(letter));
  return letters;
}

/** How many messages lie in a queue, out of sight or not. */
async function lyingIn(QueueUrl: string): Promise<number> {
  const { Attributes = {} } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }));
  return Number(Attributes.ApproximateNumberOfMessages) + Number(Attributes.ApproximateNumberOfMessagesNotVisible);
}

test('what is no message in a queue becomes a dead letter that holds it, and what came with it is handled', async () => {
  const bodies = ['hello', '{"v":1}', '[]', JSON.stringify({ v: 1, namespace: 'default', topic: 'doc.tasks' })];
  for (const MessageBody of bodies)
    await sqs.send(new SendMessageCommand({ QueueUrl: queueOf('worker'), MessageBody }));
  await client.publish('doc.tasks', Task, { text: 'behind' });
  await rehearsal.idle();

  const letters = await lettersOf('worker');
  expect(letters.map(({ reason, attempts }) => [reason, attempts])).toEqual(bodies.map(() => ['undecodable', 0]));
  expect(letters.map(({ raw = '' }) => Buffer.from(raw, 'base64').toString()).toSorted()).toEqual(bodies.toSorted());
  const { items } = await client.read({ topic: 'doc.results', limit: 10 });
  expect(items.map(({ payload }) => Result.decode(payload).text)).toEqual(['BEHIND']);
  expect(await lyingIn(queueOf('worker'))).toBe(0);
});

test('a record of the stream without a body becomes a dead letter of who follows its topic; one without a key is told of', async () => {
  const [id = '', other = ''] = [ids.next(Priority.NORMAL), ids.next(Priority.NORMAL)];
  const TableName = connection().messagesTable as string;
  const put = (pk: string, sk: string, body = {}) =>
    dynamodb.send(new PutItemCommand({ TableName, Item: { pk: { S: pk }, sk: { S: sk }, ...body } }));
  await put(messageKey('default', 'doc.tasks', 0), id);
  await put(messageKey('default', 'doc.tasks', 0), other, { b: { S: '{"half":' } });
  await put('nobody knows', 'what this is');
  await client.publish('doc.tasks', Task, { text: 'after it' });
  await rehearsal.idle();
  const [tick] = await rehearsal.tick('Janitor');
  await rehearsal.idle();

  expect(tick?.functionError).toBeUndefined();
  for (const agent of ['worker', 'reader']) {
    const letters = await lettersOf(agent);
    expect(letters.find((letter) => letter.id === id)).toMatchObject({
      reason: 'safety-net',
      errors: [{ code: 'NOT_RELAYED', message: expect.stringContaining('body: is missing') }],
    });
    expect(letters.find((letter) => letter.id === other)).toMatchObject({ reason: 'undecodable' });
  }
  expect(rehearsal.logsOf('Janitor/Host').map(({ text }) => text)).toContainEqual(
    expect.stringMatching(/belongs to nobody here.*nobody knows/),
  );
  expect(await lyingIn(connection().safetyQueue as string)).toBe(0);
  const { items } = await client.read({ topic: 'doc.results', limit: 10 });
  expect(items.map(({ payload }) => Result.decode(payload).text)).toContain('AFTER IT');
});

test.each<[string, Json, RegExp]>([
  ['nothing', null, /InvalidArgumentError.*event: got null: allowed are a message/],
  ['an event of a queue', { Records: [] }, /InvalidArgumentError.*namespace: got undefined.*topic: got undefined/],
  ['a request of a REST API', { httpMethod: 'POST', path: '/', requestContext: {} }, /namespace: got undefined/],
  [
    'a namespace of others',
    { namespace: 'secret', topic: 'doc.x', payload: 1 },
    /IngestRefusedError.*no access to namespace "secret"/,
  ],
])('ingest that is invoked with %s fails with what it takes', async (_, event, wanted) => {
  const { functionError, payload } = await rehearsal.invoke('Ingest', event);

  expect(functionError).toBe('Unhandled');
  const { errorType, errorMessage } = JSON.parse(payload) as Readonly<Record<string, string>>;
  expect(`${errorType} ${errorMessage}`).toMatch(wanted);
  expect(errorMessage).not.toMatch(/ at .*:\d+/);
});

test('26 MB are refused at every door, and nothing of them is stored', async () => {
  const { endpoints, region, credentials, apiUrl } = rehearsal;
  const s3 = new S3Client({ endpoint: endpoints.s3, region, credentials, forcePathStyle: true });
  const stored = async () =>
    (await s3.send(new ListObjectsV2Command({ Bucket: connection().bucket as string }))).Contents?.length ?? 0;
  const before = await stored();
  const message = { namespace: 'default', topic: 'doc.huge', payload: 'x'.repeat(26 * MB) };

  const { errorMessage } = JSON.parse((await rehearsal.invoke('Ingest', message)).payload) as { errorMessage: string };
  const response = await signedFetch(rehearsal)(`${apiUrl}/v1/namespaces/default/topics/doc.huge/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ payload: message.payload }),
  });

  expect(errorMessage).toMatch(/is larger than 27262976 bytes: send/);
  expect(response.status).toBe(413);
  expect((await client.read({ topic: 'doc.huge', limit: 10 })).items).toEqual([]);
  expect(await stored()).toBe(before);
  s3.destroy();
});

test('an attachment with other bytes than were set aside is a dead letter that names it, and not retried', async () => {
  const { endpoints, region, credentials } = rehearsal;
  const s3 = new S3Client({ endpoint: endpoints.s3, region, credentials, forcePathStyle: true });
  const text = Array.from({ length: 3_000 }, (_, n) => `${n * 7_919}`.split('').toReversed().join('')).join(' ');
  let isReadable = false;
  hook = ({ functionName, operation }) =>
    functionName === hostOf('worker') && operation === 'GET object' && !isReadable
      ? { when: 'before', answer: 'server-error' }
      : undefined;
  const reference = await client.publish('doc.tasks', Task, { text: text.repeat(20) + crypto.randomUUID() });
  const [message] = (await client.read({ topic: 'doc.tasks', order: 'desc', limit: 1 })).items;
  const Key = message?.attachment?.location.slice('s3:'.length);
  await s3.send(new PutObjectCommand({ Bucket: connection().bucket as string, Key, Body: '"something else"' }));
  isReadable = true;
  await rehearsal.idle();
  hook = () => undefined;

  const letter = (await lettersOf('worker')).find(({ id }) => reference.includes(id));
  expect(letter).toMatchObject({ reason: 'undecodable', attempts: 0 });
  expect(Buffer.from(letter?.raw ?? '', 'base64').toString()).toBe(`doc.tasks/${letter?.id}`);
  expect(letter?.errors).toMatchObject([{ message: expect.stringContaining('has other bytes') }]);
  expect(await lyingIn(queueOf('worker'))).toBe(0);
  s3.destroy();
});

test('while the ledger cannot be written deliveries come again, and when it can be each is handled to its end, once', async () => {
  const ledger = connection().ledgerTable as string;
  const host = hostOf('worker');
  const isWrite = /^(?:Put|Update|Delete|TransactWrite|BatchWrite)/;
  const failed = Promise.withResolvers<void>();
  onInvocation = ({ functionName, payload }) => {
    if (functionName === host && payload.includes('itemIdentifier')) failed.resolve();
  };
  hook = ({ functionName, service, operation, body }) => {
    const isLedger = service === 'dynamodb' && isWrite.test(operation) && body.includes(ledger);
    return functionName === host && isLedger ? { when: 'before', answer: 'server-error' } : undefined;
  };
  await client.publish('doc.tasks', Task, { text: 'patience' });
  await failed.promise;
  hook = () => undefined;
  await rehearsal.idle();

  const { items } = await client.read({ topic: 'doc.results', limit: 100 });
  const texts = items.map(({ payload }) => Result.decode(payload).text);
  expect(texts.filter((text) => text === 'PATIENCE')).toHaveLength(1);
  const letters = await lettersOf('worker');
  expect(letters.filter(({ original }) => JSON.stringify(original ?? '').includes('patience'))).toEqual([]);
  expect(await lyingIn(queueOf('worker'))).toBe(0);
});

test('a cursor whose place is gone by now goes on behind it, and one that was changed says what to do', async () => {
  const TableName = connection().messagesTable as string;
  for (const n of [1, 2, 3, 4]) await client.publish('doc.paged', Result, { text: String(n) });
  const first = await client.read({ topic: 'doc.paged', limit: 2 });
  for (const { topic, id } of first.items) {
    const Key = { pk: { S: messageKey('default', topic, 0) }, sk: { S: id } };
    await dynamodb.send(new DeleteItemCommand({ TableName, Key }));
  }

  const rest = await client.read({ topic: 'doc.paged', limit: 10, ...(first.next && { after: first.next }) });

  expect(first.items).toHaveLength(2);
  expect(rest.items.map(({ payload }) => Result.decode(payload).text)).toEqual(['3', '4']);
  const changed = `${first.next?.slice(0, -2)}xx` as typeof first.next & string;
  await expect(client.read({ topic: 'doc.paged', after: changed })).rejects.toThrow(
    /is not a cursor of this query: repeat the query that gave it, unchanged, or start without a cursor/,
  );
});
