import { DynamoDBClient, PutItemCommand, QueryCommand } from '@aws-sdk/client-dynamodb';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AwsOptions } from '../../../lib/backends/aws/aws-settings.ts';
import { toAttributes } from '../../../lib/backends/aws/calls/attribute-values.ts';
import { signedFetch } from '../../../lib/cli/rehearse/signed-fetch.ts';
import { createGemstoneIdGenerator, Priority } from '../../../lib/core/gemstone-id.ts';
import { ledgerKey, messageKey } from '../../../lib/environment/aws-keys.ts';
import type { Client } from '../../../lib/http/client/client.ts';
import { createClient } from '../../../lib/http/client/create-client.ts';
import type { ServiceCall } from '../../../lib/rehearsal/proxy/faults.ts';
import type { Rehearsal } from '../../../lib/rehearsal/rehearsal.ts';
import { rehearse } from '../../../lib/rehearsal/rehearse.ts';
import guild from './fixtures/office/guild.ts';
import { Word } from './fixtures/office/word.ts';
import { connectionOf, synthesized } from './stack.ts';

const MB = 1_024 * 1_024;
const words = ['plain', 'later', 'history', 'forward', 'fail', 'now', 'ask', 'large', 'state', 'bad'];
const inTables = (operation: string) => `dynamodb ${operation}`;
const running = new AsyncDisposableStack();
const called = new Set<string>();
let rehearsal: Rehearsal;
let client: Client;
let other: Client;
let connection: AwsOptions & { readonly safetyQueue: string };
let dynamodb: DynamoDBClient;
let sqs: SQSClient;

beforeAll(async () => {
  const assembly = running.use(
    synthesized({ guild, namespaces: ['default', 'other'], tracing: true, agents: { taker: { lanes: true } } }),
  );
  const proxy = ({ functionName = '', service, operation }: ServiceCall) => {
    const [, name = ''] = /^E2e-Guild(?:Edge|Agents)?(\w+?)(?:Host)?[0-9A-F]{8}/.exec(functionName) ?? [];
    called.add(`${name} ${service} ${operation}`);
    return undefined;
  };
  rehearsal = running.use(await rehearse({ assembly: assembly.folder, permissions: 'reported', proxy }));
  const fetch = signedFetch(rehearsal);
  client = createClient({ url: rehearsal.apiUrl, fetch });
  other = createClient({ url: rehearsal.apiUrl, fetch, namespace: 'other' });
  connection = connectionOf(rehearsal) as typeof connection;
  const { endpoints, region, credentials } = rehearsal;
  dynamodb = running.adopt(new DynamoDBClient({ endpoint: endpoints.dynamodb, region, credentials }), (one) =>
    one.destroy(),
  );
  sqs = running.adopt(new SQSClient({ endpoint: endpoints.sqs, region, credentials }), (one) => one.destroy());
}, 60_000);
afterAll(() => running.disposeAsync());

const settled = () => rehearsal.idle({ timeoutMs: 120_000 });

/** The whole of it, read to its end. */
async function all<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

async function publishing(): Promise<void> {
  const entries = words.map((text) => ({ topics: 'work.words', format: Word, payload: { text } }));
  await client.publishMany(entries);
  await other.publish('work.words', Word, { text: 'elsewhere' });
  for (const _ of [1, 2]) await client.publish('work.more', Word, { text: 'once' }, { idempotencyKey: 'once' });
  await client.publish(['work.a', 'work.b', 'quick.c', 'undeclared'], Word, { text: 'everywhere' });
  await client.publish('quick.one', Word, { text: 'direct' }, { idempotencyKey: 'direct', delayMs: 500 });
  await client.publish('work.large', Word, { text: 'x'.repeat(MB) });
  await client.publish('work.larger', Word, { text: 'x'.repeat(4.5 * MB) }, { recipients: ['tagged', 'hasty'] });
  const more = { conversationId: 'talk', key: 'k', enrichWithHistory: 3, replyTo: 'answers', priority: Priority.HIGH };
  await client.publish('work.rich', Word, { text: 'rich' }, { ...more, budget: { tokens: 5 }, delayMs: 500 });
  await client.publish('$inbox.keeper', Word, { text: 'personal' });
  await client.publish('work.late', Word, { text: 'late' }, { deadlineAt: Date.now() + 1_000, delayMs: 1_500 });
  for (const text of ['a1', 'a2', 'a3', 'b1']) await client.publish('parts', Word, { text });
  await rehearsal.invoke('Ingest', [
    { namespace: 'other', topic: 'work.invoked', format: 'office.word', payload: { text: 'hello' } },
  ]);
}

async function reading(): Promise<void> {
  const [first] = (await client.read({ topic: 'work.words', limit: 2, order: 'desc' })).items;
  if (first === undefined) throw new Error('nothing was stored');
  const { id, topic } = first;
  await all(client.history({ pattern: 'work.*' }));
  await all(client.thread(id));
  await all(client.conversation('talk'));
  await all(client.history({ agent: 'keeper' }));
  await client.get([{ topic, id }]);
  await client.get([{ topic: 'work.more', id }]);
  await client.topics();
  await client.stats();
  await client.explain({ topic, id });
  await client.health();
}

