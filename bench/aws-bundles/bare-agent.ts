/** What the agent of this folder does, once for each message, as one would write it without Guildwire. */
import { randomUUID } from 'node:crypto';
import { DynamoDBClient, TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';
import { ChangeMessageVisibilityCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { SQSEvent, SQSRecord } from 'aws-lambda';

const dynamodb = new DynamoDBClient({});
const sqs = new SQSClient({});
const { TABLE, QUEUE } = process.env;

async function handle({ body, messageId }: SQSRecord): Promise<void> {
  const Item = { pk: { S: 'answered' }, sk: { S: randomUUID() }, body: { S: JSON.stringify(JSON.parse(body)) } };
  const done = { pk: { S: 'done' }, sk: { S: messageId } };
  const TransactItems = [
    { Put: { TableName: TABLE, Item } },
    { Put: { TableName: TABLE, Item: done, ConditionExpression: 'attribute_not_exists(sk)' } },
  ];
  await dynamodb.send(new TransactWriteItemsCommand({ TransactItems }));
}

export const handler = async ({ Records }: SQSEvent) => {
  const failures = await Promise.all(
    Records.map(async (record) => {
      try {
        await handle(record);
        return [];
      } catch {
        const later = { QueueUrl: QUEUE, ReceiptHandle: record.receiptHandle, VisibilityTimeout: 30 };
        await sqs.send(new ChangeMessageVisibilityCommand(later));
        return [{ itemIdentifier: record.messageId }];
      }
    }),
  );
  return { batchItemFailures: failures.flat() };
};
