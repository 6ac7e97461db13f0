/** What the relay does, as one would write it without Guildwire: from the stream of a table, or a queue, to a topic. */
import { BatchGetItemCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { PublishBatchCommand, SNSClient } from '@aws-sdk/client-sns';
import { SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { DynamoDBStreamEvent, SQSEvent } from 'aws-lambda';

const dynamodb = new DynamoDBClient({});
const sns = new SNSClient({});
const sqs = new SQSClient({});
const { TABLE = '', TOPIC, QUEUE } = process.env;

async function publish(bodies: readonly string[]): Promise<void> {
  const entries = bodies.map((Message, index) => ({ Id: `${index}`, Message }));
  const { Failed = [] } = await sns.send(
    new PublishBatchCommand({ TopicArn: TOPIC, PublishBatchRequestEntries: entries }),
  );
  const Entries = Failed.map(({ Id = '' }) => ({ Id, MessageBody: bodies[Number(Id)] ?? '' }));
  if (Entries.length > 0) await sqs.send(new SendMessageBatchCommand({ QueueUrl: QUEUE, Entries }));
}

export const handler = async ({ Records }: DynamoDBStreamEvent | SQSEvent) => {
  const stored = Records.flatMap((record) => ('dynamodb' in record ? (record.dynamodb?.NewImage?.body?.S ?? []) : []));
  const keys = Records.flatMap((record) => ('body' in record ? { pk: { S: 'held' }, sk: { S: record.body } } : []));
  if (keys.length > 0) {
    const { Responses = {} } = await dynamodb.send(
      new BatchGetItemCommand({ RequestItems: { [TABLE]: { Keys: keys } } }),
    );
    stored.push(...(Responses[TABLE] ?? []).flatMap(({ body }) => body?.S ?? []));
  }
  if (stored.length > 0) await publish(stored);
  return { batchItemFailures: [] };
};
