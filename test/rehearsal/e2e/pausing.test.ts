import { LambdaClient, ListEventSourceMappingsCommand } from '@aws-sdk/client-lambda';
import { expect, onTestFinished, test } from 'vitest';
import { signedFetch } from '../../../lib/cli/rehearse/signed-fetch.ts';
import { Stage } from '../../../lib/cli/rehearse/stage.ts';
import type { Client } from '../../../lib/http/client/client.ts';
import { createClient } from '../../../lib/http/client/create-client.ts';
import { Result, Task } from './fixtures/doc-formats.ts';
import guild from './fixtures/doc-guild.ts';
import { synthesized } from './stack.ts';

const results = async (client: Client) =>
  (await client.read({ topic: 'doc.results', limit: 1_000 })).items.map(({ payload }) => Result.decode(payload).text);

test('what is published for an agent that is paused everywhere waits, its function rests, and later each is handled once', async () => {
  using assembly = synthesized({ guild, namespaces: ['default', 'other'] });
  const open = { assembly: assembly.folder, stack: undefined, namespace: 'default', timeoutMs: 60_000, log: undefined };
  await using stage = await Stage.open(open);
  const { rehearsal, client } = stage;
  const { apiUrl: url, endpoints, region, credentials } = rehearsal;
  const other = createClient({ url, namespace: 'other', fetch: signedFetch({ region, credentials }) });
  const lambda = new LambdaClient({ endpoint: endpoints.lambda, region, credentials });
  onTestFinished(() => lambda.destroy());
  const [FunctionName = ''] = [...stage.agents].flatMap(([name, agent]) => (agent === 'worker' ? [name] : []));
  const state = async () => {
    const { EventSourceMappings = [] } = await lambda.send(new ListEventSourceMappingsCommand({ FunctionName }));
    return EventSourceMappings[0]?.State;
  };
  const invocations = () => rehearsal.counts().functions[FunctionName]?.invocations ?? 0;
  const texts = ['one', 'two', 'three', 'four', 'five'];

  await client.pause('worker');
  expect(await state()).toBe('Enabled');
  await other.publish('doc.tasks', Task, { text: 'elsewhere' });
  await stage.settled();
  expect(await results(other)).toEqual(['ELSEWHERE']);

  await other.pause('worker');
  while ((await state()) !== 'Disabled') expect(await state()).not.toBe('Enabled');
  const before = invocations();
  for (const text of texts) await client.publish('doc.tasks', Task, { text });
  await stage.settled();
  expect(await client.stats()).toContainEqual(expect.objectContaining({ agent: 'worker', waiting: 5, paused: true }));
  expect(invocations()).toBe(before);
  expect(await results(client)).toEqual([]);

  await client.resume('worker');
  expect(await state()).toBe('Enabled');
  await stage.settled();
  expect((await results(client)).toSorted()).toEqual(texts.map((text) => text.toUpperCase()).toSorted());
  expect(await other.stats()).toContainEqual(expect.objectContaining({ agent: 'worker', waiting: 0, paused: true }));
}, 120_000);
