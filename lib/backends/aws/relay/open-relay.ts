/** @module The relay of a deployment, with everything that it works with. */
import { type FieldFault, InvalidArgumentError } from '../../../core/errors.ts';
import { toReference } from '../../../core/message.ts';
import { type AwsOptions, awsSettings } from '../aws-settings.ts';
import { AwsCalls } from '../calls/aws-calls.ts';
import { DynamoDBCalls } from '../calls/dynamodb-calls.ts';
import { SnsCalls } from '../calls/sns-calls.ts';
import { SqsCalls } from '../calls/sqs-calls.ts';
import { Commits } from '../ledger/commit.ts';
import { Trails } from '../ledger/trails.ts';
import { Attachments } from '../log/attachments.ts';
import { Bodies } from '../log/bodies.ts';
import { LogWriter } from '../log/log-writer.ts';
import { TopicNames } from '../log/topic-names.ts';
import { Relay, type SendToQueue } from './relay.ts';
import { Routes } from './routes.ts';
import { publishBatchBy } from './sns-batch.ts';
import { TopicRegistry } from './topic-registry.ts';

export interface OpenRelay extends Disposable {
  readonly relay: Relay;
}

/**
 * The relay between the tables, topics and queues that the options or the environment name. Nothing is called before it gets
 * records.
 *
 * @param namespaces Those that the deployment serves.
 * @throws InvalidArgumentError naming everything that is missing.
 */
export function openRelay(options: AwsOptions, namespaces: '*' | readonly string[] = '*'): OpenRelay {
  const settings = awsSettings(options);
  const { topicArnPrefix = '', delaysQueue = '', safetyQueue = '' } = settings;
  const faults = Object.entries({ topicArnPrefix, delaysQueue, safetyQueue }).flatMap(([field, value]): FieldFault[] =>
    value === '' ? [{ field, problem: 'is missing: name it, or run where a deployment has set its variable' }] : [],
  );
  if (faults.length > 0) throw new InvalidArgumentError(faults);
  const calls = new AwsCalls(settings);
  const dynamodb = new DynamoDBCalls(calls);
  const sqs = new SqsCalls(calls);
  const commits = new Commits(dynamodb);
  const bodies = new Bodies(dynamodb);
  const trails = new Trails(dynamodb);
  const topicNames = new TopicNames(dynamodb);
  const writer = new LogWriter({ calls, dynamodb, attachments: new Attachments(calls), topicNames });
  const relay = new Relay({
    routes: new Routes(settings, topicArnPrefix),
    serves: (namespace) => namespaces === '*' || namespaces.includes(namespace),
    publishBatch: publishBatchBy(new SnsCalls(calls)),
    holdBack: sendTo(sqs, delaysQueue),
    toSafety: sendTo(sqs, safetyQueue),
    read: async (namespace, keys) => {
      const found = await bodies.find(namespace, keys);
      return keys.map((key) => found.get(toReference(key))).filter((item) => item !== undefined);
    },
    registry: new TopicRegistry({ dynamodb, commits, prepare: (drafts) => writer.prepare(drafts) }),
    trail: settings.tracing ? trails.routed : undefined,
    now: () => calls.time.now(),
  });
  return { relay, [Symbol.dispose]: () => calls[Symbol.dispose]() };
}

const sendTo =
  (sqs: SqsCalls, queueUrl: string): SendToQueue =>
  async (messages) => {
    const entries = messages.map(({ body, delayS = 0 }) => ({ MessageBody: body, DelaySeconds: delayS }));
    return (await sqs.sendBatch(queueUrl, entries)).map((outcome) => (outcome.ok ? undefined : outcome.error));
  };
