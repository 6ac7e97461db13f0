import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openAwsBackend } from '../../../lib/backends/aws/open-aws-backend.ts';
import type { Subscription } from '../../../lib/backends/backend.ts';
import { openBus } from '../../../lib/bus/bus.ts';
import { genericJson } from '../../../lib/core/format.ts';
import type { GuildManifest } from '../../../lib/environment/guild-manifest.ts';
import { attempts } from '../../aws-emulators/emulated-settings.ts';

const manifest: GuildManifest = {
  guild: 'doc-review',
  maxHops: 32,
  tracing: false,
  threads: true,
  allowUndeclared: false,
  declared: [],
  inferred: [],
  ordered: [],
  agents: [
    {
      name: 'grammar',
      patterns: ['$inbox.grammar', '$self.grammar', 'doc.review'],
      publishes: ['doc.suggestions'],
      onlyWhenTagged: false,
      ordering: 'none',
      guarantee: 'at-least-once',
      ...attempts,
      lease: false,
      lanes: false,
    },
  ],
};
const connection = {
  region: 'eu-central-1',
  messagesTable: 'Messages',
  ledgerTable: 'Ledger',
  topicArnPrefix: 'arn:aws:sns:eu-central-1:111122223333:Stack-',
  queues: { grammar: { url: 'https://sqs.eu-central-1.amazonaws.com/111122223333/grammar', isOrdered: false } },
  manifest,
};
const subscription: Subscription = {
  namespace: 'prod',
  agent: 'grammar',
  patterns: ['doc.review', '$inbox.grammar', '$self.grammar'],
  onlyWhenTagged: false,
  ordering: 'none',
  guarantee: 'at-least-once',
  from: 'now',
};

async function outputs(content: unknown) {
  const folder = await mkdtemp(join(tmpdir(), 'guildwire-'));
  const path = join(folder, 'outputs.json');
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
  return { path, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}

test('a deployment is found by the outputs of its stack', async () => {
  await using file = await outputs({ Stack: { Connection: JSON.stringify(connection), Other: 'x' }, Another: {} });
  await using backend = await openAwsBackend(`aws:${file.path}`);

  await backend.subscribe(subscription);

  expect(backend.features).toMatchObject({ runtimeSubscriptions: false, progress: false });
});

test('of several guilds in one file the stack is named', async () => {
  const Connection = JSON.stringify(connection);
  await using file = await outputs({ Prod: { Connection }, Test: { GuildConnection: Connection } });
  await using backend = await openAwsBackend(`aws:${file.path}#Test`);

  await backend.subscribe(subscription);

  await expect(openAwsBackend(`aws:${file.path}`)).rejects.toThrow(`say which, as in aws:${file.path}#Prod`);
  await expect(openAwsBackend(`aws:${file.path}#Dev`)).rejects.toThrow(/no output Connection of Dev.*Prod, Test/);
});

test('where the outputs of a large guild are in pieces, they are put together, and one that is missing is told', async () => {
  const text = JSON.stringify(connection);
  const cut = [0, 100, 200].map((from, index) => text.slice(from, index === 2 ? undefined : from + 100));
  const [first, second, third] = cut;
  await using whole = await outputs({
    S: { GuildConnection3: third, GuildConnection: first, GuildConnection2: second },
  });
  await using partial = await outputs({ S: { Connection: first, Connection3: third } });
  await using backend = await openAwsBackend(`aws:${whole.path}`);

  await backend.subscribe(subscription);

  await expect(openAwsBackend(`aws:${partial.path}`)).rejects.toThrow(/output Connection of S .* is no JSON object/);
});

test.for([
  ['{}', /no output Connection.*none of a guild/],
  ['no JSON', /is no JSON object: deploy once more/],
  [{ Stack: { Connection: 'no JSON' } }, /output Connection of Stack .* is no JSON object/],
] as const)('fails when the outputs are %j', async ([content, message]) => {
  await using file = await outputs(content);

  await expect(openAwsBackend(`aws:${file.path}`)).rejects.toThrow(message);
});

test('fails when there are no outputs, no manifest, or no tables', async () => {
  await expect(openAwsBackend('aws:/nowhere.json')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  await expect(openAwsBackend('aws:')).rejects.toThrow(/^manifest: is missing/);
  await expect(openAwsBackend('aws:', { manifest })).rejects.toThrow(
    /messagesTable: is missing.*ledgerTable: is missing/,
  );
});

test.for([
  [{ agent: 'style' }, /"style", which is not deployed \(there are grammar\)/],
  [
    { patterns: ['doc.review'] },
    /has patterns \["doc.review"\] here and .* as deployed: deploy guild "doc-review" again/,
  ],
  [{ ordering: 'key' }, /has ordering "key" here and "none" as deployed/],
  [{ guarantee: 'exactly-once' }, /has guarantee "exactly-once" here/],
] as const)('a subscription that the deployment has otherwise is refused: %j', async ([changed, message]) => {
  await using backend = await openAwsBackend('aws:', connection);

  await expect(backend.subscribe({ ...subscription, ...changed })).rejects.toThrow(message);
});

test('a namespace that the deployment does not serve is refused, where a message would reach nobody', async () => {
  await using backend = await openAwsBackend('aws:', { ...connection, namespaces: ['prod', 'pilot'] });
  await using dynamic = await openAwsBackend('aws:', connection);
  const bus = openBus(backend, { namespace: 'default', sender: 'user:ada' });
  const refused = /namespace: got "default", which this deployment does not serve \(it serves prod, pilot\)/;

  await expect(bus.publish('doc.review', genericJson, 'hello')).rejects.toThrow(refused);
  await expect(backend.subscribe({ ...subscription, namespace: 'default' })).rejects.toThrow(refused);
  await backend.subscribe(subscription);
  await dynamic.subscribe({ ...subscription, namespace: 'default' });
});

test('what only a deployment can do is refused', async () => {
  await using backend = await openAwsBackend('aws:', connection);

  await expect(backend.subscribe({ ...subscription, from: 'beginning' })).rejects.toMatchObject({
    code: 'UNSUPPORTED_FEATURE',
  });
  await expect(backend.unsubscribe()).rejects.toMatchObject({ code: 'UNSUPPORTED_FEATURE' });
  await expect(backend.fates('prod', { topic: 'a', id: '0'.repeat(26) as never })).rejects.toMatchObject({
    code: 'UNSUPPORTED_FEATURE',
  });
  await expect(backend.pause('prod', 'style', true)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  const request = { agent: 'style', namespaces: ['prod'], max: 1, leaseMs: 1_000, waitMs: 0 };
  await expect(backend.lease(request)).rejects.toThrow(/this deployment has queues of grammar/);
});
