import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, NestedStack, Stack } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { awsConnection } from '../../lib/backends/aws/aws-connection.ts';
import { Guild } from '../../lib/constructs/guild.ts';
import type { Agent } from '../../lib/guild/define-agent.ts';
import { defineGuild } from '../../lib/guild/define-guild.ts';
import { StackScope } from '../../lib/rehearsal/resources/stack-scope.ts';
import { readAssembly } from '../../lib/rehearsal/template/read-assembly.ts';
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

test('programs outside learn where sixty agents are, in pieces of which none is too long', async () => {
  const emulated = { account: '000000000000', region: 'us-east-1' };
  const { directory } = (stack.node.root as App).synth();
  const { stack: assembled } = readAssembly(directory, 'Sixty', emulated);
  const place = { ...emulated, sqsEndpoint: 'http://sqs', apiUrl: 'http://api' };
  const outputs = new StackScope(assembled, place).outputs();
  const pieces = Object.keys(outputs).filter((name) => name.startsWith('Connection'));
  const folder = mkdtempSync(join(tmpdir(), 'guildwire-layout-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'outputs.json');
  writeFileSync(file, JSON.stringify({ Sixty: Object.fromEntries(Object.entries(outputs).toReversed()) }));
  const { manifest, queues = {}, sources = {}, namespaces } = await awsConnection(`aws:${file}`);

  expect(pieces.length).toBeGreaterThan(1);
  for (const name of pieces) expect(outputs[name]?.length, name).toBeLessThanOrEqual(4_096);
  expect(manifest?.agents).toHaveLength(AGENTS);
  expect(namespaces).toEqual(['prod']);
  expect(Object.keys(queues)).toHaveLength(AGENTS);
  expect(queues.keeper?.url).toMatch(/^http:\/\/sqs\/000000000000\/.*\.fifo$/);
  expect(sources['writer-7']).toEqual([expect.stringMatching(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)]);
  expect(new Set(Object.values(sources).flat()).size).toBe(AGENTS);
});

test('the queues of sixty do not fit into an environment, and synthesis says what that means', () => {
  const functions = [...resourcesOf(Template.fromStack(stack), 'AWS::Lambda::Function').values()];
  const variables = functions.flatMap(({ Properties }) => Object.keys(Properties.Environment?.Variables ?? {}));

  expect(variables).not.toContain('GUILDWIRE_QUEUES');
  expect(variables).not.toContain('GUILDWIRE_SOURCES');
  Annotations.fromStack(stack).hasInfo(
    '/Sixty/Guild/Edge',
    Match.stringLikeRegexp('60 agents .* the API does not tell what waits for them'),
  );
  Annotations.fromStack(stack).hasInfo(
    '/Sixty/Guild/Edge',
    Match.stringLikeRegexp('event sources of 60 agents .* pauses over the API reach them within 5 minutes'),
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
