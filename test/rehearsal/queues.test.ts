import {
  GetEventSourceMappingCommand,
  LambdaClient,
  ListEventSourceMappingsCommand,
  UpdateEventSourceMappingCommand,
} from '@aws-sdk/client-lambda';
import { expect, test } from 'vitest';
import type { Json, JsonObject } from '../../lib/core/json.ts';
import { rehearse } from '../../lib/rehearsal/rehearse.ts';
import { arnOf, mapping, queue, WrittenAssembly } from './fixtures/assembly.ts';
import { clientOf, printed, taken, until, urlOf } from './fixtures/calls.ts';

/** Prints the bodies of each batch; fails the messages that say so, in the way that they say. */
const WORKER = `export const handler = async ({ Records }) => {
  const bodies = Records.map(({ body }) => JSON.parse(body));
  console.log(JSON.stringify(bodies));
  if (bodies.some((body) => body.crash)) process.exit(1);
  if (bodies.some((body) => body.throws)) throw new Error('as asked');
  const failed = Records.filter((_, index) => bodies[index].fails).map(({ messageId }) => ({ itemIdentifier: messageId }));
  const answer = bodies.find((body) => body.answer)?.answer;
  return answer ?? { batchItemFailures: failed };
};`;

const dead = { Dead: queue() };
/** What failed comes back after a second. */
const soon = { visibilitySeconds: 1 };
const redriven = (maxReceiveCount: number, changes: JsonObject = {}) =>
  queue({ RedrivePolicy: { deadLetterTargetArn: arnOf('Dead'), maxReceiveCount }, ...changes });

async function send(
  rehearsal: Awaited<ReturnType<typeof rehearse>>,
  id: string,
  bodies: readonly Json[],
  group?: string,
) {
  using client = clientOf(rehearsal);
  const fifo = (index: number) =>
    group === undefined ? {} : { MessageGroupId: group, MessageDeduplicationId: `${group}${index}` };
  const Entries = bodies.map((body, index) => ({ Id: `${index}`, MessageBody: JSON.stringify(body), ...fifo(index) }));
  await client.sqs('SendMessageBatch', { QueueUrl: urlOf(rehearsal, id), Entries });
}

test('a queue feeds its function with batches, and is empty when all is done', async () => {
  using assembly = new WrittenAssembly({
    functions: { Worker: WORKER },
    resources: { Jobs: queue(), Feed: mapping('Worker', 'Jobs', { BatchSize: 4 }) },
  });
  await using rehearsal = await rehearse({ assembly: assembly.directory });

  await send(
    rehearsal,
    'Jobs',
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((n) => ({ n })),
  );
  await rehearsal.idle();
  const batches = printed<readonly { n: number }[]>(rehearsal, 'Worker');

  expect(
    batches
      .flat()
      .map(({ n }) => n)
      .toSorted((one, other) => one - other),
  ).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  expect(Math.max(...batches.map(({ length }) => length))).toBeLessThanOrEqual(4);
});

test('a batching window gathers what comes while it is open, beyond ten messages', async () => {
  using assembly = new WrittenAssembly({
    functions: { Worker: WORKER },
    resources: {
      Jobs: queue(),
      Feed: mapping('Worker', 'Jobs', { BatchSize: 15, MaximumBatchingWindowInSeconds: 30 }),
    },
  });
  await using rehearsal = await rehearse({ assembly: assembly.directory });

  for (const from of [0, 10])
    await send(rehearsal, 'Jobs', Array.from({ length: 10 }, (_, n) => ({ n: from + n })).slice(0, 15 - from));
  await rehearsal.idle();

  expect(printed<readonly Json[]>(rehearsal, 'Worker').map(({ length }) => length)).toEqual([15]);
});

test('messages that a function reports come back, and go to the dead-letter queue after the last receive', async () => {
  using assembly = new WrittenAssembly({
    functions: { Worker: WORKER },
    resources: { ...dead, Jobs: redriven(2), Feed: mapping('Worker', 'Jobs') },
  });
  await using rehearsal = await rehearse({ assembly: assembly.directory, timings: soon });
  using client = clientOf(rehearsal);

  await send(rehearsal, 'Jobs', [{ n: 1 }, { n: 2, fails: true }, { n: 3 }]);
  await rehearsal.idle();
  const all = printed<readonly { n: number }[]>(rehearsal, 'Worker')
    .flat()
    .map(({ n }) => n);

  expect(all.filter((n) => n === 2)).toHaveLength(2);
  expect(all.filter((n) => n !== 2).toSorted()).toEqual([1, 3]);
  expect(await taken(client, urlOf(rehearsal, 'Dead'))).toEqual(['{"n":2,"fails":true}']);
});

