import { type Agent, defineAgent, defineFormat, defineGuild, InvalidDefinitionError } from 'guildwire';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';

const Task = defineFormat('task', z.object({ text: z.string() }));
const OtherTask = defineFormat('task', z.object({ text: z.string() }));

function agent<const Name extends string>(name: Name, subscribes = ['tasks'], publishes: string[] = []): Agent<Name> {
  return defineAgent({
    name,
    entry: import.meta.url,
    subscribes,
    publishes,
    handlers: (on) => [on(Task, () => {})],
  });
}

const minimal = { name: 'office', agents: [agent('one'), agent('two')] } as const;

/** What is said about a guild that differs from a valid one in `options`, as `field: problem`. */
function refusal(options: object): readonly string[] {
  try {
    defineGuild({ ...minimal, ...options } as never);
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidDefinitionError);
    return (error as InvalidDefinitionError).faults.map(({ field, problem }) => `${field}: ${problem}`);
  }
  return [];
}

describe('a guild', () => {
  test('has its agents by name, and a limit of 32 hops', () => {
    const guild = defineGuild(minimal);

    expect(guild).toMatchObject({ kind: 'guildwire.guild', name: 'office', maxHops: 32 });
    expect(guild.agents).toEqual({ one: minimal.agents[0], two: minimal.agents[1] });
    expect(guild.agents.one).toBe(minimal.agents[0]);
    expect(Object.isFrozen(guild)).toBe(true);
  });

  test('takes the hop limit that it is given', () => {
    expect(defineGuild({ ...minimal, maxHops: 1 }).maxHops).toBe(1);
  });

  test('has one family for each topic and pattern that its agents name', () => {
    const agents = [agent('one', ['tasks', 'doc.*', '$dead.*'], ['done']), agent('two', ['tasks'], ['doc.*'])];
    const { families } = defineGuild({ name: 'office', agents });

    expect(families.patterns.toSorted()).toEqual(['doc.*', 'done', 'tasks']);
    expect(['tasks', 'doc.x', 'done', 'other'].map((topic) => families.of(topic)?.pattern)).toEqual([
      'tasks',
      'doc.*',
      'done',
      undefined,
    ]);
  });

  test('declares families with formats and retention, and infers the others', () => {
    const topics = { 'doc.**': { formats: [Task], retentionDays: 7 }, tasks: {} };
    const agents = [agent('one', ['tasks', 'doc.a', 'more'])];
    const { families } = defineGuild({ name: 'office', agents, topics });

    expect(families.of('doc.a')).toEqual({ pattern: 'doc.**', formats: [Task], retentionDays: 7 });
    expect(families.of('tasks')).toEqual({ pattern: 'tasks', formats: [], retentionDays: 30 });
    expect(families.of('more')).toEqual({ pattern: 'more', formats: [], retentionDays: 30 });
  });

  test('has a family for every topic where undeclared ones are allowed', () => {
    const { families } = defineGuild({ ...minimal, allowUndeclared: true });

    expect(families.of('anything.at.all')).toEqual({ pattern: '**', formats: [], retentionDays: 30 });
  });

  test('takes one agent under two names', () => {
    const [one] = minimal.agents;
    const guild = defineGuild({ name: 'office', agents: [one, { ...one, name: 'again' }] });

    expect(Object.values(guild.agents).map(({ name }) => name)).toEqual(['one', 'again']);
  });

  test('takes one format in many places, and names that look like properties of objects', () => {
    const agents = [agent('constructor'), agent('__proto__'), agent('toString')];
    const guild = defineGuild({ name: 'office', agents, topics: { tasks: { formats: [Task, Task] } } });

    expect(Object.keys(guild.agents).toSorted()).toEqual(['__proto__', 'constructor', 'toString']);
  });
});

describe('a guild is refused', () => {
  test.each([
    ['a name', { name: 'my guild' }, 'name: got "my guild": allowed are 1 to 48 of A-Z, a-z, 0-9, _ and -'],
    ['a name', { name: undefined }, 'name: got undefined: allowed are 1 to 48 of A-Z, a-z, 0-9, _ and -'],
    ['no agents', { agents: [] }, 'agents: is empty: a guild needs at least one'],
    ['a hop limit', { maxHops: 0 }, 'maxHops: got 0: allowed is a whole number from 1'],
    ['a hop limit', { maxHops: 2.5 }, 'maxHops: got 2.5: allowed is a whole number from 1'],
    ['a hop limit', { maxHops: Number.POSITIVE_INFINITY }, 'maxHops: got Infinity: allowed is a whole number from 1'],
    ['a topic', { topics: { 'a b': {} } }, /^topics\.a b: got "a b": segment "a b" is neither/],
    ['a topic', { topics: { '**.a': {} } }, 'topics.**.a: got "**.a": `**` may only be the last segment'],
    ['a topic', { topics: { '$dead.*': {} } }, 'topics.$dead.*: is reserved: the platform declares it'],
    [
      'a retention',
      { topics: { a: { retentionDays: 0 } } },
      'topics.a.retentionDays: got 0: allowed is a number of days above 0',
    ],
    [
      'a retention',
      { topics: { a: { retentionDays: Number.NaN } } },
      'topics.a.retentionDays: got NaN: allowed is a number of days above 0',
    ],
    ['a relay', { topics: { a: { relay: 'pigeon' } } }, 'topics.a.relay: got "pigeon": allowed are log and direct'],
    ['a number of shards', { topics: { a: { shards: 3 } } }, 'topics.a.shards: got 3: allowed are 1, 4 and 16'],
  ])('for %s that is none: %j', (_, options, expected) => {
    const faults = refusal(options);

    expect(faults).toEqual([typeof expected === 'string' ? expected : expect.stringMatching(expected)]);
  });

  test('for two agents of one name', () => {
    expect(refusal({ agents: [agent('one'), agent('two'), agent('one')] })).toEqual([
      'agents: has two called "one": spread one of them under another name',
    ]);
  });

  test('for two formats of one name, wherever they are used', () => {
    const other = { ...agent('other'), handlers: [{ format: OtherTask, run: () => {} }] };
    const problem = 'formats: two definitions of "task": define a format once, and import it where it is used';

    expect(refusal({ agents: [agent('one'), other] })).toEqual([problem]);
    expect(refusal({ topics: { tasks: { formats: [OtherTask] } } })).toEqual([problem]);
    expect(refusal({ topics: { tasks: { formats: [Task] } } })).toEqual([]);
  });

  test('for an agent that became wrong when it was spread', () => {
    const [one] = minimal.agents;
    const broken = { ...one, name: 'not ok', concurrency: 0 };

    expect(refusal({ agents: [one, broken] })).toEqual([
      'agents.not ok.name: got "not ok": allowed are 1 to 48 of A-Z, a-z, 0-9, _ and -',
      'agents.not ok.concurrency: got 0: allowed is a whole number from 1',
    ]);
  });

  test('with everything that is wrong at once, its agents and topics included', () => {
    const broken = { ...agent('one'), timeoutMs: 0 };
    const faults = refusal({
      name: '',
      agents: [agent('one'), broken],
      maxHops: -1,
      topics: { 'a/b': { retentionDays: -1, formats: [OtherTask] } },
    });

    expect(faults.map((fault) => fault.slice(0, fault.indexOf(':')))).toEqual([
      'name',
      'maxHops',
      'agents.one.timeoutMs',
      'agents',
      'topics.a/b',
      'topics.a/b.retentionDays',
      'formats',
    ]);
    expect(() => defineGuild({ ...minimal, name: '' })).toThrow(/^guild "" cannot be defined so: name: /);
  });
});
