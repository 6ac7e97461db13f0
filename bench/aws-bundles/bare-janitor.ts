/** What the janitor does, as one would write it without Guildwire: from a dead-letter queue into a table. */
import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';

const dynamodb = new DynamoDBClient({});
const sqs = new SQSClient({});
const { TABLE } = process.env;

export const handler = async ({ queues }: { readonly queues: readonly string[] }) => {
  let buried = 0;
  for (const QueueUrl of queues) {
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
    for (const { Body = '', MessageId = '', ReceiptHandle } of Messages) {
      const Item = { pk: { S: 'dead' }, sk: { S: MessageId }, body: { S: Body } };
      await dynamodb.send(new PutItemCommand({ TableName: TABLE, Item }));
      await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
      buried++;
    }
  }
  return { buried };
};