test.for([
  ['an error', { throws: true }],
  ['a process that ends', { crash: true }],
  ['an id of no message', { answer: { batchItemFailures: [{ itemIdentifier: 'nobody' }] } }],
  ['an empty id', { answer: { batchItemFailures: [{ itemIdentifier: '' }] } }],
  ['an id under another name', { answer: { batchItemFailures: [{ messageId: 'x' }] } }],
] as const)('a whole batch fails with %s', async ([, fault]) => {
  using assembly = new WrittenAssembly({
    functions: { Worker: WORKER },
    resources: {
      ...dead,
      Jobs: redriven(1),
      Feed: mapping('Worker', 'Jobs', { BatchSize: 2, MaximumBatchingWindowInSeconds: 30 }),
    },
  });
  await using rehearsal = await rehearse({ assembly: assembly.directory, timings: soon });
  using client = clientOf(rehearsal);

  await send(rehearsal, 'Jobs', [{ n: 1 }, { n: 2, ...fault }]);
  await rehearsal.idle();

  expect(await taken(client, urlOf(rehearsal, 'Dead'))).toHaveLength(2);
});

test('without ReportBatchItemFailures an answer counts for nothing', async () => {
  using assembly = new WrittenAssembly({
    functions: { Worker: WORKER },
    resources: { ...dead, Jobs: redriven(1), Feed: mapping('Worker', 'Jobs', { FunctionResponseTypes: [] }) },
  });
  await using rehearsal = await rehearse({ assembly: assembly.directory, timings: soon });
  using client = clientOf(rehearsal);

  await send(rehearsal, 'Jobs', [{ n: 1, fails: true }]);
  await rehearsal.idle();

  expect(await taken(client, urlOf(rehearsal, 'Dead'))).toEqual([]);
});

test('a FIFO queue keeps the order of each group, also behind a message that fails at first', async () => {
  const code = `let failed = false; export const handler = async ({ Records }) => {
    console.log(JSON.stringify(Records.map(({ body, attributes }) => [attributes.MessageGroupId, JSON.parse(body)])));
    if (failed || !Records.some(({ body }) => body === '1')) return;
    failed = true; throw new Error('at first');
  };`;
  using assembly = new WrittenAssembly({
    functions: { Worker: { code, properties: { ReservedConcurrentExecutions: 1 } } },
    resources: { Jobs: queue({ FifoQueue: true }), Feed: mapping('Worker', 'Jobs') },
  });
  await using rehearsal = await rehearse({ assembly: assembly.directory, timings: soon });

  await Promise.all(['a', 'b'].map((group) => send(rehearsal, 'Jobs', [0, 1, 2, 3], group)));
  await rehearsal.idle();
  const handled = printed<readonly (readonly [string, number])[]>(rehearsal, 'Worker').flat();
  const last = (group: string) => [...new Set(handled.filter(([one]) => one === group).map(([, n]) => n))];

  expect(handled.length).toBeGreaterThan(8);
  expect([last('a'), last('b')]).toEqual([
    [0, 1, 2, 3],
    [0, 1, 2, 3],
  ]);
});

test('no more batches run at once than MaximumConcurrency says', async () => {
  const code = `import { appendFileSync } from 'node:fs'; export const handler = async () => {
    console.log('[1]'); await new Promise((r) => setTimeout(r, 20)); console.log('[-1]'); };`;
  using assembly = new WrittenAssembly({
    functions: { Worker: code },
    resources: {
      Jobs: queue(),
      Feed: mapping('Worker', 'Jobs', { BatchSize: 1, ScalingConfig: { MaximumConcurrency: 2 } }),
    },
  });
  await using rehearsal = await rehearse({ assembly: assembly.directory });

  await send(rehearsal, 'Jobs', [1, 2, 3, 4, 5, 6, 7, 8]);
  await rehearsal.idle();

  expect(rehearsal.counts().functions['Test-Worker']).toMatchObject({ invocations: 8, coldStarts: 2 });
});

test('a topic feeds queues by their filter policies, raw or wrapped', async () => {
  const subscription = (queueId: string, changes: JsonObject): JsonObject => ({
    Type: 'AWS::SNS::Subscription',
    Properties: { Protocol: 'sqs', TopicArn: { Ref: 'News' }, Endpoint: arnOf(queueId), ...changes },
  });
  using assembly = new WrittenAssembly({
    resources: {
      News: { Type: 'AWS::SNS::Topic', Properties: {} },
      Raw: queue(),
      Wrapped: queue(),
      ToRaw: subscription('Raw', { RawMessageDelivery: true, FilterPolicy: { kind: [{ prefix: 'a' }] } }),
      ToWrapped: subscription('Wrapped', {}),
    },
  });
  await using rehearsal = await rehearse({ assembly: assembly.directory });
  using client = clientOf(rehearsal);
  const publish = (kind: string) =>
    client.sns(
      'Publish',
      {
        TopicArn: urlOf(rehearsal, 'News'),
        Message: kind,
        'MessageAttributes.entry.1.Name': 'kind',
        'MessageAttributes.entry.1.Value.DataType': 'String',
        'MessageAttributes.entry.1.Value.StringValue': kind,
      },
      {},
    );

  await Promise.all(['apple', 'pear'].map(publish));
  const wrapped = await taken(client, urlOf(rehearsal, 'Wrapped'));

  expect(await taken(client, urlOf(rehearsal, 'Raw'))).toEqual(['apple']);
  expect(wrapped.map((body) => (JSON.parse(body) as JsonObject).Message).toSorted()).toEqual(['apple', 'pear']);
});

