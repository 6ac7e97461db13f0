/** A deployment of a guild on emulators, each of which is a process of its own: tables, topics, queues and their filters. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { CreateTopicCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import { CreateQueueCommand, GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { Agent, Guild } from 'guildwire';
import type { AwsOptions, AwsQueue } from '../lib/backends/aws/aws-settings.ts';
import { routesOf } from '../lib/constructs/agent-routes.ts';
import { familiesOf } from '../lib/constructs/guild-families.ts';
import { type ManifestOptions, manifestOf } from '../lib/constructs/manifest-of.ts';
import { familyTopicName, SYSTEM_FAMILY } from '../lib/environment/aws-names.ts';
import { type Emulators, startEmulators } from '../lib/rehearsal/emulators.ts';
import { createTables, type TableOptions } from '../test/aws-emulators/tables.ts';

/** Emulators that share no process with what is measured. */
export async function startSeparately(): Promise<Emulators> {
  const child = fork(new URL('./aws-messaging.ts', import.meta.url));
  const [messaging] = (await once(child, 'message')) as [string];
  const emulators = await startEmulators({ endpoints: { sns: messaging, sqs: messaging, s3: messaging } });
  return {
    ...emulators,
    async [Symbol.asyncDispose]() {
      await emulators[Symbol.asyncDispose]();
      child.disconnect();
    },
  };
}

export interface Deployment {
  readonly options: AwsOptions;
  readonly queues: Readonly<Record<string, AwsQueue>>;
  /** Resolves when nothing is in the agents' queues, or on its way out of them. */
  emptied(): Promise<void>;
}

const LOOK_MS = 5;
let deployed = 0;

/** @param options Of the manifest and the tables; what is left out is as the constructs have it. */
export async function deploy(
  emulators: Emulators,
  guild: Guild,
  { stream = false, ...options }: ManifestOptions & TableOptions = {},
): Promise<Deployment> {
  const { endpoints, region, account, credentials } = emulators;
  const stack = `bench${++deployed}-`;
  const tables = await createTables(endpoints, { stream, suffix: `${deployed}` });
  const sns = new SNSClient({ endpoint: endpoints.sns, region, credentials });
  const sqs = new SQSClient({ endpoint: endpoints.sqs, region, credentials });
  const queueUrl = async (name: string) => {
    const command = new CreateQueueCommand({ QueueName: `${stack}${name}`, Attributes: { VisibilityTimeout: '60' } });
    return (await sqs.send(command)).QueueUrl as string;
  };
  const families = [...familiesOf(guild.families).patterns, SYSTEM_FAMILY];
  const arns = new Map<string, string>();
  for (const family of families) {
    const command = new CreateTopicCommand({ Name: `${stack}${familyTopicName(family, false)}` });
    arns.set(family, (await sns.send(command)).TopicArn as string);
  }
  const queues: Record<string, AwsQueue> = {};
  for (const agent of Object.values<Agent>(guild.agents)) {
    const url = await queueUrl(agent.name);
    queues[agent.name] = { url, isOrdered: false };
    const Endpoint = `arn:aws:sqs:${region}:${account}:${url.split('/').at(-1)}`;
    for (const { pattern, filters } of routesOf(agent, families, false)) {
      const policy = filters[0]?.filter.policy;
      const Attributes = {
        RawMessageDelivery: 'true',
        ...(policy !== undefined && { FilterPolicy: JSON.stringify(policy) }),
      };
      const subscription = { TopicArn: arns.get(pattern), Protocol: 'sqs', Endpoint, Attributes };
      await sns.send(new SubscribeCommand(subscription));
    }
  }
  return {
    options: {
      ...tables,
      region,
      credentials,
      endpoints,
      topicArnPrefix: `arn:aws:sns:${region}:${account}:${stack}`,
      delaysQueue: await queueUrl('delays'),
      safetyQueue: await queueUrl('safety'),
      queues,
      manifest: manifestOf(guild, options),
    },
    queues,
    emptied: () => emptied(sqs, Object.values(queues)),
  };
}

export async function emptied(sqs: SQSClient, queues: readonly Pick<AwsQueue, 'url'>[]): Promise<void> {
  for (const { url } of queues) {
    const command = new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['All'] });
    for (let left = 1; left > 0; ) {
      const { Attributes = {} } = await sqs.send(command);
      left = Number(Attributes.ApproximateNumberOfMessages) + Number(Attributes.ApproximateNumberOfMessagesNotVisible);
      if (left > 0) await wait(LOOK_MS);
    }
  }
}
