/** Dead letters of an agent in the lab, and what becomes of them when they are redriven. */
import { CreateTopicCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { AwsLease } from '../../../lib/backends/aws/queues/aws-lease.ts';
import { decodeEntry, type IncomingEntry } from '../../../lib/backends/aws/queues/queue-entry.ts';
import type { Message } from '../../../lib/core/message.ts';
import type { AwsLab } from './aws-lab.ts';

export const fault = { code: 'X', message: 'x', retryable: true };

/** What the topic of the built-in family hands on. */
export async function systemTopic({ endpoints, region, credentials }: AwsLab['emulators']) {
  const sns = new SNSClient({ endpoint: endpoints.sns, region, credentials });
  const sqs = new SQSClient({ endpoint: endpoints.sqs, region, credentials });
  const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: 'lab-system' }));
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: 'one' }));
  const Endpoint = `arn:aws:sqs:${region}:000000000000:one`;
  const FilterPolicy = JSON.stringify({ topic: ['$self.one'] });
  const Attributes = { RawMessageDelivery: 'true', FilterPolicy };
  await sns.send(new SubscribeCommand({ TopicArn, Protocol: 'sqs', Endpoint, Attributes }));
  return {
    async handedOn() {
      const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
      return Messages.map(({ Body = '' }) => {
        const { content, epoch, cause, letter } = decodeEntry(Body) as IncomingEntry;
        return { payload: (content as Message).payload, epoch, cause, letter };
      });
    },
  };
}

/** Makes a dead letter of each. */
export async function buriedLetters(lab: AwsLab, payloads: readonly string[]): Promise<void> {
  const leases = await lab.batch(payloads.map((payload) => lab.record(lab.message(payload)))).lease(10);
  await lab.backend.settle(
    leases.map((lease: AwsLease) => ({ kind: 'dead', lease, reason: 'permanent', fault }) as const),
  );
}

/** How many there are. */
export const openLetters = async (lab: AwsLab) => {
  const query = { namespace: lab.namespace, where: { deadLettersOf: 'one' }, order: 'id', limit: 99 } as const;
  return (await lab.backend.read(query)).items.length;
};