/** Dead letters taken up again, put aside, replayed, and a plan that somebody began and left. */
async function recovering(): Promise<void> {
  const [letter] = await all(client.deadLetters('exact'));
  if (letter === undefined) throw new Error('there are no dead letters');
  await all(client.deadLetters('orderly'));
  const run = async (plan: Parameters<Client['plan']>[0]) => client.runPlan((await client.plan(plan)).id);
  await run({ action: 'redrive', agent: 'exact', ids: [letter.id] });
  await run({ action: 'discard', agent: 'taker' });
  await run({ action: 'redrive', agent: 'orderly' });
  for (const agent of ['keeper', 'orderly', 'quick', 'taker'])
    await run({ action: 'replay', agent, messages: { pattern: '**' } });
  const { id } = await client.plan({ action: 'redrive', agent: 'hasty' });
  const ttl = Math.floor(Date.now() / 1_000) + 1_000;
  await put(connection.ledgerTable, { pk: ledgerKey.openPlans('default'), sk: id, at: 1, ttl });
}

async function pausing(): Promise<void> {
  for (const one of [client, other]) await one.pause('helper');
  await client.resume('helper');
  const ttl = Math.floor(Date.now() / 1_000) + 1_000;
  await put(connection.ledgerTable, { pk: ledgerKey.switched('default'), sk: 'exact#1', agent: 'exact', ttl });
}

/** What cannot be handed on, in the stream and in the queues that catch such things. */
async function poisoning(): Promise<void> {
  const ids = createGemstoneIdGenerator(() => Date.now());
  await put(connection.messagesTable, { pk: messageKey('default', 'work.words', 0), sk: ids.next(Priority.NORMAL) });
  await put(connection.messagesTable, { pk: 'nobody knows', sk: 'what this is' });
  const dead = rehearsal.resources.filter(
    ({ type, path }) => type === 'AWS::SQS::Queue' && path.includes('DeadLetters'),
  );
  const [live] = (await client.read({ topic: 'work.words', limit: 1 })).items;
  for (const { ref, name } of dead) {
    const fifo = name.endsWith('.fifo') && { MessageGroupId: 'g', MessageDeduplicationId: 'd' };
    await sqs.send(new SendMessageCommand({ QueueUrl: String(ref), MessageBody: JSON.stringify(live), ...fifo }));
  }
}

async function rowsOf(key: string): Promise<readonly unknown[]> {
  const asked = { ExpressionAttributeValues: toAttributes({ ':key': key }), KeyConditionExpression: 'pk = :key' };
  const { Items = [] } = await dynamodb.send(new QueryCommand({ TableName: connection.ledgerTable, ...asked }));
  return Items;
}

async function put(TableName: string | undefined, row: Readonly<Record<string, string | number>>): Promise<void> {
  await dynamodb.send(new PutItemCommand({ TableName, Item: toAttributes(row) }));
}

/** Those that each of them cannot do without; of agents, the one that says the most. */
const expected: Readonly<Record<string, readonly string[]>> = {
  Ingest: [
    ...['BatchGetItem', 'DeleteItem', 'GetItem', 'PutItem', 'Query', 'TransactWriteItems', 'UpdateItem'].map(inTables),
    's3 GET object',
    's3 PUT object',
    'sns PublishBatch',
  ],
  History: [...['BatchGetItem', 'GetItem', 'Query'].map(inTables), 's3 GET object', 'sqs GetQueueAttributes'],
  Relay: [
    ...['BatchGetItem', 'PutItem', 'TransactWriteItems', 'UpdateItem'].map(inTables),
    'sns PublishBatch',
    'sqs SendMessageBatch',
  ],
  Janitor: [
    ...['BatchGetItem', 'DeleteItem', 'GetItem', 'PutItem', 'Query', 'TransactWriteItems', 'UpdateItem'].map(inTables),
    'sns PublishBatch',
    'sqs DeleteMessageBatch',
    'sqs ReceiveMessage',
  ],
  keeper: [
    ...['BatchGetItem', 'GetItem', 'PutItem', 'Query', 'TransactWriteItems'].map(inTables),
    's3 POST object',
    's3 PUT object',
  ],
  collector: ['TransactWriteItems'].map(inTables),
  hasty: ['PutItem', 'TransactWriteItems'].map(inTables),
  orderly: [...['PutItem', 'TransactWriteItems'].map(inTables), 's3 GET object'],
  thinker: ['PutItem', 'UpdateItem'].map(inTables),
};

test('every call that a function makes is one that the policies of the template allow it', async () => {
  await publishing();
  await settled();
  await reading();
  await recovering();
  await poisoning();
  await settled();
  await pausing();
  const [tick] = await rehearsal.tick('Janitor');
  await settled();

  expect(tick?.functionError).toBeUndefined();
  const missing = Object.entries(expected).flatMap(([name, calls]) =>
    calls.map((call) => `${name} ${call}`).filter((call) => !called.has(call)),
  );
  expect(missing).toEqual([]);
  // Who turns an event source off or on takes the row away that asks for it.
  expect(await rowsOf(ledgerKey.switched('default'))).toEqual([]);
  expect(await rowsOf(ledgerKey.openPlans('default'))).toEqual([]);
  const { denied, unjudged } = rehearsal.permissions();
  expect(denied).toEqual([]);
  expect(unjudged).toEqual([]);
}, 120_000);
