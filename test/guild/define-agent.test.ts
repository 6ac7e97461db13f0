import { type Agent, defineAgent, defineFormat, genericJson, InvalidDefinitionError, type On } from 'guildwire';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';

const Task = defineFormat('task', z.object({ text: z.string() }));
const Note = defineFormat('note', z.object({ text: z.string() }));

const minimal = {
  name: 'worker',
  entry: 'file:///worker.ts',
  subscribes: ['tasks'],
  handlers: (on: On<string, never>) => [on(Task, () => {})],
};

/** A valid agent but for `options`, whatever their types say. */
const define = (options: object = {}): Agent => defineAgent({ ...minimal, ...options } as never);

/** What is said about an agent that differs from a valid one in `options`, as `field: problem`. */
function refusal(options: object): readonly string[] {
  try {
    define(options);
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidDefinitionError);
    return (error as InvalidDefinitionError).faults.map(({ field, problem }) => `${field}: ${problem}`);
  }
  return [];
}

describe('an agent', () => {
  test('is what its author wrote, and the defaults for the rest', () => {
    const agent = define();

    expect(agent).toEqual({
      kind: 'guildwire.agent',
      name: 'worker',
      entry: 'file:///worker.ts',
      subscribes: ['tasks'],
      publishes: [],
      state: undefined,
      handlers: [{ format: Task, run: expect.any(Function) }],
      guarantee: 'at-least-once',
      ordering: 'none',
      concurrency: 10,
      onlyWhenTagged: false,
      from: 'now',
      retry: { attempts: 5, baseMs: 1_000, maxMs: 300_000 },
      timeoutMs: 30_000,
      profile: 'fast',
      use: [],
      hooks: {},
    });
  });

  test('keeps every option that its author chose', () => {
    const chosen = {
      publishes: ['done', 'doc.*'],
      guarantee: 'at-most-once',
      ordering: 'key',
      concurrency: 1,
      onlyWhenTagged: true,
      from: '01HF7YAT000000000000000004',
      retry: { attempts: 1, baseMs: 0, maxMs: 0 },
      timeoutMs: 870_000,
      profile: 'llm',
    };

    expect(define(chosen)).toMatchObject(chosen);
  });

  test('is exactly-once as soon as it declares state', () => {
    const agents = [
      define({ state: genericJson }),
      define({ state: genericJson, guarantee: 'exactly-once' }),
      define({ guarantee: 'exactly-once' }),
    ];

    expect(agents.map(({ guarantee, state }) => [guarantee, state])).toEqual([
      ['exactly-once', genericJson],
      ['exactly-once', genericJson],
      ['exactly-once', undefined],
    ]);
  });

  test('that waits for a model has five minutes, unless it says otherwise', () => {
    const [waiting, quick] = [{ profile: 'llm' }, { profile: 'llm', timeoutMs: 1 }] as const;

    expect(define(waiting).timeoutMs).toBe(300_000);
    expect(define(quick).timeoutMs).toBe(1);
  });

  test('takes the rest of a retry policy from the defaults', () => {
    expect(define({ retry: { attempts: 2 } }).retry).toEqual({
      attempts: 2,
      baseMs: 1_000,
      maxMs: 300_000,
    });
  });

  test('does not follow what its author does to the arrays afterwards', () => {
    const subscribes = ['tasks'];
    const publishes = ['done'];
    const agent = define({ subscribes, publishes });

    subscribes.push('more');
    publishes.push('more');

    expect([agent.subscribes, agent.publishes]).toEqual([['tasks'], ['done']]);
  });

  test('cannot be changed', () => {
    const agent = define({ publishes: ['done'] });

    expect(Object.isFrozen(agent)).toBe(true);
    expect(() => Object.assign(agent, { name: 'other' })).toThrow(TypeError);
  });

  test('runs nothing of its own when it is defined', () => {
    const ran: string[] = [];
    define({
      handlers: (on: On<string, never>) => [on(Task, () => void ran.push('task')), on.any(() => void ran.push('any'))],
    });

    expect(ran).toEqual([]);
  });

  test('under another name is a second agent with the same handlers', () => {
    const agent = define();
    const twin = { ...agent, name: 'twin' };

    expect(twin).toEqual({ ...agent, name: 'twin' });
    expect(twin.handlers).toBe(agent.handlers);
    expect(agent.name).toBe('worker');
  });
});

