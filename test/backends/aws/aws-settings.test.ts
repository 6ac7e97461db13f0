import { expect, test } from 'vitest';
import { awsSettings, familiesOf, isOrderedTopic, patternsOf } from '../../../lib/backends/aws/aws-settings.ts';
import { attempts, emptyManifest, manifestFamily } from '../../aws-emulators/emulated-settings.ts';

const agent = {
  ...attempts,
  publishes: [],
  onlyWhenTagged: false,
  guarantee: 'exactly-once',
  lease: false,
  lanes: false,
} as const;
const manifest = {
  ...emptyManifest,
  tracing: true,
  threads: false,
  declared: [manifestFamily('doc.*', { retentionDays: 7, shards: 4 })],
  inferred: [manifestFamily('other')],
  ordered: ['doc.*', '$**'],
  agents: [{ ...agent, name: 'one', patterns: ['doc.*'], ordering: 'key' } as const],
  allowUndeclared: false,
};

test('what is not given comes from the environment, as an agent has it', () => {
  const environment = {
    messagesTable: 'm',
    ledgerTable: 'l',
    bucket: 'b',
    agent: 'one',
    queue: 'https://queue',
    urgentQueue: 'https://urgent',
  };

  const settings = awsSettings({ manifest, ledgerTable: 'given' }, environment);

  expect(settings).toMatchObject({
    messagesTable: 'm',
    ledgerTable: 'given',
    bucket: 'b',
    tracing: true,
    threads: false,
    timeoutMs: 10_000,
    queues: { one: { url: 'https://queue', urgentUrl: 'https://urgent', isOrdered: true } },
  });
  expect(settings.delaysQueue).toBeUndefined();
});

test('the queues of all agents come in one variable, of which the names are written out', () => {
  const environment = { messagesTable: 'm', ledgerTable: 'l' };
  const names = { one: 'S-one.fifo', two: ['S-two', 'S-urgent'], gone: 'S-gone' };
  const url = 'https://sqs.eu-central-1.amazonaws.com/111122223333/S-two';
  const agents = [...manifest.agents, { ...agent, name: 'two', patterns: [], ordering: 'none' } as const];
  const queuesOf = (queues: string) =>
    awsSettings({ manifest: { ...manifest, agents } }, { ...environment, queues }).queues;

  expect(queuesOf(JSON.stringify({ url, names }))).toEqual({
    one: { url: 'https://sqs.eu-central-1.amazonaws.com/111122223333/S-one.fifo', isOrdered: true },
    two: {
      url: 'https://sqs.eu-central-1.amazonaws.com/111122223333/S-two',
      urgentUrl: 'https://sqs.eu-central-1.amazonaws.com/111122223333/S-urgent',
      isOrdered: false,
    },
  });
  for (const text of ['no JSON', 'null', '{}', '{"url":"x"}'])
    expect(() => queuesOf(text)).toThrow(/^GUILDWIRE_QUEUES: is no JSON with url and names/);
});

test('a function of any namespace knows none, and event sources that are written wrong are refused', () => {
  const environment = { messagesTable: 'm', ledgerTable: 'l' };
  const settingsOf = (more: object) => awsSettings({ manifest }, { ...environment, ...more });

  expect(settingsOf({ namespaces: '*' }).namespaces).toBeUndefined();
  expect(settingsOf({ namespaces: 'prod, pilot' }).namespaces).toEqual(['prod', 'pilot']);
  expect(settingsOf({}).sources).toEqual({});
  for (const sources of ['no JSON', 'null', '{"one":1}', '{"one":[null]}'])
    expect(() => settingsOf({ sources })).toThrow(/^GUILDWIRE_SOURCES: is no JSON with UUIDs by agent/);
});

test('everything that is missing or wrong is named at once', () => {
  expect(() => awsSettings({ manifest, timeoutMs: Number.NaN, tailPollMs: 0 }, {})).toThrow(
    /^timeoutMs: got NaN.*; tailPollMs: got 0.*; messagesTable: is missing.*; ledgerTable: is missing/,
  );
});

test('families, ordered topics and patterns are those of the manifest', () => {
  const families = familiesOf(manifest);
  const settings = { families, manifest };

  expect(families.of('doc.a')).toMatchObject({ retentionDays: 7, shards: 4 });
  expect([families.of('other')?.pattern, families.of('nowhere')]).toEqual(['other', undefined]);
  expect(['doc.a', 'other', '$self.one', 'nowhere'].map((topic) => isOrderedTopic(settings, topic))).toEqual([
    true,
    false,
    true,
    false,
  ]);
  expect([patternsOf(settings, 'one'), patternsOf(settings, 'two')]).toEqual([['doc.*'], []]);
});
