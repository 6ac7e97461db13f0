import { App, Stack } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { beforeAll, describe, expect, test } from 'vitest';
import { Guild, type GuildProps } from '../../lib/constructs/guild.ts';
import { UndeployableError } from '../../lib/constructs/undeployable-error.ts';
import type { Agent } from '../../lib/guild/define-agent.ts';
import { defineGuild } from '../../lib/guild/define-guild.ts';
import keeper from './fixtures/agents/keeper.ts';
import thinker from './fixtures/agents/thinker.ts';
import writer from './fixtures/agents/writer.ts';
import { emptyStack } from './stack-of.ts';

/** A guild that a cast got past its definition. */
const guildOf = (agents: readonly Agent[]) => {
  const guild = defineGuild({ name: 'g', agents: [writer] });
  return { ...guild, agents: Object.fromEntries(agents.map((agent) => [agent.name, agent])) };
};
const many = (count: number) =>
  Array.from({ length: count }, (_, index): Agent => ({ ...writer, name: `writer-${index}` }));

function refusal(props: GuildProps, stack = emptyStack()): UndeployableError {
  try {
    new Guild(stack, 'Guild', props);
  } catch (error) {
    if (error instanceof UndeployableError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

const agentWith = (changes: object): GuildProps => ({ guild: guildOf([{ ...writer, ...changes } as Agent]) });

describe('a guild that AWS cannot hold is refused with path, limit and value', () => {
  test.each<[string, GuildProps, string, RegExp]>([
    [
      'an agent without entry',
      agentWith({ entry: undefined }),
      'agents.writer.entry',
      /got undefined: write import\.meta\.url/,
    ],
    [
      'an entry that is no file',
      agentWith({ entry: 'file:///no/such.ts' }),
      'agents.writer.entry',
      /there is no such file/,
    ],
    ['a timeout', agentWith({ timeoutMs: 870_001 }), 'agents.writer.timeoutMs', /got 870001: the limit is 870000 ms/],
    ['a beginning', agentWith({ from: 'beginning' }), 'agents.writer.from', /got "beginning": here it is 'now'/],
    [
      'a name',
      { guild: guildOf([{ ...writer, name: 'n'.repeat(49) } as Agent]) },
      `agents.${'n'.repeat(49)}.name`,
      /1 to 48/,
    ],
    [
      'lanes of an ordered agent',
      { guild: guildOf([keeper]), agents: { keeper: { lanes: true } } },
      'agents.keeper.lanes',
      /two queues keep no order/,
    ],
    [
      'a concurrency',
      { guild: guildOf([thinker]), agents: { thinker: { maxConcurrency: 1 } } },
      'agents.thinker.maxConcurrency',
      /got 1: allowed are 2 to 1000/,
    ],
    [
      'a reserved variable',
      { guild: guildOf([writer]), agents: { writer: { environment: { GUILDWIRE_AGENT: 'x' } } } },
      'agents.writer.environment.GUILDWIRE_AGENT',
      /is reserved/,
    ],
    ['an unknown agent', { guild: guildOf([writer]), agents: { wirter: {} } }, 'agents.wirter', /those are writer/],
    [
      '31 agents in one stack',
      { guild: guildOf(many(31)) },
      'layout',
      /31 agents: the limit is 30; write layout: 'nested'/,
    ],
    [
      '300 agents on one family',
      { guild: guildOf(many(300)), layout: 'nested' },
      'topics.draft.*',
      /followed by 300 queues but the limit of SNS is 200/,
    ],
    [
      'middleware of the guild',
      { guild: { ...guildOf([writer]), use: [{ handle: (_, next) => next() }] } },
      'guild.use',
      /put it into the `use` of the agents/,
    ],
    [
      'tracing without threads',
      { guild: guildOf([writer]), tracing: true, threads: false },
      'threads',
      /got false with tracing: true, which counts by the index of threads/,
    ],
    ['a namespace', { guild: guildOf([writer]), namespaces: ['a#b'] }, 'namespaces', /got "a#b"/],
    ['no namespace', { guild: guildOf([writer]), namespaces: [] }, 'namespaces', /is empty/],
  ])('%s', (_, props, field, problem) => {
    const error = refusal(props);

    expect(error).toMatchObject({ code: 'UNDEPLOYABLE', path: 'Alone/Guild', retryable: false });
    expect(error.faults.map((fault) => fault.field)).toContain(field);
    expect(error.faults.find((fault) => fault.field === field)?.problem).toMatch(problem);
  });

  test('everything at once', () => {
    const error = refusal(agentWith({ from: 'beginning', timeoutMs: 900_000 }));

    expect(error.faults).toHaveLength(2);
    expect(error.message).toMatch(/^Alone\/Guild cannot be deployed: /);
  });
});

describe('what only the whole stack shows is refused when it is synthesized', () => {
  let app: App;
  beforeAll(() => {
    app = new App({ analyticsReporting: false });
    const stack = new Stack(app, 'Full');
    const publishes = Array.from({ length: 300 }, (_, index) => `some.rather.long.topic.number-${index}`);
    const environment = { NOTES: 'n'.repeat(4_000) };
    new Guild(stack, 'Guild', {
      guild: guildOf([{ ...writer, publishes } as Agent, { ...writer, name: 'talker' } as Agent]),
      agents: { talker: { environment } },
    });
  });

  test('a policy over 10,240 characters, and an environment over 4 KB', () => {
    const errors = (() => {
      try {
        app.synth();
      } catch (error) {
        return String(error);
      }
      return '';
    })();

    expect(errors).toMatch(
      /\[Full\/Guild\/Agents\/writer\/Host\] the policy of its role has \d+ characters but the limit is 10240/,
    );
    expect(errors).toMatch(/\[Full\/Guild\/Agents\/talker\/Host\] its environment has \d+ bytes but the limit is 4096/);
  });
});

describe('a stack is refused', () => {
  test('that holds a guild already', () => {
    const stack = emptyStack();
    new Guild(stack, 'First', { guild: guildOf([writer]) });

    expect(refusal({ guild: guildOf([writer]) }, stack).faults).toEqual([
      { field: 'stack', problem: 'holds a guild already: give each a stack of its own' },
    ]);
  });

  test('but not for a guild in another stack that only lies in it', () => {
    const stack = emptyStack();
    new Guild(new Stack(stack, 'Other'), 'First', { guild: guildOf([writer]) });

    expect(new Guild(stack, 'Guild', { guild: guildOf([writer]) }).agents.size).toBe(1);
  });

  test('in which something else has the name of an output, and not as if that were a guild', () => {
    const taken = () => {
      const stack = emptyStack();
      for (const name of ['IngestFunction', 'ApiUrl']) new Construct(stack, name);
      return stack;
    };

    expect(refusal({ guild: guildOf([writer]) }, taken()).message).toBe(
      'Alone/Guild cannot be deployed: stack: has constructs called IngestFunction, ApiUrl, as outputs of the guild are: call them otherwise',
    );
    expect(refusal({ guild: guildOf([writer]), api: false }, taken()).message).not.toContain('ApiUrl');
  });
});
