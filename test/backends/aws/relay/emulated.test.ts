import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { CreateTopicCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import { CreateQueueCommand, GetQueueAttributesCommand, type Message, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type AwsOptions, awsSettings } from '../../../../lib/backends/aws/aws-settings.ts';
import { AwsCalls } from '../../../../lib/backends/aws/calls/aws-calls.ts';
import { DynamoDBCalls } from '../../../../lib/backends/aws/calls/dynamodb-calls.ts';
import { SqsCalls } from '../../../../lib/backends/aws/calls/sqs-calls.ts';
import { Commits } from '../../../../lib/backends/aws/ledger/commit.ts';
import { Attachments } from '../../../../lib/backends/aws/log/attachments.ts';
import { LogReader } from '../../../../lib/backends/aws/log/log-reader.ts';
import { LogWriter } from '../../../../lib/backends/aws/log/log-writer.ts';
import { TopicNames } from '../../../../lib/backends/aws/log/topic-names.ts';
import { decodeEntry } from '../../../../lib/backends/aws/queues/queue-entry.ts';
import { openRelay } from '../../../../lib/backends/aws/relay/open-relay.ts';
import { TopicRegistry } from '../../../../lib/backends/aws/relay/topic-registry.ts';
import { sendUnrelayed } from '../../../../lib/backends/aws/relay/unrelayed.ts';
import { createGemstoneIdGenerator, Priority } from '../../../../lib/core/gemstone-id.ts';
import type { Draft } from '../../../../lib/core/message.ts';
import { familyTopicName, messageAttributes } from '../../../../lib/environment/aws-names.ts';
import { type Emulators, startEmulators } from '../../../../lib/rehearsal/emulators.ts';
import { createTables } from '../../../aws-emulators/tables.ts';
import { follower, manifestOf, messageOn, recordOf } from './lab.ts';

const manifest = manifestOf([follower('reader', ['doc.*']), follower('keeper', ['doc.kept'], { ordering: 'key' })]);
const ids = createGemstoneIdGenerator(() => Date.now());

let emulators: Emulators;
let options: AwsOptions;
const clients: { destroy(): void }[] = [];
let sqsClient: SQSClient;
let snsClient: SNSClient;

beforeAll(async () => {
  emulators = await startEmulators();
  const { endpoints, region, credentials, account } = emulators;
  sqsClient = new SQSClient({ endpoint: endpoints.sqs, region, credentials });
  snsClient = new SNSClient({ endpoint: endpoints.sns, region, credentials });
  clients.push(sqsClient, snsClient);
  const tables = await createTables(endpoints);
  const queue = async (QueueName: string) =>
    (await sqsClient.send(new CreateQueueCommand({ QueueName }))).QueueUrl as string;
  const topicArnPrefix = `arn:aws:sns:${region}:${account}:Docs-`;
  options = {
    manifest,
    ...tables,
    topicArnPrefix,
    delaysQueue: await queue('Delays'),
    safetyQueue: await queue('Safety'),
    endpoints,
    credentials,
  };
});

afterAll(async () => {
  for (const client of clients) client.destroy();
  await emulators[Symbol.asyncDispose]();
});

/** A queue that gets everything of a family. */
async function listener(name: string, isOrdered: boolean): Promise<string> {
  const { region, account } = emulators;
  const Name = `Docs-${familyTopicName('doc.*', isOrdered)}`;
  const fifo = isOrdered ? '.fifo' : '';
  const topic = await snsClient.send(
    new CreateTopicCommand({ Name, ...(isOrdered && { Attributes: { FifoTopic: 'true' } }) }),
  );
  const queue = await sqsClient.send(
    new CreateQueueCommand({ QueueName: `${name}${fifo}`, ...(isOrdered && { Attributes: { FifoQueue: 'true' } }) }),
  );
  await snsClient.send(
    new SubscribeCommand({
      TopicArn: topic.TopicArn,
      Protocol: 'sqs',
      Endpoint: `arn:aws:sqs:${region}:${account}:${name}${fifo}`,
      Attributes: { RawMessageDelivery: 'true' },
    }),
  );
  return queue.QueueUrl as string;
}

function parts() {
  const calls = new AwsCalls(awsSettings(options));
  clients.push({ destroy: () => calls[Symbol.dispose]() });
  const dynamodb = new DynamoDBCalls(calls);
  const topicNames = new TopicNames(dynamodb);
  const attachments = new Attachments(calls);
  const writer = new LogWriter({ calls, dynamodb, attachments, topicNames });
  const reader = new LogReader({ calls, dynamodb, attachments, topicNames });
  const registry = new TopicRegistry({
    dynamodb,
    commits: new Commits(dynamodb),
    prepare: (drafts) => writer.prepare(drafts),
  });
  return { calls, dynamodb, sqs: new SqsCalls(calls), writer, reader, registry };
}

async function received(sqs: SqsCalls, url: string, count: number): Promise<readonly Message[]> {
  const all: Message[] = [];
  while (all.length < count) {
    const messages = await sqs.receive(url, { max: 10, waitMs: 2_000, visibilityTimeoutS: 60 });
    if (messages.length === 0) break;
    all.push(...messages);
    await sqs.deleteBatch(
      url,
      messages.map(({ ReceiptHandle = '' }) => ReceiptHandle),
    );
  }
  return all;
}

const payloadOf = ({ Body = '' }: Message) => (decodeEntry(Body) as { content: { payload: unknown } }).content.payload;

test('messages go through SNS into queues as they were said, with nine attributes, and in order for ordered families', async () => {
  const { sqs } = parts();
  const [all, kept] = [await listener('All', false), await listener('Kept', true)];
  const { relay } = openRelay(options);
  const messages = Array.from({ length: 25 }, (_, n) =>
    messageOn(n % 2 === 0 ? 'doc.kept' : 'doc.other', {
      id: ids.next(Priority.NORMAL),
      payload: { n, text: '\uFFFE\uFFFF é \u0000' },
      key: `k${n % 3}`,
    }),
  );

  const failures = await relay.handle(messages.map((message) => recordOf(message)));

  expect(failures).toEqual([]);
  const first = await received(sqs, all, 25);
  expect(first.map(payloadOf).toSorted((a, b) => (a as { n: number }).n - (b as { n: number }).n)).toEqual(
    messages.map(({ payload }) => payload),
  );
  expect(Object.keys(first[0]?.MessageAttributes ?? {}).toSorted()).toEqual([...messageAttributes].toSorted());
  const second = (await received(sqs, kept, 13)).map(payloadOf) as { n: number }[];
  const byKey = Map.groupBy(second, ({ n }) => n % 3);
  expect(second).toHaveLength(13);
  for (const own of byKey.values())
    expect(own.map(({ n }) => n)).toEqual(own.map(({ n }) => n).toSorted((a, b) => a - b));
});

test('a message that SNS takes for ever for none goes to the safety queue, and the rest of its batch on', async () => {
  const { sqs } = parts();
  const { relay } = openRelay(options);
  const queue = await listener('Beside', false);
  const broken = messageOn('doc.other', { id: ids.next(Priority.NORMAL), sender: { id: 'user:x' } });
  const sound = messageOn('doc.other', { id: ids.next(Priority.NORMAL) });
  const raw = recordOf(broken, { body: Buffer.alloc(300_000, 1) });

  const failures = await relay.handle([raw, recordOf(sound)]);

  expect(failures).toEqual([]);
  expect((await received(sqs, queue, 1)).map(payloadOf)).toEqual([sound.payload]);
  const [{ Body = '' } = {}] = await received(sqs, options.safetyQueue as string, 1);
  expect(JSON.parse(Body).relay).toMatchObject({ pk: 'prod#doc.other#0', sk: broken.id });
});

test('a key that holds characters which SQS refuses is set aside as well, and holds nothing up', async () => {
  const { sqs } = parts();
  const { relay } = openRelay(options);
  const keyed = { pk: { S: 'prod#doc.other#\uFFFE' }, sk: { S: '\uFFFF' } };

  const failures = await relay.handle([
    { eventName: 'INSERT', dynamodb: { Keys: keyed, NewImage: keyed, SequenceNumber: '1' } },
  ]);

  expect(failures).toEqual([]);
  const [{ Body = '' } = {}] = await received(sqs, options.safetyQueue as string, 1);
  expect(JSON.parse(Body).relay).toMatchObject({ pk: keyed.pk.S, sk: keyed.sk.S });
});

test('a topic is written down and announced once, by however many relays it is first seen', async () => {
  const [one, other] = [parts(), parts()];
  const key = { topic: 'doc.fresh', id: ids.next(Priority.NORMAL) };
  const later = { ...key, id: ids.next(Priority.NORMAL) };

  await Promise.all([one.registry.register('prod', key), other.registry.register('prod', key)]);
  await parts().registry.register('prod', later);
  await parts().registry.register('prod', key);

  expect(one.registry.isKnown('prod', 'doc.fresh')).toBe(true);
  expect(one.registry.isKnown('test', 'doc.fresh')).toBe(false);
  const read = { namespace: 'prod', where: { topic: '$topics' }, order: 'id', limit: 100 } as const;
  const { items } = await one.reader.read(read);
  const announced = items.filter(({ payload }) => (payload as { topic: string }).topic === 'doc.fresh');
  expect(announced).toMatchObject([{ sender: { id: 'platform:topics' }, format: 'guildwire.topic' }]);
});

test('after an outage everything since then comes to the relay once more, topics that nobody knows of included', async () => {
  const { writer, sqs } = parts();
  const queue = await listener('Healed', false);
  const since = Date.now();
  const drafts = Array.from({ length: 130 }, (_, n) => draftOn(n < 120 ? 'doc.many' : 'doc.few', { n }));
  for (let at = 0; at < drafts.length; at += 65) await writer.append(drafts.slice(at, at + 65), `outage-${at}`);
  await writer.append([draftOn('$reply.abc', 'answer')], 'reply');
  await writer.append([draftOn('doc.many', 'before', 'elsewhere')], 'other');

  const delays = options.delaysQueue as string;
  const progress: number[] = [];
  const onProgress = (messages: number) => progress.push(messages);
  const sent = await sendUnrelayed(options, { since, namespace: 'prod', onProgress });
  const none = await sendUnrelayed(options, { since, until: since, namespace: 'prod' });
  const entries = await received(sqs, delays, 3);
  const { relay } = openRelay(options);
  const failures = await relay.handleQueued(
    entries.map(({ MessageId = '', Body = '' }) => ({ messageId: MessageId, body: Body })),
  );

  expect([sent, none, progress.at(-1)]).toEqual([130, 0, 130]);
  expect(entries).toHaveLength(3);
  expect(failures).toEqual([]);
  const healed = (await received(sqs, queue, 130)).map((message) => (payloadOf(message) as { n: number }).n);
  expect(healed.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 130 }, (_, n) => n));
});

