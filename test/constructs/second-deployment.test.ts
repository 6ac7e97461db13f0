/** What a second deployment does to the first one, as CloudFormation would do it. */
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { expect, test } from 'vitest';
import { Guild } from '../../lib/constructs/guild.ts';
import type { Agent } from '../../lib/guild/define-agent.ts';
import { defineGuild } from '../../lib/guild/define-guild.ts';
import writer from './fixtures/agents/writer.ts';
import { resourcesOf } from './stack-of.ts';

function deployed(agent: Partial<Agent>, layout: 'flat' | 'nested' = 'flat'): Template {
  const stack = new Stack(new App({ analyticsReporting: false }), 'Shop');
  const agents: Agent[] = [{ ...writer, publishes: [], ...agent }];
  new Guild(stack, 'Guild', { layout, guild: defineGuild({ name: 'shop', agents, topics: { 'draft.**': {} } }) });
  return Template.fromStack(stack);
}

test('a filter that has nothing to say any more, or has again, is an update that CloudFormation can do', () => {
  const filters = [['draft.*'], ['draft.**']].map((subscribes) =>
    [...resourcesOf(deployed({ subscribes }), 'AWS::SNS::Subscription')].map(([id, { Properties }]) => [
      id,
      Properties.FilterPolicyScope,
      Properties.FilterPolicy,
    ]),
  );

  expect(filters[0]?.map(([id, scope]) => [id, scope])).toEqual(filters[1]?.map(([id, scope]) => [id, scope]));
  for (const [, scope, policy] of filters.flat())
    expect([scope, policy]).toEqual(['MessageAttributes', expect.any(Object)]);
  expect(filters[0]?.map(([, , policy]) => policy)).toContainEqual({ depth: ['2'] });
  expect(filters[1]?.map(([, , policy]) => policy)).toContainEqual({ topic: [{ exists: true }] });
});

test.each(['flat', 'nested'] as const)(
  'nothing is published on a topic before its followers are there (%s)',
  (layout) => {
    const template = deployed({}, layout);
    const followers = [
      ...resourcesOf(template, 'AWS::SNS::Subscription').keys(),
      ...resourcesOf(template, 'AWS::CloudFormation::Stack').keys(),
    ];
    const publishers = [...resourcesOf(template, 'AWS::Lambda::Function')].filter(([id]) => /Relay|Ingest/.test(id));

    expect(followers.length).toBeGreaterThan(0);
    expect(publishers).toHaveLength(2);
    for (const [, { DependsOn }] of publishers) expect(DependsOn).toEqual(expect.arrayContaining(followers));
  },
);
