import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { expect, test } from 'vitest';
import { rehearse } from '../../lib/rehearsal/rehearse.ts';
import { mapping, queue, WrittenAssembly } from './fixtures/assembly.ts';
import { clientOf, printed, urlOf } from './fixtures/calls.ts';

test('idle waits for messages that are delayed', async () => {
  const code =
    'export const handler = async ({ Records }) => console.log(JSON.stringify(Records.map(({ body }) => body)));';
  using assembly = new WrittenAssembly({
    functions: { Worker: code },
    resources: { Jobs: queue({ DelaySeconds: 1 }), Feed: mapping('Worker', 'Jobs') },
  });
  await using rehearsal = await rehearse({ assembly: assembly.directory });
  using client = clientOf(rehearsal);

  await client.sqs('SendMessage', { QueueUrl: urlOf(rehearsal, 'Jobs'), MessageBody: 'late' });
  await rehearsal.idle();

  expect(printed(rehearsal, 'Worker')).toEqual([['late']]);
});

test('idle fails with what is still busy when the time is up', async () => {
  using assembly = new WrittenAssembly({
    functions: {
      Worker: {
        code: 'export const handler = async () => new Promise((r) => setTimeout(r, 60000));',
        properties: { Timeout: 90 },
      },
    },
    resources: { Jobs: queue({ VisibilityTimeout: 600 }), Feed: mapping('Worker', 'Jobs') },
  });
  await using rehearsal = await rehearse({ assembly: assembly.directory });
  using client = clientOf(rehearsal);

  await client.sqs('SendMessage', { QueueUrl: urlOf(rehearsal, 'Jobs'), MessageBody: 'for ever' });

  await expect(rehearsal.idle({ timeoutMs: 300 })).rejects.toMatchObject({
    code: 'STILL_BUSY',
    message: 'not idle after 300 ms: 1 in Test-Jobs, 1 invocation of Test-Worker, 1 record for Test-Worker',
  });
});

test('idle does not look at queues that it is told to ignore', async () => {
  using assembly = new WrittenAssembly({
    functions: { Worker: 'export const handler = async () => {};' },
    resources: { Later: queue({ DelaySeconds: 900 }), Feed: mapping('Worker', 'Later') },
  });
  await using rehearsal = await rehearse({ assembly: assembly.directory });
  using client = clientOf(rehearsal);

  await client.sqs('SendMessage', { QueueUrl: urlOf(rehearsal, 'Later'), MessageBody: 'in a quarter of an hour' });
  await rehearsal.idle({ ignoring: /Later/ });

  await expect(rehearsal.idle({ timeoutMs: 50 })).rejects.toThrow('not idle after 50 ms: 1 in Test-Later');
});

test('idle waits for an invocation that nobody waits for', async () => {
  const code = `export const handler = async (event) => { await new Promise((r) => setTimeout(r, 200)); console.log(JSON.stringify(event)); };`;
  using assembly = new WrittenAssembly({ functions: { Worker: code } });
  await using rehearsal = await rehearse({ assembly: assembly.directory });
  const { endpoints, region, credentials } = rehearsal;
  const lambda = new LambdaClient({ endpoint: endpoints.lambda, region, credentials });

  const answer = await lambda.send(
    new InvokeCommand({ FunctionName: 'Test-Worker', InvocationType: 'Event', Payload: Buffer.from('{"n":1}') }),
  );
  const before = printed(rehearsal, 'Worker').length;
  await rehearsal.idle();

  expect([answer.StatusCode, before]).toEqual([202, 0]);
  expect(printed(rehearsal, 'Worker')).toEqual([{ n: 1 }]);
});

test('Lambda is invoked through its API, which tells an error of the function from one of the call', async () => {
  const code = `export const handler = async (bad) => { if (bad) throw new Error('as asked'); return 'well'; };`;
  using assembly = new WrittenAssembly({ functions: { Worker: code } });
  await using rehearsal = await rehearse({ assembly: assembly.directory });
  const { endpoints, region, credentials } = rehearsal;
  const lambda = new LambdaClient({ endpoint: endpoints.lambda, region, credentials });
  const invoke = (FunctionName: string, payload: string) =>
    lambda.send(new InvokeCommand({ FunctionName, Payload: Buffer.from(payload) }));

  const well = await invoke('Test-Worker', 'false');
  const failed = await invoke('arn:aws:lambda:us-east-1:000000000000:function:Test-Worker', 'true');

  expect([well.FunctionError, well.Payload?.transformToString()]).toEqual([undefined, '"well"']);
  expect(failed.FunctionError).toBe('Unhandled');
  await expect(invoke('Nobody', '{}')).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
});
