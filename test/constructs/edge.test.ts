import { expect, test } from 'vitest';
import { awsSettings } from '../../lib/backends/aws/aws-settings.ts';
import { familyTopicName } from '../../lib/environment/aws-names.ts';
import { queueUrlsOf } from '../../lib/environment/aws-queue-names.ts';
import { defineGuild } from '../../lib/guild/define-guild.ts';
import { emptyManifest } from '../aws-emulators/emulated-settings.ts';
import keeper from './fixtures/agents/keeper.ts';
import writer from './fixtures/agents/writer.ts';
import { allows, plain, rolesOf } from './iam-oracle.ts';
import { resourcesOf, stackOf } from './stack-of.ts';

const follower = { ...writer, subscribes: ['fast.*', 'slow.*'] };
const ordered = { ...keeper, subscribes: ['kept.*'] };
const guild = defineGuild({
  name: 'direct',
  agents: [follower, ordered],
  topics: { 'fast.*': { relay: 'direct' }, 'slow.*': {}, 'kept.*': { relay: 'direct' }, '**': {} },
});
const { template } = stackOf({ guild, agents: { writer: { lanes: true } }, namespaces: ['prod'] });
const roles = [...rolesOf(template)];
const idOf = (type: string, part: string) => [...resourcesOf(template, type).keys()].find((id) => id.includes(part));

test('ingest publishes to SNS what is relayed directly, unless an ordered agent follows it', () => {
  const [, ingest = []] = roles.find(([id]) => id.includes('EdgeIngest')) ?? [];
  const names = new Map(
    [...resourcesOf(template, 'AWS::SNS::Topic')].map(([id, { Properties }]) => [id, plain(Properties.TopicName)]),
  );
  const may = [...names].filter(([id]) => allows(ingest, { action: 'sns:Publish', resource: id }));

  expect(may.map(([, name]) => name.replace('Fixture-', '')).toSorted()).toEqual(
    [familyTopicName('fast.*', false), 'system', 'system.fifo'].toSorted(),
  );
});

test('the function that pauses knows the event sources of all agents, as the backend reads them', () => {
  const functions = [...resourcesOf(template, 'AWS::Lambda::Function').values()];
  const ingest = functions.find(({ Properties }) => Properties.Description === 'Publishes to the guild');
  const sources = plain(ingest?.Properties.Environment.Variables.GUILDWIRE_SOURCES);
  const settings = awsSettings(
    { manifest: emptyManifest, messagesTable: 'm', ledgerTable: 'l' },
    { sources, namespaces: 'prod,pilot' },
  );

  expect(settings.sources).toEqual({
    writer: [
      idOf('AWS::Lambda::EventSourceMapping', 'writerSource'),
      idOf('AWS::Lambda::EventSourceMapping', 'Urgent'),
    ],
    keeper: [idOf('AWS::Lambda::EventSourceMapping', 'keeperSource')],
  });
  expect(settings.namespaces).toEqual(['prod', 'pilot']);
});

test('the functions of the API know the queues of all agents, and may look how much waits there, and no more', () => {
  const functions = [...resourcesOf(template, 'AWS::Lambda::Function').values()];
  const edges = ['Ingest', 'History'].map((name) => `arn:${idOf('AWS::IAM::Role', `Edge${name}Role`)}`);

  for (const { Properties } of functions) {
    const { GUILDWIRE_QUEUES: value } = Properties.Environment.Variables;
    const isEdge = ['Publishes to the guild', 'Reads what was said'].includes(Properties.Description);
    expect(value !== undefined, Properties.Description).toBe(isEdge);
    if (!isEdge) continue;
    const urls = queueUrlsOf(plain(value).replace(/"url":"/, '"url":"https://sqs/1/'));
    expect(Object.keys(urls ?? {})).toEqual(['writer', 'keeper']);
    expect(urls?.writer?.urgentUrl).toContain('Urgent');
    expect(urls?.keeper?.urgentUrl).toBeUndefined();
  }
  for (const [id, { Properties }] of resourcesOf(template, 'AWS::SQS::QueuePolicy')) {
    if (!id.includes('Agents')) continue;
    // biome-ignore lint/suspicious/noExplicitAny: statements of a template are what they are
    const statements: any[] = Properties.PolicyDocument.Statement;
    const ofRoles = statements.filter(({ Principal }) => Principal.AWS !== undefined && Principal.AWS !== '*');
    const counting = ofRoles.filter(({ Action }) => Action === 'sqs:GetQueueAttributes');

    expect(
      counting.map(({ Principal }) => plain(Principal.AWS)),
      id,
    ).toEqual(id.includes('DeadLetters') ? [] : edges);
    expect(ofRoles, id).toHaveLength(id.includes('DeadLetters') ? 1 : counting.length);
  }
});
