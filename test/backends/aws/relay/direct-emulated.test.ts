import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { CreateTopicCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { expect, test } from 'vitest';
import type { AwsBackend } from '../../../../lib/backends/aws/aws-backend.ts';
import type { AwsLease } from '../../../../lib/backends/aws/queues/aws-lease.ts';
import { openRelay } from '../../../../lib/backends/aws/relay/open-relay.ts';
import type { StreamItem } from '../../../../lib/backends/aws/relay/stream-record.ts';
import type { Draft } from '../../../../lib/core/message.ts';
import { familyTopicName } from '../../../../lib/environment/aws-names.ts';
import { AwsLab } from '../aws-lab.ts';
import { HttpGate } from '../http-gate.ts';
import { family, follower, manifestOf } from './lab.ts';

const manifest = manifestOf(
  [follower('one', ['fast.*', 'slow.*']), follower('keeper', ['kept.*'], { ordering: 'key' })],
  [family('fast.*', { relay: 'direct' }), family('slow.*'), family('kept.*', { relay: 'direct' })],
  { ordered: ['$**', 'kept.*'] },
);

/** Nobody listens there. */
const NOWHERE = 'http://127.0.0.1:9';

/** The tables and topics of a deployment, a relay that is started by hand, and a queue that gets whatever is handed on. */
async function opened() {
  const lab = await AwsLab.open({}, { manifest });
  const { endpoints, region, credentials, account } = lab.emulators;
  const sns = new SNSClient({ endpoint: endpoints.sns, region, credentials });
  const sqs = new SQSClient({ endpoint: endpoints.sqs, region, credentials });
  const dynamodb = new DynamoDBClient({ endpoint: endpoints.dynamodb, region, credentials });
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: 'all' }));
  for (const pattern of ['fast.*', 'slow.*']) {
    const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: `lab-${familyTopicName(pattern, false)}` }));
    const Endpoint = `arn:aws:sqs:${region}:${account}:all`;
    const Attributes = { RawMessageDelivery: 'true' };
    await sns.send(new SubscribeCommand({ TopicArn, Protocol: 'sqs', Endpoint, Attributes }));
  }
  const gate = await HttpGate.open(endpoints.sns);
  const { endpoints: own = {} } = lab.options;
  return {
    lab,
    gate,
    /** A publisher that the gate stands before, when it speaks with SNS. */
    publisher: lab.twin({ endpoints: { ...own, sns: gate.url }, timeoutMs: 1_000 }),
    /** Payloads that were handed on since the last look. */
    async handedOn() {
      const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
      return Messages.map(({ Body = '' }) => JSON.parse(Body).message.payload).toSorted();
    },
    /** As the stream would bring what is in the table; a relay that has no SNS fails if it hands anything on. */
    async relayAll(sns = endpoints.sns) {
      const { Items = [] } = await dynamodb.send(new ScanCommand({ TableName: lab.options.messagesTable ?? '' }));
      using relay = openRelay({
        ...lab.options,
        endpoints: { ...own, sns },
        delaysQueue: 'http://none',
        safetyQueue: 'http://none',
      });
      const records = (Items as StreamItem[]).map((NewImage, index) => {
        const { pk = {}, sk = {} } = NewImage;
        return { eventName: 'INSERT', dynamodb: { Keys: { pk, sk }, NewImage, SequenceNumber: `${index}` } };
      });
      const standard = records.filter(({ dynamodb: { Keys } }) => /#(fast|slow)\./.test(Keys.pk.S ?? ''));
      expect(await relay.relay.handle(standard)).toEqual([]);
    },
    async [Symbol.asyncDispose]() {
      for (const client of [sns, sqs, dynamodb]) client.destroy();
      await gate[Symbol.asyncDispose]();
      await lab[Symbol.asyncDispose]();
    },
  };
}

function draftOf(lab: AwsLab, topic: string, payload: string, idempotencyKey?: string): Draft {
  const { topic: _, id: __, ...message } = lab.message(payload, { topics: [topic] });
  return {
    message: { ...message, ...(idempotencyKey !== undefined && { idempotencyKey }) },
    priority: 4,
    payloadBytes: 10,
  };
}

const append = async (backend: AwsBackend, drafts: readonly Draft[]) =>
  (await backend.append(drafts, crypto.randomUUID())).map(({ ok }) => ok);

test('what is relayed directly is handed on by its publisher, all else by the relay, and each once', async () => {
  await using stack = await opened();
  const { lab } = stack;
  const drafts = ['fast.a', 'slow.a'].map((topic) => draftOf(lab, topic, topic));

  expect(await append(lab.backend, drafts)).toEqual([true, true]);

  expect(await stack.handedOn()).toEqual(['fast.a']);
  await stack.relayAll();
  expect(await stack.handedOn()).toEqual(['slow.a']);
});

test('an unknown result is an error to retry, and the repeat with the same key hands on once more', async () => {
  await using stack = await opened();
  const { lab, gate, publisher } = stack;
  await using _ = publisher;
  const publish = () => publisher.append([draftOf(lab, 'fast.a', 'm', 'key')], crypto.randomUUID());
  gate.isLost = () => true;

  await expect(publish()).rejects.toMatchObject({ code: 'BACKEND_UNAVAILABLE', retryable: true });
  const before = await stack.handedOn();
  await stack.relayAll(NOWHERE);
  let handedOn = 0;
  gate.isLost = () => {
    handedOn++;
    return false;
  };
  const [again] = await publish();

  expect(new Set(before)).toEqual(new Set(['m']));
  expect(again).toMatchObject({ ok: true, duplicate: true });
  expect(handedOn).toBe(1);
  const read = { namespace: lab.namespace, where: { topic: 'fast.a' }, order: 'id', limit: 9 } as const;
  expect((await lab.backend.read(read)).items).toHaveLength(1);
});

test('what an agent’s attempt decided takes the relay, and so does what is ordered', async () => {
  await using stack = await opened();
  const { lab, gate, publisher } = stack;
  await using _ = publisher;
  gate.isRefused = () => true;
  const [lease] = await lab.batch([lab.record(lab.message('in', { topic: 'slow.in' }))], publisher).lease(1);
  const outputs = [draftOf(lab, 'fast.out', 'out')];

  const settled = await publisher.settle([{ kind: 'completed', lease: lease as AwsLease, outputs, state: [] }]);
  const ordered = await append(publisher, [draftOf(lab, 'kept.a', 'ordered')]);

  expect([settled, ordered]).toMatchObject([[{ ok: true }], [true]]);
  gate.isRefused = () => false;
  expect(await stack.handedOn()).toEqual([]);
  await stack.relayAll();
  expect(await stack.handedOn()).toEqual(['out']);
});
