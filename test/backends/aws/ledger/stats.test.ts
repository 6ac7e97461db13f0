import { CreateQueueCommand, ReceiveMessageCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { expect, test } from 'vitest';
import { systemClock } from '../../../../lib/core/clock.ts';
import { AwsLab } from '../aws-lab.ts';
import { buriedLetters } from '../dead-letters.ts';

test('counts what lies in both queues of an agent, with what is delayed, and what a queue hides until it is tried again', async () => {
  await using lab = await AwsLab.open({ lanes: true });
  const { endpoints, region, credentials } = lab.emulators;
  const sqs = new SQSClient({ endpoint: endpoints.sqs, region, credentials });
  const queue = async (QueueName: string) => (await sqs.send(new CreateQueueCommand({ QueueName }))).QueueUrl as string;
  const [url, urgentUrl] = [await queue('normal'), await queue('urgent')];
  await sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody: 'x' }));
  await sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody: 'x', DelaySeconds: 900 }));
  await sqs.send(new SendMessageCommand({ QueueUrl: urgentUrl, MessageBody: 'x' }));
  await sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody: 'x' }));
  await sqs.send(new ReceiveMessageCommand({ QueueUrl: url, MaxNumberOfMessages: 1, VisibilityTimeout: 900 }));
  sqs.destroy();
  const own = lab.options.endpoints ?? {};
  await using all = lab.twin({
    endpoints: { ...own, sqs: endpoints.sqs },
    queues: { one: { url, urgentUrl, isOrdered: false } },
  });

  expect(await all.stats(lab.namespace)).toEqual([
    { agent: 'one', waiting: 4, dead: 0, dropped: {}, oldestAt: undefined, paused: false },
  ]);
});

test('a dead letter that is no longer kept is no longer counted', async () => {
  await using lab = await AwsLab.open();
  const { endpoints, region, credentials } = lab.emulators;
  const sqs = new SQSClient({ endpoint: endpoints.sqs, region, credentials });
  const { QueueUrl: url = '' } = await sqs.send(new CreateQueueCommand({ QueueName: 'one' }));
  sqs.destroy();
  await buriedLetters(lab, ['m1', 'm2']);
  const at = (days: number) =>
    lab.twin({
      endpoints: { ...lab.options.endpoints, sqs: endpoints.sqs },
      queues: { one: { url, isOrdered: false } },
      clock: { ...systemClock, now: () => Date.now() + days * 86_400_000 },
    });
  await using soon = at(29);
  await using late = at(31);

  expect([await soon.stats(lab.namespace), await late.stats(lab.namespace)]).toMatchObject([
    [{ dead: 2 }],
    [{ dead: 0 }],
  ]);
});

test('where a queue is not known nothing is counted as none', async () => {
  await using lab = await AwsLab.open();
  await using without = lab.twin({ queues: {} });

  await expect(without.stats(lab.namespace)).rejects.toMatchObject({ code: 'UNSUPPORTED_FEATURE' });
});
