import { expect, test } from 'vitest';
import type { JsonObject } from '../../lib/core/json.ts';
import type { Rehearsal } from '../../lib/rehearsal/rehearsal.ts';
import { rehearse } from '../../lib/rehearsal/rehearse.ts';
import { arnOf, mapping, queue, WrittenAssembly } from './fixtures/assembly.ts';
import { clientOf, printed, tableOf, taken, urlOf } from './fixtures/calls.ts';

const table: JsonObject = {
  Type: 'AWS::DynamoDB::GlobalTable',
  Properties: {
    AttributeDefinitions: ['pk', 'sk', 'root'].map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
    KeySchema: [
      { AttributeName: 'pk', KeyType: 'HASH' },
      { AttributeName: 'sk', KeyType: 'RANGE' },
    ],
    GlobalSecondaryIndexes: [
      {
        IndexName: 'byRoot',
        KeySchema: [{ AttributeName: 'root', KeyType: 'HASH' }],
        Projection: { ProjectionType: 'KEYS_ONLY' },
        WarmThroughput: { ReadUnitsPerSecond: 1 },
      },
    ],
    BillingMode: 'PAY_PER_REQUEST',
    Replicas: [{ Region: { Ref: 'AWS::Region' } }],
    StreamSpecification: { StreamViewType: 'NEW_IMAGE' },
    TimeToLiveSpecification: { AttributeName: 'ttl', Enabled: true },
  },
};

const stream = (functionId: string, changes: JsonObject = {}) =>
  mapping(functionId, 'Log', {
    EventSourceArn: { 'Fn::GetAtt': ['Log', 'StreamArn'] },
    StartingPosition: 'TRIM_HORIZON',
    ...changes,
  });

async function put(rehearsal: Rehearsal, pk: string, sk: string, more: JsonObject = {}): Promise<void> {
  using client = clientOf(rehearsal);
  await client.dynamodb('PutItem', {
    TableName: tableOf(rehearsal, 'Log'),
    Item: { pk: { S: pk }, sk: { S: sk }, ...more },
  });
}

/** Prints the sort keys of each batch, and fails as `fails` says of them. */
const relay = (fails: string) => `let calls = 0; export const handler = async ({ Records }) => {
  calls++;
  const keys = Records.map(({ dynamodb }) => dynamodb.Keys.sk.S);
  console.log(JSON.stringify(keys));
  const failed = (key) => ({ itemIdentifier: Records[keys.indexOf(key)].dynamodb.SequenceNumber });
  ${fails}
};`;

test('changes of a table reach the function in order, with the fields that AWS sends', async () => {
  const code = `export const handler = async ({ Records }) => console.log(JSON.stringify(Records));`;
  using assembly = new WrittenAssembly({
    functions: { Relay: code },
    resources: { Log: table, Feed: stream('Relay') },
  });
  await using rehearsal = await rehearse({ assembly: assembly.directory });

  for (const sk of ['1', '2', '3']) await put(rehearsal, 'a', sk);
  await rehearsal.idle();
  const records = printed<readonly JsonObject[]>(rehearsal, 'Relay').flat();

  expect(records.map(({ dynamodb }) => (dynamodb as JsonObject).Keys)).toEqual(
    ['1', '2', '3'].map((sk) => ({ pk: { S: 'a' }, sk: { S: sk } })),
  );
  expect(records[0]).toMatchObject({
    eventName: 'INSERT',
    eventSource: 'aws:dynamodb',
    awsRegion: 'us-east-1',
    eventSourceARN: 'arn:aws:dynamodb:us-east-1:000000000000:table/Test-Log/stream/2000-01-01T00:00:00.000',
    dynamodb: { NewImage: { pk: { S: 'a' }, sk: { S: '1' } }, StreamViewType: 'NEW_IMAGE' },
  });
});

test('a filter for INSERT leaves changes and removals out', async () => {
  const FilterCriteria = { Filters: [{ Pattern: '{"eventName":["INSERT"]}' }] };
  using assembly = new WrittenAssembly({
    functions: { Relay: relay('') },
    resources: { Log: table, Feed: stream('Relay', { FilterCriteria }) },
  });
  await using rehearsal = await rehearse({ assembly: assembly.directory });

  await put(rehearsal, 'a', '1');
  await put(rehearsal, 'a', '1', { more: { S: 'changed' } });
  await put(rehearsal, 'a', '2');
  await rehearsal.idle();

  expect(printed<readonly string[]>(rehearsal, 'Relay').flat()).toEqual(['1', '2']);
});

test('a partial failure repeats from the record that failed on', async () => {
  const code = relay(`if (calls === 1 && keys.includes('2')) return { batchItemFailures: [failed('2')] };`);
  using assembly = new WrittenAssembly({
    functions: { Relay: code },
    resources: { Log: table, Feed: stream('Relay', { BatchSize: 3, MaximumBatchingWindowInSeconds: 30 }) },
  });
  await using rehearsal = await rehearse({ assembly: assembly.directory });

  for (const sk of ['1', '2', '3']) await put(rehearsal, 'a', sk);
  await rehearsal.idle();

  expect(printed(rehearsal, 'Relay')).toEqual([
    ['1', '2', '3'],
    ['2', '3'],
  ]);
});

