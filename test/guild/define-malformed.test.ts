import { defineAgent, defineAggregator, defineGuild, genericJson, InvalidDefinitionError, type On } from 'guildwire';
import { describe, expect, test } from 'vitest';

type AnyOn = On<string, never>;
const minimal = {
  name: 'worker',
  entry: 'file:///worker.ts',
  subscribes: ['a'],
  handlers: (on: AnyOn) => [on.any(() => {})],
};

/** The fields that are refused, or what was thrown instead. */
function refused(define: () => unknown): unknown {
  try {
    define();
  } catch (error) {
    return error instanceof InvalidDefinitionError ? error.faults.map(({ field }) => field) : error;
  }
  return [];
}

describe('an agent that plain JavaScript wrote is refused', () => {
  test.each<[string, object, string]>([
    ['with a handler for no format', { handlers: (on: AnyOn) => [on(undefined as never, () => {})] }, 'handlers[0]'],
    ['with a flag that is none', { onlyWhenTagged: 'yes' }, 'onlyWhenTagged'],
  ])('%s', (_, options, field) => {
    expect(refused(() => defineAgent({ ...minimal, ...options } as never))).toEqual([field]);
  });

  test('with one fault for a profile that is none', () => {
    expect(refused(() => defineAgent({ ...minimal, profile: 'slow' } as never))).toEqual(['profile']);
  });
});

test('an agent cannot be changed anywhere', () => {
  const agent = defineAgent({ ...minimal, publishes: ['b'] as string[] });

  const parts = [agent, agent.subscribes, agent.publishes, agent.handlers, agent.handlers[0], agent.retry];
  expect(parts.map((part) => Object.isFrozen(part))).toEqual(parts.map(() => true));
  const guild = defineGuild({ name: 'office', agents: [agent] });
  expect(Object.isFrozen(guild.agents)).toBe(true);
});

test('a guild is refused for what is no format', () => {
  const agent = defineAgent(minimal);

  const topics = { a: { formats: [undefined] } } as never;
  expect(refused(() => defineGuild({ name: 'office', agents: [agent], topics }))).toEqual(['topics.a.formats[0]']);
});

test.each([-1, Number.NaN, 0.5, '10'])(
  'an aggregator with the deadline %j is refused when it is defined',
  (deadlineMs) => {
    const define = () =>
      defineAggregator({
        name: 'poll',
        entry: import.meta.url,
        subscribes: ['a'],
        publishes: ['b'],
        collects: genericJson,
        collectionOf: () => 'x',
        partOf: () => 'y',
        isComplete: () => true,
        onComplete: () => {},
        deadlineMs: deadlineMs as number,
      });

    expect(refused(define)).toEqual(['deadlineMs']);
  },
);
