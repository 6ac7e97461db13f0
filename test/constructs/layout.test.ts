import { App, NestedStack, Stack } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import { beforeAll, expect, test } from 'vitest';
import { Guild } from '../../lib/constructs/guild.ts';
import type { Agent } from '../../lib/guild/define-agent.ts';
import { defineGuild } from '../../lib/guild/define-guild.ts';
import keeper from './fixtures/agents/keeper.ts';
import writer from './fixtures/agents/writer.ts';
import { emptyStack, resourcesOf } from './stack-of.ts';

const AGENTS = 60;

let stack: Stack;
let nested: readonly NestedStack[];

beforeAll(() => {
  const writers = Array.from({ length: AGENTS - 1 }, (_, index): Agent => ({ ...writer, name: `writer-${index}` }));
  stack = new Stack(new App({ analyticsReporting: false }), 'Sixty');
  new Guild(stack, 'Guild', {
    guild: defineGuild({ name: 'sixty', agents: [...writers, keeper] }),
    layout: 'nested',
    namespaces: ['prod'],
  });
  nested = stack.node.findAll().filter((construct) => construct instanceof NestedStack);
});

test('sixty agents fit, each with what is its own in a stack nested in that of the guild', () => {
  const template = Template.fromStack(stack);
  const [first] = nested;
  const agent = Template.fromStack(first as NestedStack);

  expect(nested).toHaveLength(AGENTS);
  template.resourceCountIs('AWS::CloudFormation::Stack', AGENTS);
  expect(Object.keys(template.toJSON().Resources).length).toBeLessThan(500);
  agent.resourceCountIs('AWS::Lambda::Function', 1);
  agent.resourceCountIs('AWS::SQS::Queue', 2);
  agent.resourceCountIs('AWS::DynamoDB::GlobalTable', 0);
  expect(Object.values(template.findResources('AWS::DynamoDB::GlobalTable'))).toHaveLength(2);
});

test('the parts of a guild of sixty are within what AWS takes', () => {
  const template = Template.fromStack(stack);
  const alarms = [...resourcesOf(template, 'AWS::CloudWatch::Alarm').values()];
  const rules = [...resourcesOf(template, 'AWS::Events::Rule').values()];
  const targets = rules.flatMap(({ Properties }) => Properties.Targets);

  for (const { Properties } of alarms) expect(Properties.Metrics.length).toBeLessThanOrEqual(11);
  for (const { Properties } of rules) expect(Properties.Targets.length).toBeLessThanOrEqual(5);
  for (const { Input } of targets) expect(JSON.stringify(Input).length).toBeLessThan(8_192);
  expect(targets.filter(({ Input }) => JSON.stringify(Input).includes('runsPlans\\":true'))).toHaveLength(1);
});

test('the queues of sixty do not fit into an environment, and synthesis says what that means', () => {
  const functions = [...resourcesOf(Template.fromStack(stack), 'AWS::Lambda::Function').values()];
  const variables = functions.flatMap(({ Properties }) => Object.keys(Properties.Environment?.Variables ?? {}));

  expect(variables).not.toContain('GUILDWIRE_QUEUES');
  Annotations.fromStack(stack).hasInfo(
    '/Sixty/Guild/Edge',
    Match.stringLikeRegexp('60 agents .* the API does not tell what waits for them'),
  );
});

test('those of thirty do, in either layout', () => {
  for (const layout of ['flat', 'nested'] as const) {
    const alone = emptyStack();
    const agents = Array.from({ length: 30 }, (_, index): Agent => ({ ...writer, name: `writer-${index}` }));
    new Guild(alone, 'Guild', {
      guild: defineGuild({ name: 'thirty', agents }),
      layout,
      api: false,
      monitoring: false,
    });
    const functions = [...resourcesOf(Template.fromStack(alone), 'AWS::Lambda::Function').values()];
    const history = functions.find(({ Properties }) => Properties.Description === 'Reads what was said');

    expect(history?.Properties.Environment.Variables).toHaveProperty('GUILDWIRE_QUEUES');
  }
});

test('what the filters cannot say is a warning at synthesis', () => {
  const alone = emptyStack();
  const picky: Agent = { ...writer, subscribes: ['draft.*', 'a.*.*.*.e'] };
  new Guild(alone, 'Guild', { guild: defineGuild({ name: 'picky', agents: [picky], topics: { '**': {} } }) });

  Annotations.fromStack(alone).hasWarning(
    '/Alone/Guild/Agents/writer',
    Match.stringLikeRegexp('the filter of writer on \\*\\* cannot say parts of a'),
  );
});
