import { CreateTopicCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import { CreateQueueCommand, GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { expect, test } from 'vitest';
import type { LeaseRequest } from '../../../../lib/backends/backend.ts';
import { filterFor } from '../../../../lib/constructs/filter-policy.ts';
import type { Priority } from '../../../../lib/core/gemstone-id.ts';
import type { Draft } from '../../../../lib/core/message.ts';
import { familyTopicName } from '../../../../lib/environment/aws-names.ts';
import { AwsLab } from '../aws-lab.ts';
import { family, follower, manifestOf } from '../relay/lab.ts';

const own = follower('one', ['news.*'], { lanes: true });
const manifest = manifestOf([own], [family('news.*', { relay: 'direct' })]);
const lanes = ['urgent', 'normal'] as const;

/** A worker's backend whose agent has two queues, attached as a deployment attaches them. */
async function opened() {
  const lab = await AwsLab.open({}, { manifest });
  const { endpoints, region, credentials, account } = lab.emulators;
  const sns = new SNSClient({ endpoint: endpoints.sns, region, credentials });
  const sqs = new SQSClient({ endpoint: endpoints.sqs, region, credentials });
  const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: `lab-${familyTopicName('news.*', false)}` }));
  const urls = { urgent: '', normal: '' };
  for (const lane of lanes) {
    const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: lane }));
    urls[lane] = QueueUrl;
    const interest = { agent: 'one', patterns: own.patterns, publishes: [], onlyWhenTagged: false, lane };
    const FilterPolicy = JSON.stringify(filterFor(interest, 'news.*')?.policy);
    const Endpoint = `arn:aws:sqs:${region}:${account}:${lane}`;
    const Attributes = { RawMessageDelivery: 'true', FilterPolicy };
    await sns.send(new SubscribeCommand({ TopicArn, Protocol: 'sqs', Endpoint, Attributes }));
  }
  const queues = { one: { url: urls.normal, urgentUrl: urls.urgent, isOrdered: false } };
  const worker = lab.twin({ endpoints: { ...lab.options.endpoints, sqs: endpoints.sqs }, queues });
  return {
    worker,
    async publish(...priorities: number[]) {
      const drafts = priorities.map((priority): Draft => {
        const { topic: _, id: __, ...message } = lab.message(`p${priority}`, { topics: ['news.new'] });
        return { message, priority: priority as Priority, payloadBytes: 5 };
      });
      expect((await worker.append(drafts, crypto.randomUUID())).every(({ ok }) => ok)).toBe(true);
    },
    lease: (more: Partial<LeaseRequest> = {}) =>
      worker.lease({ agent: 'one', namespaces: [lab.namespace], max: 10, leaseMs: 20_000, waitMs: 0, ...more }),
    /** How many messages each queue holds, whoever has them. */
    async held() {
      const counts = lanes.map(async (lane) => {
        const names = ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'] as const;
        const command = new GetQueueAttributesCommand({ QueueUrl: urls[lane], AttributeNames: [...names] });
        const { Attributes = {} } = await sqs.send(command);
        return names.reduce((sum, name) => sum + Number(Attributes[name]), 0);
      });
      return Promise.all(counts);
    },
    async [Symbol.asyncDispose]() {
      await worker[Symbol.asyncDispose]();
      for (const client of [sns, sqs]) client.destroy();
      await lab[Symbol.asyncDispose]();
    },
  };
}

type Leases = Awaited<ReturnType<Awaited<ReturnType<typeof opened>>['lease']>>;
const payloads = (leases: Leases) => leases.map(({ message }) => String(message?.payload)).toSorted();

test('priorities 0 to 3 lie in the urgent queue, and of both a worker takes what is urgent first', async () => {
  await using lab = await opened();
  await lab.publish(9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  expect(await lab.held()).toEqual([4, 6]);

  const first = await lab.lease({ max: 4 });
  const rest: Leases[number][] = [];
  while (rest.length < 6) rest.push(...(await lab.lease({ waitMs: 2_000 })));

  expect(payloads(first)).toEqual(['p0', 'p1', 'p2', 'p3']);
  expect(payloads(rest)).toEqual(['p4', 'p5', 'p6', 'p7', 'p8', 'p9']);
  const all = [...first, ...rest];
  await lab.worker.settle(all.map((lease) => ({ kind: 'completed', lease, outputs: [], state: [] })));
  expect(await lab.held()).toEqual([0, 0]);
});

test('a worker that waits gets what comes, from whichever queue', async () => {
  await using lab = await opened();
  for (const priority of [4, 3, 9, 0]) {
    const waiting = lab.lease({ waitMs: 20_000 });
    await lab.publish(priority);

    expect(payloads(await waiting)).toEqual([`p${priority}`]);
  }
});
