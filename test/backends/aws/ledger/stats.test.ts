import { CreateQueueCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { expect, test } from 'vitest';
import { AwsLab } from '../aws-lab.ts';

test('counts what lies in both queues of an agent, delayed messages included', async () => {
  await using lab = await AwsLab.open({ lanes: true });
  const { endpoints, region, credentials } = lab.emulators;
  const sqs = new SQSClient({ endpoint: endpoints.sqs, region, credentials });
  const queue = async (QueueName: string) => (await sqs.send(new CreateQueueCommand({ QueueName }))).QueueUrl as string;
  const [url, urgentUrl] = [await queue('normal'), await queue('urgent')];
  await sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody: 'x' }));
  await sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody: 'x', DelaySeconds: 900 }));
  await sqs.send(new SendMessageCommand({ QueueUrl: urgentUrl, MessageBody: 'x' }));
  sqs.destroy();
  const own = lab.options.endpoints ?? {};
  await using all = lab.twin({
    endpoints: { ...own, sqs: endpoints.sqs },
    queues: { one: { url, urgentUrl, isOrdered: false } },
  });

  expect(await all.stats(lab.namespace)).toEqual([
    { agent: 'one', waiting: 3, dead: 0, dropped: {}, oldestAt: undefined, paused: false },
  ]);
});

test('where a queue is not known nothing is counted as none', async () => {
  await using lab = await AwsLab.open();
  await using without = lab.twin({ queues: {} });

  await expect(without.stats(lab.namespace)).rejects.toMatchObject({ code: 'UNSUPPORTED_FEATURE' });
});
