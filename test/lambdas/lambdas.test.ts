import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CreateTopicCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AwsBackend } from '../../lib/backends/aws/aws-backend.ts';
import type { QueueEvent } from '../../lib/backends/aws/queues/lambda-batch.ts';
import { familyTopicName } from '../../lib/environment/aws-names.ts';
import { family, follower, manifestOf, recordOf } from '../backends/aws/relay/lab.ts';
import { AgentLab, eventOf, say } from '../hosts/lambda/agent-lab.ts';
import { httpEvent } from '../hosts/lambda/lab.ts';
import { type Bundle, Bundles, invoked } from './bundles.ts';
import shouter from './fixtures/shouter.ts';

const manifest = manifestOf([follower('shouter', ['doc.said'], { publishes: ['doc.shouted'] })], [family('doc.*')]);
const roles = ['ingest', 'history', 'relay', 'janitor'] as const;
let lab: AgentLab;
let bundles: Bundles;
const built = new Map<string, Bundle>();
let environment: Record<string, string>;
let queue: string;

beforeAll(async () => {
  lab = await AgentLab.start();
  bundles = new Bundles([shouter], manifest);
  for (const role of roles) built.set(role, bundles.role(role));
  built.set('agent', bundles.agent('shouter'));
  const { endpoints, region, account, credentials } = lab.emulators;
  const { messagesTable, ledgerTable } = lab.options as Record<string, string>;
  queue = reachable(await lab.queue('Shouter'));
  environment = {
    PATH: '/usr/bin',
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_ENDPOINT_URL_DYNAMODB: endpoints.dynamodb,
    AWS_ENDPOINT_URL_SQS: endpoints.sqs,
    AWS_ENDPOINT_URL_SNS: endpoints.sns,
    GUILDWIRE_MESSAGES_TABLE: messagesTable as string,
    GUILDWIRE_LEDGER_TABLE: ledgerTable as string,
    GUILDWIRE_NAMESPACES: 'prod',
    GUILDWIRE_AGENT: 'shouter',
    GUILDWIRE_QUEUE: queue,
    GUILDWIRE_TOPIC_ARN_PREFIX: `arn:aws:sns:${region}:${account}:Docs-`,
    GUILDWIRE_DELAYS_QUEUE: reachable(await lab.queue('Delays')),
    GUILDWIRE_SAFETY_QUEUE: reachable(await lab.queue('Safety')),
  };
});

afterAll(async () => {
  bundles[Symbol.dispose]();
  await lab[Symbol.asyncDispose]();
});

/** The emulator names its queues by a host that nobody resolves. */
const reachable = (url: string) => `${lab.emulators.endpoints.sqs}${new URL(url).pathname}`;
const bundleOf = (name: string) => built.get(name) as Bundle;
const run = (name: string, event: unknown) => invoked(bundleOf(name), event, environment);
const read = async (topic: string) => {
  await using backend = new AwsBackend({ ...lab.options, manifest });
  return (await backend.read({ namespace: 'prod', where: { topic }, order: 'id', limit: 100 })).items;
};