test('filter criteria drop what does not match before it reaches the function', async () => {
  const FilterCriteria = { Filters: [{ Pattern: JSON.stringify({ body: { kind: ['wanted'] } }) }] };
  using assembly = new WrittenAssembly({
    functions: { Worker: WORKER },
    resources: { Jobs: queue(), Feed: mapping('Worker', 'Jobs', { FilterCriteria }) },
  });
  await using rehearsal = await rehearse({ assembly: assembly.directory });

  await send(rehearsal, 'Jobs', [{ kind: 'wanted' }, { kind: 'other' }]);
  await rehearsal.idle();

  expect(printed<readonly Json[]>(rehearsal, 'Worker').flat()).toEqual([{ kind: 'wanted' }]);
});

test.for([
  { 'anything-but': { prefix: 'un' } },
  { prefix: { 'equals-ignore-case': 'un' } },
  { 'equals-ignore-case': ['un'] },
])('fails when a filter pattern asks for more than a rehearsal can tell: %j', async (rule) => {
  const FilterCriteria = { Filters: [{ Pattern: JSON.stringify({ body: { kind: [rule] } }) }] };
  using assembly = new WrittenAssembly({
    functions: { Worker: WORKER },
    resources: { Jobs: queue(), Feed: mapping('Worker', 'Jobs', { FilterCriteria }) },
  });

  await expect(rehearse({ assembly: assembly.directory })).rejects.toThrow(/Feed cannot be run: filter operator/);
});

test.for([{}, { visibilitySeconds: 100 }])(
  'fails when a queue hides messages for less time than its function has, which Lambda refuses: %j',
  async (timings) => {
    using assembly = new WrittenAssembly({
      functions: { Worker: { code: WORKER, properties: { Timeout: 31 } } },
      resources: { Jobs: queue(), Feed: mapping('Worker', 'Jobs') },
    });

    const rehearsed = rehearse({ assembly: assembly.directory, timings });

    await expect(rehearsed).rejects.toThrow(/Feed would be refused by Lambda: \S+Jobs hides messages for 30 s.*31 s/);
  },
);

test('a mapping is switched off and on through the API of Lambda', async () => {
  using assembly = new WrittenAssembly({
    functions: { Worker: WORKER },
    resources: { Jobs: queue(), Feed: mapping('Worker', 'Jobs', { Enabled: false }) },
  });
  await using rehearsal = await rehearse({ assembly: assembly.directory });
  const { endpoints, region, credentials } = rehearsal;
  const lambda = new LambdaClient({ endpoint: endpoints.lambda, region, credentials });
  const { EventSourceMappings } = await lambda.send(
    new ListEventSourceMappingsCommand({ FunctionName: 'Test-Worker' }),
  );
  const [{ UUID = '', State } = {}] = EventSourceMappings ?? [];

  await send(rehearsal, 'Jobs', [{ n: 1 }]);
  await rehearsal.idle();
  const whileOff = printed(rehearsal, 'Worker').length;
  await lambda.send(new UpdateEventSourceMappingCommand({ UUID, Enabled: true }));
  await rehearsal.idle();
  await lambda.send(new UpdateEventSourceMappingCommand({ UUID, Enabled: false }));
  await until(async () => (await lambda.send(new GetEventSourceMappingCommand({ UUID }))).State === 'Disabled');
  await send(rehearsal, 'Jobs', [{ n: 2 }]);
  await rehearsal.idle();

  expect([State, whileOff]).toEqual(['Disabled', 0]);
  expect(printed<readonly Json[]>(rehearsal, 'Worker')).toEqual([[{ n: 1 }]]);
});

test('timings are those of the template but for the numbers that are given', async () => {
  using assembly = new WrittenAssembly({
    functions: { Worker: { code: WORKER, properties: { Timeout: 30 } } },
    resources: { Jobs: queue({ VisibilityTimeout: 900, DelaySeconds: 60 }), Feed: mapping('Worker', 'Jobs') },
  });
  await using rehearsal = await rehearse({
    assembly: assembly.directory,
    timings: { visibilitySeconds: 1, delaySeconds: 0 },
  });
  using client = clientOf(rehearsal);

  const { Attributes } = await client.sqs('GetQueueAttributes', {
    QueueUrl: urlOf(rehearsal, 'Jobs'),
    AttributeNames: ['All'],
  });

  expect(Attributes).toMatchObject({ VisibilityTimeout: '1', DelaySeconds: '0' });
});