test('a batch that fails is halved until the bad record stands alone, and that one is given up', async () => {
  const code = relay(`if (keys.includes('3')) throw new Error('poison');`);
  const changes = {
    BatchSize: 4,
    MaximumBatchingWindowInSeconds: 30,
    BisectBatchOnFunctionError: true,
    MaximumRetryAttempts: 1,
    DestinationConfig: { OnFailure: { Destination: arnOf('Lost') } },
  };
  using assembly = new WrittenAssembly({
    functions: { Relay: code },
    resources: { Log: table, Lost: queue(), Feed: stream('Relay', changes) },
  });
  await using rehearsal = await rehearse({ assembly: assembly.directory });
  using client = clientOf(rehearsal);

  for (const sk of ['1', '2', '3', '4']) await put(rehearsal, 'a', sk);
  await rehearsal.idle();
  const lost = await taken(client, urlOf(rehearsal, 'Lost'));

  expect(printed(rehearsal, 'Relay')).toEqual([['1', '2', '3', '4'], ['1', '2'], ['3', '4'], ['3'], ['3'], ['4']]);
  expect(lost.map((body) => JSON.parse(body) as JsonObject)).toMatchObject([
    {
      requestContext: { condition: 'RetryAttemptsExhausted', approximateInvokeCount: 2 },
      DDBStreamBatchInfo: { batchSize: 1 },
    },
  ]);
});

test('without a limit a batch is repeated until it is handled', async () => {
  using assembly = new WrittenAssembly({
    functions: { Relay: relay(`if (calls < 4) throw new Error('not yet');`) },
    resources: { Log: table, Feed: stream('Relay') },
  });
  await using rehearsal = await rehearse({ assembly: assembly.directory });

  await put(rehearsal, 'a', '1');
  await rehearsal.idle();

  expect(printed(rehearsal, 'Relay')).toEqual([['1'], ['1'], ['1'], ['1']]);
});

test('with parallelization items go side by side, and changes of one item stay in order', async () => {
  const code = `export const handler = async ({ Records }) => {
    await new Promise((r) => setTimeout(r, 10));
    console.log(JSON.stringify(Records.map(({ dynamodb }) => [dynamodb.Keys.sk.S, Number(dynamodb.NewImage.n.N)])));
  };`;
  using assembly = new WrittenAssembly({
    functions: { Relay: code },
    resources: { Log: table, Feed: stream('Relay', { ParallelizationFactor: 4, BatchSize: 1 }) },
  });
  await using rehearsal = await rehearse({ assembly: assembly.directory });
  const items = Array.from({ length: 8 }, (_, index) => `item-${index}`);

  for (const n of [1, 2, 3]) for (const sk of items) await put(rehearsal, 'a', sk, { n: { N: `${n}` } });
  await rehearsal.idle();
  const handled = printed<readonly (readonly [string, number])[]>(rehearsal, 'Relay').flat();

  expect(rehearsal.counts().functions['Test-Relay']?.coldStarts).toBeGreaterThan(1);
  for (const sk of items) expect(handled.filter(([one]) => one === sk).map(([, n]) => n)).toEqual([1, 2, 3]);
});

test('what was not read before the stream was trimmed is lost, and what comes later is not', async () => {
  using assembly = new WrittenAssembly({
    functions: { Relay: relay('') },
    resources: { Log: table, Feed: stream('Relay', { Enabled: false }) },
  });
  await using rehearsal = await rehearse({ assembly: assembly.directory });
  const [feed] = rehearsal.resources.filter(({ logicalId }) => logicalId === 'Feed');
  const mappingUrl = `${rehearsal.endpoints.lambda}/2015-03-31/event-source-mappings/${String(feed?.ref)}`;

  await put(rehearsal, 'a', 'lost');
  rehearsal.trimStreams();
  await fetch(mappingUrl, { method: 'PUT', body: '{"Enabled":true}' });
  await rehearsal.idle();
  await put(rehearsal, 'a', 'kept');
  await rehearsal.idle();

  expect(printed(rehearsal, 'Relay')).toEqual([['kept']]);
});

test('fails when what is given up would go to a FIFO queue, which Lambda does not take for it', async () => {
  const changes = { MaximumRetryAttempts: 0, DestinationConfig: { OnFailure: { Destination: arnOf('Lost') } } };
  using assembly = new WrittenAssembly({
    functions: { Relay: relay(`throw new Error('poison');`) },
    resources: { Log: table, Lost: queue({ FifoQueue: true }), Feed: stream('Relay', changes) },
  });

  await expect(rehearse({ assembly: assembly.directory })).rejects.toThrow(
    /Feed has arn:\S+Lost\S*\.fifo as its destination/,
  );
});
