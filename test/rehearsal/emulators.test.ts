import { once } from 'node:events';
import { mkdtempDisposableSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateTableCommand, DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { CreateBucketCommand, ListBucketsCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateTopicCommand, SNSClient } from '@aws-sdk/client-sns';
import { CreateQueueCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterEach, expect, test, vi } from 'vitest';
import { startEmulators } from '../../lib/rehearsal/emulators.ts';
import { rehearse } from '../../lib/rehearsal/rehearse.ts';
import { findDynoxide } from '../../lib/rehearsal/start-dynoxide.ts';
import { WrittenAssembly } from './fixtures/assembly.ts';

afterEach(() => void vi.unstubAllEnvs());

const refused = (endpoint: string) =>
  fetch(endpoint).then(
    () => false,
    () => true,
  );

test('SNS, SQS, S3 and DynamoDB answer, with nothing in them', async () => {
  await using emulators = await startEmulators();
  const { endpoints, region, credentials, account } = emulators;
  const client = (endpoint: string) => ({ endpoint, region, credentials });

  const tables = await new DynamoDBClient(client(endpoints.dynamodb)).send(new ListTablesCommand());
  const topic = await new SNSClient(client(endpoints.sns)).send(new CreateTopicCommand({ Name: 'a' }));
  const queue = await new SQSClient(client(endpoints.sqs)).send(new CreateQueueCommand({ QueueName: 'b' }));
  const s3 = new S3Client(client(endpoints.s3));
  await s3.send(new CreateBucketCommand({ Bucket: 'bucket' }));

  expect(tables.TableNames).toEqual([]);
  expect(topic.TopicArn).toBe(`arn:aws:sns:${region}:${account}:a`);
  expect(queue.QueueUrl).toMatch(/\/000000000000\/b$/);
  expect((await s3.send(new ListBucketsCommand())).Buckets?.map(({ Name }) => Name)).toEqual(['bucket']);
});

test('disposing stops them', async () => {
  const emulators = await startEmulators();
  const { sqs, dynamodb } = emulators.endpoints;

  await emulators[Symbol.asyncDispose]();

  expect(await Promise.all([refused(sqs), refused(dynamodb)])).toEqual([true, true]);
});

test('an emulator that ends by itself is told, and one that is stopped is not', async () => {
  using folder = mkdtempDisposableSync(join(tmpdir(), 'guildwire-lost-'));
  const [program, pid] = [join(folder.path, 'dynoxide'), join(folder.path, 'pid')];
  writeFileSync(program, `#!/bin/sh\necho $$ > ${pid}\nexec ${findDynoxide(undefined)} "$@"\n`, { mode: 0o755 });
  vi.stubEnv('DYNOXIDE_BIN', program);
  await using lost = await startEmulators();
  const dynoxide = Number(readFileSync(pid, 'utf8'));
  const stopped = await startEmulators();

  process.kill(dynoxide, 'SIGKILL');
  await once(lost.lost, 'abort');
  await stopped[Symbol.asyncDispose]();

  expect(lost.lost.reason).toMatchObject({
    code: 'EMULATOR_LOST',
    message: 'the DynamoDB emulator is gone, with all it held: it ended with SIGKILL',
  });
  expect(stopped.lost.aborted).toBe(false);
});

test('an endpoint that is given is used, and not stopped', async () => {
  await using first = await startEmulators();
  vi.stubEnv('DYNAMODB_ENDPOINT', first.endpoints.dynamodb);

  const second = await startEmulators({ endpoints: { sqs: first.endpoints.sqs } });
  await second[Symbol.asyncDispose]();

  expect(second.endpoints).toMatchObject({ dynamodb: first.endpoints.dynamodb, sqs: first.endpoints.sqs });
  expect(second.endpoints.sns).not.toBe(first.endpoints.sns);
  expect(await Promise.all([refused(first.endpoints.sqs), refused(first.endpoints.dynamodb)])).toEqual([false, false]);
});

const oneTable = {
  Type: 'AWS::DynamoDB::Table',
  Properties: {
    AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
    KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
  },
};

test('a DynamoDB that is given can be rehearsed on again, and keeps the tables that were there', async () => {
  await using own = await startEmulators();
  const { dynamodb } = own.endpoints;
  const client = new DynamoDBClient({ endpoint: dynamodb, region: own.region, credentials: own.credentials });
  const tables = async () => (await client.send(new ListTablesCommand())).TableNames;
  using one = new WrittenAssembly({ resources: { Log: oneTable } });
  using more = new WrittenAssembly({ resources: { Log: oneTable, Other: oneTable } });
  const BillingMode = 'PAY_PER_REQUEST';

  for (const times of [1, 2]) {
    await using _ = await rehearse({ assembly: one.directory, endpoints: { dynamodb } });
    expect(await tables(), `rehearsal ${times}`).toEqual(['Test-Log']);
  }
  expect(await tables()).toEqual([]);

  await client.send(new CreateTableCommand({ TableName: 'Test-Log', BillingMode, ...oneTable.Properties } as never));
  await expect(rehearse({ assembly: more.directory, endpoints: { dynamodb } })).rejects.toThrow(
    `DynamoDB at ${dynamodb} has a table Test-Log already, maybe of a rehearsal that was killed: delete it`,
  );
  expect(await tables()).toEqual(['Test-Log']);
});

test('fails when no emulator answers where one was said to be', async () => {
  await expect(startEmulators({ endpoints: { dynamodb: 'http://127.0.0.1:9' } })).rejects.toMatchObject({
    code: 'EMULATOR_MISSING',
    message: 'no emulator of dynamodb answers at http://127.0.0.1:9: start it, or leave the endpoint out',
  });
});

test.for([
  ['/nowhere/dynoxide', /^DYNOXIDE_BIN is "\/nowhere\/dynoxide", where there is no file/],
  ['/bin/false', /^the DynamoDB emulator \/bin\/false does not start: it ended with 1$/],
] as const)('fails when DYNOXIDE_BIN is %s', async ([binary, message]) => {
  vi.stubEnv('DYNOXIDE_BIN', binary);

  await expect(startEmulators()).rejects.toThrow(message);
});

test('a table is made with its stream', async () => {
  await using emulators = await startEmulators();
  const { endpoints, region, credentials } = emulators;
  const client = new DynamoDBClient({ endpoint: endpoints.dynamodb, region, credentials });

  const { TableDescription } = await client.send(
    new CreateTableCommand({
      TableName: 'messages',
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
      BillingMode: 'PAY_PER_REQUEST',
      StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_IMAGE' },
    }),
  );

  expect(TableDescription).toMatchObject({
    TableName: 'messages',
    LatestStreamArn: expect.stringContaining('/messages/stream/'),
  });
});