test('an agent’s function loads at most 450 KB when it starts, and nothing of servers, schemas and commands', () => {
  const { initialBytes, packages, files } = bundleOf('agent');

  expect(initialBytes).toBeLessThanOrEqual(450 * 1_000);
  for (const name of ['zod', 'hono', '@hono/node-server', 'yaml', 'commander', 'aws-cdk-lib', 'ioredis'])
    expect(packages).not.toContain(name);
  expect(
    files.filter((path) => /^lib\/(?:http|cli|testing|dev|configuration|constructs|rehearsal)\//.test(path)),
  ).toEqual([]);
  expect(files.filter((path) => /^lib\/backends\/(?:memory|redis|metered)\//.test(path))).toEqual([]);
  expect(files).toContain('lib/guild/agent-runner.ts');
});

test('only functions that turn event sources off and on hold the client for it, and load it when they do', () => {
  const holding = [...built].filter(([, { packages }]) => packages.includes('@aws-sdk/client-lambda'));
  const loaded = [...built.values()].flatMap(({ initialFiles }) =>
    initialFiles.map((file) => readFileSync(file, 'utf8')),
  );

  expect(holding.map(([name]) => name).toSorted()).toEqual(['ingest', 'janitor']);
  expect(loaded.filter((code) => code.includes('/event-source-mappings'))).toEqual([]);
});

test('only the function that gives places for uploads holds what signs them, and loads it when it does', () => {
  const presigner = '@aws-sdk/s3-request-presigner';
  const holding = [...built].filter(([, { packages }]) => packages.includes(presigner));
  const initial = bundleOf('ingest').initialFiles.map((file) => readFileSync(file, 'utf8'));

  expect(holding.map(([name]) => name)).toEqual(['ingest']);
  expect(initial.some((code) => code.includes('S3RequestPresigner'))).toBe(false);
});

test('no function looks for credentials anywhere but in its environment', () => {
  for (const name of [...roles, 'agent']) {
    const found = bundleOf(name).packages.filter((each) =>
      /nested-clients|credential-provider-(?:ini|node|imds)/.test(each),
    );
    expect(found, name).toEqual([]);
  }
});

test('what is published by invoking goes through relay, queue and agent, and is read over the API', async () => {
  const { endpoints, region, account, credentials } = lab.emulators;
  const sns = new SNSClient({ endpoint: endpoints.sns, region, credentials });
  const Name = `Docs-${familyTopicName('doc.*', false)}`;
  const { TopicArn } = await sns.send(new CreateTopicCommand({ Name }));
  const Endpoint = `arn:aws:sqs:${region}:${account}:Shouter`;
  const Attributes = { RawMessageDelivery: 'true' };
  await sns.send(new SubscribeCommand({ TopicArn, Protocol: 'sqs', Endpoint, Attributes }));
  sns.destroy();

  const stored = await run('ingest', {
    namespace: 'prod',
    topic: 'doc.said',
    format: 'doc.text',
    payload: { text: 'hi' },
  });
  expect(stored).toMatchObject({ duplicate: false });
  const [message] = await read('doc.said');
  if (message === undefined) throw new Error('nothing was stored');
  expect(await run('relay', { Records: [recordOf(message)] })).toEqual({ batchItemFailures: [] });
  const event = await received();
  expect(await run('agent', event)).toEqual({ batchItemFailures: [] });

  const page = await run('history', httpEvent('/v1/namespaces/prod/topics/doc.shouted/messages'));
  expect(page).toMatchObject({ statusCode: 200 });
  expect(JSON.parse((page as { body: string }).body)).toMatchObject({
    items: [{ payload: { text: 'HI' }, sender: { id: 'shouter' } }],
  });
});

test('the janitor makes dead letters of what got stuck', async () => {
  const dead = reachable(await lab.queue('ShouterDead'));
  const [record] = eventOf(say({ text: 'lost' }, { topic: 'doc.said', topics: ['doc.said'] })).Records;
  await lab.sqs.send(new SendMessageCommand({ QueueUrl: dead, MessageBody: record?.body }));

  const answer = await run('janitor', {
    kind: 'guildwire.janitor',
    deadLetterQueues: { shouter: dead },
    sources: {},
    runsPlans: true,
  });

  expect(answer).toMatchObject({ buried: 1 });
  expect(await read('$dead.shouter')).toMatchObject([{ payload: { reason: 'safety-net' } }]);
});

test.each([...roles, 'agent'])('fails when %s starts, with what its environment lacks', async (name) => {
  const { GUILDWIRE_MESSAGES_TABLE: _, GUILDWIRE_NAMESPACES: __, ...lacking } = environment;

  await expect(invoked(bundleOf(name), {}, lacking)).rejects.toThrow(/is not set|is missing/);
});

test('each file of a function is a few lines over the library', () => {
  for (const name of [...roles, 'agent']) {
    const lines = readFileSync(join(import.meta.dirname, '..', '..', 'lambdas', `${name}.ts`), 'utf8').split('\n');
    expect(lines.length, name).toBeLessThan(25);
  }
});

/** What waits in the agent's queue, as AWS hands it to its function. */
async function received(): Promise<QueueEvent> {
  await using backend = new AwsBackend({
    ...lab.options,
    manifest,
    queues: { shouter: { url: queue, isOrdered: false } },
  });
  const request = { agent: 'shouter', namespaces: ['prod'], max: 10, leaseMs: 30_000, waitMs: 10_000 };
  const leases = await backend.lease(request);
  return eventOf(...leases.flatMap(({ message }) => message ?? []));
}
