/** @module Makes the template's topics, queues, subscriptions, tables and buckets on the emulators. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Json, JsonObject } from '../../core/json.ts';
import type { EmulatorClient } from '../emulator-client.ts';
import { EmulatorRefusedError, UnsupportedTemplateError } from '../rehearsal-errors.ts';
import type { Resource } from './stack-scope.ts';
import { tableOf, timeToLiveOf } from './table-properties.ts';

const LOOK_MS = 10;
const QUEUE_ATTRIBUTES = [
  'ContentBasedDeduplication',
  'DeduplicationScope',
  'DelaySeconds',
  'FifoQueue',
  'FifoThroughputLimit',
  'MaximumMessageSize',
  'MessageRetentionPeriod',
  'ReceiveMessageWaitTimeSeconds',
  'RedrivePolicy',
  'VisibilityTimeout',
];
const TOPIC_ATTRIBUTES = ['ContentBasedDeduplication', 'FifoTopic'];
/** They lead to people and to places outside, which a rehearsal does not reach. */
const PROTOCOLS_OUTSIDE = ['application', 'email', 'email-json', 'http', 'https', 'sms'];
const SUBSCRIPTION_ATTRIBUTES = ['FilterPolicy', 'FilterPolicyScope', 'RawMessageDelivery', 'RedrivePolicy'];

/**
 * Makes all of them; what needs another one comes after it. Subscriptions that lead outside are left out.
 *
 * @param left Takes what deletes each table again; undefined where they go with their emulator.
 * @throws UnsupportedTemplateError for a subscription that is neither of a queue nor leads outside.
 * @throws EmulatorRefusedError where a table of that name is there already.
 */
export async function createResources(
  resources: readonly Resource[],
  client: EmulatorClient,
  left: AsyncDisposableStack | undefined,
): Promise<void> {
  const of = (...types: readonly string[]) => resources.filter(({ type }) => types.includes(type));
  const subscriptions = of('AWS::SNS::Subscription').filter(
    ({ properties }) => !PROTOCOLS_OUTSIDE.includes(String(properties.Protocol)),
  );
  const others = subscriptions.filter(({ properties }) => properties.Protocol !== 'sqs');
  if (others.length > 0)
    throw new UnsupportedTemplateError(
      others.map(
        ({ file, logicalId, properties }) => `${file}: ${logicalId} has protocol ${properties.Protocol}, not sqs`,
      ),
    );
  const queues = of('AWS::SQS::Queue');
  const redriven = (queue: Resource) => queue.properties.RedrivePolicy !== undefined;
  const tables = of('AWS::DynamoDB::Table', 'AWS::DynamoDB::GlobalTable');
  await allOf([
    ...queues.filter((queue) => !redriven(queue)).map((queue) => createQueue(queue, client)),
    ...of('AWS::SNS::Topic').map((topic) =>
      client.sns('CreateTopic', { Name: topic.name }, attributesOf(topic.properties, TOPIC_ATTRIBUTES)),
    ),
    ...tables.map((table) => createTable(table, client, left)),
    ...of('AWS::S3::Bucket').map((bucket) => client.createBucket(bucket.name)),
  ]);
  await Promise.all(queues.filter(redriven).map((queue) => createQueue(queue, client)));
  await Promise.all(subscriptions.map((subscription) => subscribe(subscription, client)));
}

/** Waits for the others as well where one fails, so that nothing is made any more once that is told. */
async function allOf(works: readonly Promise<void>[]): Promise<void> {
  for (const ended of await Promise.allSettled(works)) if (ended.status === 'rejected') throw ended.reason;
}

async function createQueue({ name, properties }: Resource, client: EmulatorClient): Promise<void> {
  await client.sqs('CreateQueue', { QueueName: name, Attributes: attributesOf(properties, QUEUE_ATTRIBUTES) });
}

async function subscribe({ properties }: Resource, client: EmulatorClient): Promise<void> {
  const fields = { TopicArn: String(properties.TopicArn), Endpoint: String(properties.Endpoint), Protocol: 'sqs' };
  await client.sns('Subscribe', fields, attributesOf(properties, SUBSCRIPTION_ATTRIBUTES));
}

async function createTable(
  table: Resource,
  client: EmulatorClient,
  left: AsyncDisposableStack | undefined,
): Promise<void> {
  await client.dynamodb('CreateTable', tableOf(table)).catch((cause: Error) => {
    if (!cause.message.includes('ResourceInUseException')) throw cause;
    const where = `DynamoDB at ${client.endpoints.dynamodb} has a table ${table.name} already`;
    throw new EmulatorRefusedError(`${where}, maybe of a rehearsal that was killed: delete it`, { cause });
  });
  // A DynamoDB that has ended meanwhile has no table either.
  left?.defer(() =>
    client.dynamodb('DeleteTable', { TableName: table.name }).then(
      () => {},
      () => {},
    ),
  );
  while (!(await isActive(table.name, client))) await wait(LOOK_MS);
  const timeToLive = timeToLiveOf(table);
  if (timeToLive !== undefined) await client.dynamodb('UpdateTimeToLive', timeToLive);
}

async function isActive(name: string, client: EmulatorClient): Promise<boolean> {
  const { Table } = await client.dynamodb('DescribeTable', { TableName: name });
  return (Table as JsonObject).TableStatus === 'ACTIVE';
}

/** Attributes are text in the API; policies are objects in a template and JSON in the API. */
function attributesOf(properties: JsonObject, names: readonly string[]): Readonly<Record<string, string>> {
  const asText = (value: Json) => (typeof value === 'object' ? JSON.stringify(value) : String(value));
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = properties[name];
      return value === undefined ? [] : [[name, asText(value)] as const];
    }),
  );
}
