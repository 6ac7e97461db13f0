import { expect, test } from 'vitest';
import { connectionIn } from './connection-in.ts';
import { allows, rolesOf, type Statement } from './iam-oracle.ts';
import { resourcesOf, stackOf } from './stack-of.ts';

const { template } = stackOf({ namespaces: ['prod', 'pilot'] });
const roles = rolesOf(template);
const source = 'arn:AWS::Partition:lambda:AWS::Region:AWS::AccountId:event-source-mapping:a-uuid';
const may = (role: readonly Statement[], guildTag: string | undefined) =>
  allows(role, {
    action: 'lambda:UpdateEventSourceMapping',
    resource: source,
    tags: guildTag === undefined ? {} : { 'guildwire:guild': guildTag },
  });

test('event sources of agents are turned off and on by who pauses and by the janitor, and no other guild’s', () => {
  for (const [id, statements] of roles) {
    expect(may(statements, 'Fixture'), id).toBe(/EdgeIngest|JanitorHost/.test(id));
    expect(may(statements, 'Another'), id).toBe(false);
    expect(may(statements, undefined), id).toBe(false);
  }
});

test('event sources of agents bear the tag of their guild, and that of the log does not', () => {
  for (const [id, { Properties }] of resourcesOf(template, 'AWS::Lambda::EventSourceMapping')) {
    const isOfAgent = id.startsWith('GuildAgents');
    expect(Properties.Tags, id).toEqual(isOfAgent ? [{ Key: 'guildwire:guild', Value: 'Fixture' }] : undefined);
  }
});

test('where any namespace is served, nobody but the janitor knows event sources, which turns on what was off before', () => {
  const { template: dynamic } = stackOf({ namespaces: 'dynamic' });
  const mayPause = [...rolesOf(dynamic)].filter(([, statements]) => may(statements, 'Fixture')).map(([id]) => id);
  const variables = [...resourcesOf(dynamic, 'AWS::Lambda::Function').values()].flatMap(({ Properties }) =>
    Object.keys(Properties.Environment?.Variables ?? {}),
  );
  const [rule] = [...resourcesOf(dynamic, 'AWS::Events::Rule').values()];

  expect(mayPause).toEqual([expect.stringContaining('JanitorHost')]);
  expect(variables).not.toContain('GUILDWIRE_SOURCES');
  expect(connectionIn(dynamic)).not.toHaveProperty('sources');
  expect(connectionIn(dynamic)).not.toHaveProperty('namespaces');
  expect(JSON.stringify(rule?.Properties.Targets)).toContain('sources\\":');
});