test('after an outage an item that is no message is passed over, and does not keep what lies behind it from the relay', async () => {
  const { writer, dynamodb, sqs } = parts();
  const since = Date.now();
  const TableName = options.messagesTable as string;
  for (const pk of ['prod#doc.poison', 'prod#doc.poison#x', 'prod#doc.poison#0#1'])
    await dynamodb.send(
      new PutItemCommand({ TableName, Item: { pk: { S: pk }, sk: { S: ids.next(Priority.NORMAL) } } }),
      {
        action: 'dynamodb:PutItem',
        resource: TableName,
      },
    );
  await writer.append([draftOn('doc.behind', 1)], 'behind');

  const sent = await sendUnrelayed(options, { since, namespace: 'prod' });

  expect(sent).toBe(1);
  expect(await received(sqs, options.delaysQueue as string, 1)).toHaveLength(1);
});

test('a message that is not yet due waits in the queue of delays for as long as SQS can', async () => {
  const { relay } = openRelay(options);
  const message = messageOn('doc.other', { id: ids.next(Priority.NORMAL), deliverAt: Date.now() + 3_600_000 });

  expect(await relay.handle([recordOf(message)])).toEqual([]);

  const { Attributes } = await sqsClient.send(
    new GetQueueAttributesCommand({
      QueueUrl: options.delaysQueue,
      AttributeNames: ['ApproximateNumberOfMessagesDelayed'],
    }),
  );
  expect(Attributes?.ApproximateNumberOfMessagesDelayed).toBe('1');
});

test('fails to send what was not relayed where nothing names the queue', async () => {
  const { delaysQueue: _, ...unnamed } = options;
  await expect(sendUnrelayed(unnamed, { since: 0 })).rejects.toThrow('delaysQueue: is missing');
});

test('fails to open without the names of what it works with, and says which', () => {
  expect(() => openRelay({ manifest, messagesTable: 'm', ledgerTable: 'l', delaysQueue: 'd' })).toThrow(
    /topicArnPrefix: is missing.*safetyQueue: is missing/,
  );
});

function draftOn(topic: string, payload: Draft['message']['payload'], namespace = 'prod'): Draft {
  const { id: _, topic: __, ...message } = messageOn(topic, { payload, namespace });
  return { message, priority: Priority.NORMAL, payloadBytes: JSON.stringify(payload).length };
}
