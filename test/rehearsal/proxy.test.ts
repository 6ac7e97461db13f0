import { CreateTableCommand, DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { ListTopicsCommand, SNSClient } from '@aws-sdk/client-sns';
import { ListQueuesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { expect, test } from 'vitest';
import type { CallFault, ServiceCall } from '../../lib/rehearsal/proxy/faults.ts';
import type { Rehearsal } from '../../lib/rehearsal/rehearsal.ts';
import { rehearse } from '../../lib/rehearsal/rehearse.ts';
import { queue, WrittenAssembly } from './fixtures/assembly.ts';

/** Sends to its own queue, without an SDK. */
const SENDER = `export const handler = async () => {
  const credential = process.env.AWS_ACCESS_KEY_ID + '/20260101/us-east-1/sqs/aws4_request';
  const response = await fetch(process.env.AWS_ENDPOINT_URL_SQS, {
    method: 'POST',
    headers: {
      authorization: 'AWS4-HMAC-SHA256 Credential=' + credential + ', SignedHeaders=host, Signature=none',
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': 'AmazonSQS.SendMessage',
    },
    body: JSON.stringify({ QueueUrl: process.env.QUEUE, MessageBody: 'one' }),
  });
  return response.status;
};`;

const sender = { code: SENDER, properties: { Environment: { Variables: { QUEUE: { Ref: 'Jobs' } } } } };

const options = ({ region, credentials }: Rehearsal, endpoint: string) => ({
  endpoint,
  region,
  credentials,
  maxAttempts: 1,
});

test('calls are counted by service, by function and by what DynamoDB charges', async () => {
  using assembly = new WrittenAssembly({ functions: { Sender: sender }, resources: { Jobs: queue() } });
  await using rehearsal = await rehearse({ assembly: assembly.directory });
  const { dynamodb } = rehearsal.endpoints;
  const client = new DynamoDBClient(options(rehearsal, dynamodb));
  await client.send(
    new CreateTableCommand({
      TableName: 'costs',
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
    }),
  );

  for (const body of ['small', 'x'.repeat(3000)])
    await client.send(
      new PutItemCommand({ TableName: 'costs', Item: { pk: { S: body.slice(0, 3) }, body: { S: body } } }),
    );
  await rehearsal.invoke('Sender', {});
  const counts = rehearsal.counts();

  expect(counts.calls.dynamodb?.PutItem).toBe(2);
  expect(counts.capacityUnits).toEqual({ read: 0, write: 1 + 3 });
  expect(counts.calls.sqs).toEqual({ SendMessage: 1 });
  expect(counts.callsOf).toEqual({ 'Test-Sender': { sqs: { SendMessage: 1 } } });
});

test('a hook lets calls go wrong before or after they take effect', async () => {
  using assembly = new WrittenAssembly({ functions: { Sender: sender }, resources: { Jobs: queue() } });
  const faults: (CallFault | undefined)[] = [
    { when: 'before', answer: 'server-error' },
    { when: 'after', answer: 'throttling' },
    { when: 'after', answer: 'reset' },
    undefined,
  ];
  const seen: ServiceCall[] = [];
  const proxy = (call: ServiceCall) => {
    seen.push(call);
    return faults.shift();
  };
  await using rehearsal = await rehearse({ assembly: assembly.directory, proxy });
  const url = String(rehearsal.resources.find(({ logicalId }) => logicalId === 'Jobs')?.ref);

  const answers = [];
  for (let call = 0; call < 4; call++) answers.push(await rehearsal.invoke('Sender', {}));
  const inside = (await (await fetch(`${rehearsal.endpoints.sqs}/_fauxqs/queues/${url.split('/').at(-1)}`)).json()) as {
    messages: { ready: unknown[] };
  };

  expect(answers.map(({ payload, functionError }) => functionError ?? payload)).toEqual([
    '500',
    '403',
    'Unhandled',
    '200',
  ]);
  expect(inside.messages.ready).toHaveLength(3);
  expect(rehearsal.counts().faults).toBe(3);
  expect(seen[0]).toMatchObject({ service: 'sqs', operation: 'SendMessage', functionName: 'Test-Sender' });
});

test('SDKs read each fault as what the service itself would have said', async () => {
  using assembly = new WrittenAssembly({});
  await using rehearsal = await rehearse({
    assembly: assembly.directory,
    proxy: () => ({ when: 'before', answer: 'throttling' }),
  });
  const { sns, sqs, s3, dynamodb } = rehearsal.endpoints;

  const names = await Promise.all(
    [
      new SNSClient(options(rehearsal, sns)).send(new ListTopicsCommand()),
      new SQSClient(options(rehearsal, sqs)).send(new ListQueuesCommand()),
      new S3Client(options(rehearsal, s3)).send(new GetObjectCommand({ Bucket: 'bucket', Key: 'key' })),
      new DynamoDBClient(options(rehearsal, dynamodb)).send(new PutItemCommand({ TableName: 'none', Item: {} })),
    ].map((call: Promise<unknown>) => call.catch(({ name }: Error) => name)),
  );

  expect(names).toEqual(['Throttling', 'RequestThrottled', 'SlowDown', 'ThrottlingException']);
});

test('objects pass through as they are', async () => {
  using assembly = new WrittenAssembly({ resources: { Files: { Type: 'AWS::S3::Bucket' } } });
  await using rehearsal = await rehearse({ assembly: assembly.directory });
  const client = new S3Client(options(rehearsal, rehearsal.endpoints.s3));
  const Body = new Uint8Array([0, 1, 254, 255]);

  await client.send(new PutObjectCommand({ Bucket: 'test-files', Key: 'a/b c', Body }));
  const read = await client.send(new GetObjectCommand({ Bucket: 'test-files', Key: 'a/b c' }));

  expect(await read.Body?.transformToByteArray()).toEqual(Body);
  expect(rehearsal.counts().calls.s3).toEqual({ 'PUT object': 1, 'GET object': 1 });
});

test('a service that is not emulated says so, and no call leaves this machine', async () => {
  const code = `export const handler = async () => {
    const response = await fetch(process.env.AWS_ENDPOINT_URL, { method: 'POST', headers: { 'x-amz-target': 'Logs_20140328.PutLogEvents' } });
    return [response.status, await response.json()];
  };`;
  using assembly = new WrittenAssembly({ functions: { Asks: code } });
  await using rehearsal = await rehearse({ assembly: assembly.directory });

  const { payload } = await rehearsal.invoke('Asks', {});

  expect(JSON.parse(payload)).toMatchObject([
    501,
    { message: 'Logs_20140328.PutLogEvents is not emulated by the rehearsal' },
  ]);
});