describe('an agent is refused', () => {
  const long = 'n'.repeat(49);

  test.each([
    ['a name', { name: 'a.b' }, 'name: got "a.b": allowed are 1 to 48 of A-Z, a-z, 0-9, _ and -'],
    ['a name', { name: '' }, 'name: got "": allowed are 1 to 48 of A-Z, a-z, 0-9, _ and -'],
    ['a name', { name: long }, `name: got "${long}": allowed are 1 to 48 of A-Z, a-z, 0-9, _ and -`],
    ['a name', { name: undefined }, 'name: got undefined: allowed are 1 to 48 of A-Z, a-z, 0-9, _ and -'],
    ['an entry', { entry: '' }, 'entry: got "": write import.meta.url'],
    ['an entry', { entry: undefined }, 'entry: got undefined: write import.meta.url'],
    ['a subscription', { subscribes: ['a b'] }, /^subscribes: got "a b": segment "a b" is neither/],
    ['a subscription', { subscribes: ['**.a'] }, 'subscribes: got "**.a": `**` may only be the last segment'],
    ['a subscription', { subscribes: [7] }, 'subscribes: got 7: a pattern is text'],
    ['a subscription', { subscribes: ['$nope.a'] }, /^subscribes: got "\$nope\.a": "\$" begins reserved topics only/],
    [
      'a subscription',
      { subscribes: ['$reply.x'] },
      'subscribes: got "$reply.x": replies are read by who asked, and never delivered',
    ],
    [
      'a subscription',
      { subscribes: ['$self.worker'] },
      `subscribes: got "$self.worker": an agent follows its own $self by itself, and nobody else's`,
    ],
    ['a publication', { publishes: ['a/b'] }, /^publishes: got "a\/b": ":", "#" and "\/" are refused/],
    ['a publication', { publishes: ['$inbox.other'] }, 'publishes: got "$inbox.other": inboxes need no declaration'],
    [
      'a publication',
      { publishes: ['$dead.worker'] },
      'publishes: got "$dead.worker": only the platform publishes there',
    ],
    [
      'a publication',
      { publishes: ['$self.worker'] },
      'publishes: got "$self.worker": only the platform publishes there',
    ],
    ['no handlers', { handlers: () => [] }, 'handlers: is empty: an agent needs at least one'],
    [
      'a guarantee',
      { guarantee: 'maybe' },
      'guarantee: got "maybe": allowed are at-least-once, at-most-once, exactly-once',
    ],
    ['an ordering', { ordering: 'topic' }, 'ordering: got "topic": allowed are none, key'],
    ['a concurrency', { concurrency: 0 }, 'concurrency: got 0: allowed is a whole number from 1'],
    ['a concurrency', { concurrency: 1.5 }, 'concurrency: got 1.5: allowed is a whole number from 1'],
    [
      'a concurrency',
      { concurrency: Number.POSITIVE_INFINITY },
      'concurrency: got Infinity: allowed is a whole number from 1',
    ],
    ['a concurrency', { concurrency: '2' }, 'concurrency: got "2": allowed is a whole number from 1'],
    ['a timeout', { timeoutMs: 0 }, 'timeoutMs: got 0: allowed is a whole number from 1 to 870000'],
    ['a timeout', { timeoutMs: 870_001 }, 'timeoutMs: got 870001: allowed is a whole number from 1 to 870000'],
    ['a timeout', { timeoutMs: Number.NaN }, 'timeoutMs: got NaN: allowed is a whole number from 1 to 870000'],
    ['a retry policy', { retry: { attempts: 0 } }, 'retry.attempts: got 0: allowed is a whole number from 1'],
    ['a retry policy', { retry: { baseMs: -1 } }, 'retry.baseMs: got -1: allowed is a whole number from 0'],
    ['a retry policy', { retry: { maxMs: 0.5 } }, 'retry.maxMs: got 0.5: allowed is a whole number from 0'],
    ['a start', { from: 'yesterday' }, `from: got "yesterday": allowed are 'now', 'beginning' and a gemstone ID`],
  ])('for %s that is none: %j', (_, options, expected) => {
    const faults = refusal(options);

    expect(faults).toEqual([typeof expected === 'string' ? expected : expect.stringMatching(expected)]);
  });

  test('for a profile that is none', () => {
    expect(refusal({ profile: 'slow' })).toContain('profile: got "slow": allowed are fast, llm');
  });

  test.each(['at-least-once', 'at-most-once'])(
    'for state with the guarantee %s, which would lose or double what it remembers',
    (guarantee) => {
      expect(refusal({ state: genericJson, guarantee })).toEqual([
        `guarantee: got "${guarantee}": an agent with state is exactly-once; leave it out`,
      ]);
    },
  );

  test('for two handlers of one format', () => {
    const ignore = () => {};
    const twice = refusal({
      handlers: (on: On<string, never>) => [on(Task, ignore), on(Note, ignore), on(Task, ignore)],
    });
    const anyTwice = refusal({ handlers: (on: On<string, never>) => [on.any(ignore), on.any(ignore)] });

    expect(twice).toEqual(['handlers: has two for "task": one handler takes all messages of a format']);
    expect(anyTwice).toEqual(['handlers: has two for "any": one handler takes all messages of a format']);
  });

  test('but not for a handler of a format called any beside the one for any format', () => {
    const Any = defineFormat('any', z.object({}));
    const ignore = () => {};
    const handlers = (on: On<string, never>) => [on(Any, ignore), on.any(ignore)];

    expect(define({ handlers }).handlers).toHaveLength(2);
  });

  test('with everything that is wrong at once, and its name in the message', () => {
    const faults = refusal({
      name: 'two words',
      entry: '',
      subscribes: ['ok', 'not ok', '$self.x'],
      publishes: ['$dead.x', 'a:b'],
      handlers: () => [],
      guarantee: 'maybe',
      ordering: 'maybe',
      concurrency: 0,
      timeoutMs: -1,
      retry: { attempts: 0, baseMs: -1, maxMs: -1 },
      from: 7,
    });

    expect(faults.map((fault) => fault.slice(0, fault.indexOf(':')))).toEqual([
      'name',
      'entry',
      'subscribes',
      'subscribes',
      'publishes',
      'publishes',
      'handlers',
      'guarantee',
      'ordering',
      'concurrency',
      'timeoutMs',
      'retry.attempts',
      'retry.baseMs',
      'retry.maxMs',
      'from',
    ]);
    expect(() => define({ name: 'two words' })).toThrow(/^agent "two words" cannot be defined so: name: /);
  });
});

test('the handlers are made once, by the functions that `on` is given', () => {
  const handle = () => {};
  const agent = define({ handlers: (on: On<string, never>) => [on(Task, handle), on.any(handle)] });

  expect(agent.handlers).toEqual([
    { format: Task, run: handle },
    { format: undefined, run: handle },
  ]);
});
