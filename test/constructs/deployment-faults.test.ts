import { App, Stack } from 'aws-cdk-lib';
import { describe, expect, test } from 'vitest';
import { Guild, type GuildProps } from '../../lib/constructs/guild.ts';
import { UndeployableError } from '../../lib/constructs/undeployable-error.ts';
import type { Agent } from '../../lib/guild/define-agent.ts';
import { defineGuild } from '../../lib/guild/define-guild.ts';
import keeper from './fixtures/agents/keeper.ts';
import writer from './fixtures/agents/writer.ts';
import { emptyStack } from './stack-of.ts';

function refusalOf(props: GuildProps, stack: Stack = emptyStack()): UndeployableError {
  try {
    new Guild(stack, 'Guild', props);
  } catch (error) {
    if (error instanceof UndeployableError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

const named = (name: string, template: Agent = writer): Agent => ({ ...template, name });
const many = (count: number, template: Agent = writer) =>
  Array.from({ length: count }, (_, index) => named(`${template.name}-${index}`, template));
const guildOf = (...agents: readonly Agent[]) => defineGuild({ name: 'g', agents });
const writerWith = (deployment: object): GuildProps => ({ guild: guildOf(writer), agents: { writer: deployment } });

describe('what Lambda would refuse when the stack is deployed is refused before', () => {
  test.each<[string, object, string]>([
    [
      'a variable with a name that is none',
      { environment: { 'A-B': 'secret' } },
      'agents.writer.environment.A-B: a name has two or more of A-Z, a-z, 0-9 and _, and begins with a letter',
    ],
    [
      'a variable that Lambda sets',
      { environment: { AWS_REGION: 'secret' } },
      'agents.writer.environment.AWS_REGION: is reserved: the platform, or Lambda itself, sets such variables; use another name',
    ],
    ['too little memory', { memorySize: 64 }, 'agents.writer.memorySize: got 64: allowed are 128 to 10240 MB'],
    ['too much memory', { memorySize: 20_000 }, 'agents.writer.memorySize: got 20000: allowed are 128 to 10240 MB'],
    ['half a MB', { memorySize: 128.5 }, 'agents.writer.memorySize: got 128.5: allowed are 128 to 10240 MB'],
    [
      'a concurrency that is no whole number',
      { maxConcurrency: 2.5 },
      'agents.writer.maxConcurrency: got 2.5: allowed are 2 to 1000',
    ],
  ])('%s', (_, deployment, text) => {
    const { message } = refusalOf(writerWith(deployment));

    expect(message).toBe(`Alone/Guild cannot be deployed: ${text}`);
    expect(message).not.toContain('secret');
  });
});

test.each([['file://host/agent.ts'], ['https://example.com/agent.ts'], ['file:///tmp'], ['file:///a%2Fb']])(
  'an entry that is no file of this machine is refused: %s',
  (entry) => {
    const guild = guildOf(writer);
    const agents = { writer: { ...writer, entry } };

    const { faults } = refusalOf({ guild: { ...guild, agents } as GuildProps['guild'] });

    expect(faults).toMatchObject([{ field: 'agents.writer.entry', problem: expect.stringMatching(/^got ".*": /) }]);
  },
);

test.each(['constructor', 'toString', '__proto__'])(
  'an agent called "%s" is refused: the CDK would say that it is there already',
  (name) => {
    const { message } = refusalOf({ guild: guildOf(named(name)) });

    expect(message).toBe(
      `Alone/Guild cannot be deployed: agents.${name}.name: got "${name}": the CDK has no place for what every object has; use another name`,
    );
  },
);

test('agents may be called as parts of their own constructs are', () => {
  const names = ['Default', 'Resource', 'Host', 'Queue', 'Source', 'Agent', 'system'];

  expect(() => new Guild(emptyStack(), 'Guild', { guild: guildOf(...names.map((name) => named(name))) })).not.toThrow();
});

describe('a guild with more agents than SNS has filters for', () => {
  const textOf = (props: GuildProps) => refusalOf(props).message;

  test('is told so once, by the topic that all agents share', () => {
    const apart = many(201).map((agent, index) => ({ ...agent, subscribes: [`own.of-${index}`] }));

    expect(textOf({ guild: guildOf(...apart), layout: 'nested' })).toBe(
      'Alone/Guild cannot be deployed: agents: the topic of all inboxes is followed by 201 queues but the limit of SNS is 200: split the guild',
    );
  });

  test('is told of the family that is too wide', () => {
    expect(textOf({ guild: guildOf(...many(300)), layout: 'nested' })).toContain(
      'topics.draft.*: is followed by 300 queues but the limit of SNS is 200: split the family, or the guild',
    );
  });

  test('may have fewer of them if they are ordered, and half as many if they have lanes', () => {
    const lanes = Object.fromEntries(many(101).map(({ name }) => [name, { lanes: true }]));

    expect(textOf({ guild: guildOf(...many(101, keeper)), layout: 'nested' })).toMatch(/101 queues .* is 100/);
    expect(textOf({ guild: guildOf(...many(101)), layout: 'nested', agents: lanes })).toMatch(/202 queues .* is 200/);
  });

  test('and 200 are not refused for that', () => {
    const elsewhere = { memorySize: 1 };
    const { message } = refusalOf({
      guild: guildOf(...many(200)),
      layout: 'nested',
      agents: { 'writer-0': elsewhere },
    });

    expect(message).not.toContain('limit of SNS');
  });
});

test('the longest names of a stack and of a family together make names that SNS takes', () => {
  const stack = new Stack(new App({ analyticsReporting: false }), 'Short', { stackName: 'S'.repeat(128) });
  const wide = { [`${'abcdefghijklmnop.'.repeat(7)}*`]: {} };

  expect(
    () => new Guild(stack, 'Guild', { guild: defineGuild({ name: 'g', agents: [writer], topics: wide }) }),
  ).not.toThrow();
});
