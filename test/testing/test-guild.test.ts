import {
  defineAgent,
  defineFormat,
  defineGuild,
  genericJson,
  MemoryBackend,
  PermanentError,
  silentLog,
  systemClock,
} from 'guildwire';
import { testGuild, VirtualClock } from 'guildwire/testing';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { altered } from './altered.ts';
import { Text, Words, wordGuild } from './word-guild.ts';

const DAY_MS = 86_400_000;

test('a guild runs until all is settled, retries included, and time moves by itself', async () => {
  await using stage = await testGuild(wordGuild);
  const start = stage.clock.now();

  const result = await stage.run('texts', Text, { text: 'one two broken' });

  expect(result).toEqual({ id: expect.any(String), handled: 3, failed: 1, halted: 0, timers: 0 });
  expect(stage.clock.now()).toBeGreaterThan(start);
});

test('publishing moves no time, and settled waits for one root only', async () => {
  await using stage = await testGuild(wordGuild);
  const start = stage.clock.now();

  const [now, later] = [
    await stage.publish('texts', Text, { text: 'now' }),
    await stage.publish('texts', Text, { text: 'later' }, { delayMs: 60_000 }),
  ];

  expect(stage.clock.now()).toBe(start);
  expect(await stage.settled(now)).toMatchObject({ handled: 2 });
  expect(stage.clock.now()).toBeLessThan(start + 60_000);
  expect(await stage.settled(later)).toMatchObject({ handled: 2 });
  expect(stage.clock.now()).toBeGreaterThanOrEqual(start + 60_000);
});

test('any number of roots may be waited for at once', async () => {
  await using stage = await testGuild(wordGuild);

  const results = await Promise.all(
    Array.from({ length: 20 }, (_, n) => stage.run('texts', Text, { text: 'a b c' }, { delayMs: n * 1_000 })),
  );

  expect(results.map(({ handled }) => handled)).toEqual(results.map(() => 4));
  expect(await stage.published(Words)).toHaveLength(60);
});

describe('what was published', () => {
  test('comes decoded, by format and by topic', async () => {
    await using stage = await testGuild(wordGuild);
    await stage.run('texts', Text, { text: 'one two three' });

    expect(await stage.published(Words)).toEqual(
      ['one', 'two', 'three'].map((text, index) => ({ text, words: index + 1 })),
    );
    expect(await stage.published(Text, { topic: 'words.*' })).toEqual([
      { text: 'one' },
      { text: 'two' },
      { text: 'three' },
    ]);
    expect(await stage.published(Text, { topic: 'words.1' })).toEqual([{ text: 'two' }]);
    expect(await stage.published(Text, { topic: 'nothing.*' })).toEqual([]);
  });

  test('is there once, however many topics it has, and as messages under each', async () => {
    await using stage = await testGuild(wordGuild);
    const id = await stage.publish(['words.x', 'words.y'], Text, { text: 'both' });

    expect(await stage.published(Text)).toEqual([{ text: 'both' }]);
    expect(await stage.messages({ pattern: '**' })).toMatchObject([
      { topic: 'words.x', id },
      { topic: 'words.y', id },
    ]);
    expect(await stage.messages({ topic: 'words.y' })).toMatchObject([{ id, sender: { id: 'user:test' } }]);
  });

  test('is read to the end, over any number of pages', async () => {
    await using stage = await testGuild(wordGuild);
    for (let n = 0; n < 1_100; n++) await stage.publish('counts', Words, { text: 'many', words: n });

    const words = (await stage.published(Words)).map((word) => word.words);

    expect(words).toEqual(Array.from({ length: 1_100 }, (_, n) => n));
    expect(await stage.messages({ topic: 'counts', order: 'desc' })).toHaveLength(1_100);
  });

  test('of an inbox is found by its name', async () => {
    await using stage = await testGuild(wordGuild);
    await stage.publish('$inbox.counter', Words, { text: 'hello', words: 1 });

    expect(await stage.published(Words)).toEqual([]);
    expect(await stage.published(Words, { topic: '$inbox.counter' })).toEqual([{ text: 'hello', words: 1 }]);
  });
});

test('dead letters come by agent, and only of agents that there are', async () => {
  await using stage = await testGuild(wordGuild);
  await stage.run('texts', Text, { text: 'fine broken' });

  expect(await stage.deadLetters('splitter')).toEqual([]);
  expect(await stage.deadLetters('counter')).toMatchObject([
    { reason: 'failed', attempts: 5, topic: 'words.1', original: { payload: { text: 'broken' } } },
  ]);
  await expect(stage.deadLetters('nobody')).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: 'agent: got "nobody": agents of the guild are splitter, counter',
  });
});

test('a request gets its answer, and time moves on until it does', async () => {
  const Question = defineFormat('test.question', z.object({ n: z.number() }));
  const oracle = defineAgent({
    name: 'oracle',
    entry: import.meta.url,
    subscribes: ['questions'],
    handlers: (on) => [
      on(Question, async ({ n }, context) => {
        await context.sleep(5_000);
        if (n < 0) context.fail('NEGATIVE', 'no answer to that');
        else context.reply(Question, { n: n + 1 });
      }),
    ],
  });
  await using stage = await testGuild(defineGuild({ name: 'oracles', agents: [oracle] }));
  const options = { reply: Question, timeoutMs: 10_000 };

  expect(await stage.request('questions', Question, { n: 41 }, options)).toEqual({ n: 42 });
  await expect(stage.request('questions', Question, { n: -1 }, options)).rejects.toMatchObject({ code: 'REMOTE' });
  await expect(stage.request('questions', Question, { n: 1 }, { ...options, timeoutMs: 1_000 })).rejects.toMatchObject({
    code: 'REQUEST_TIMEOUT',
  });
});

const alarmClock = defineAgent({
  name: 'alarm-clock',
  entry: import.meta.url,
  subscribes: ['alarms'],
  publishes: ['rings'],
  handlers: (on) => [
    on(genericJson, (payload, context) => {
      if (context.message.topic === 'alarms') context.later(DAY_MS / 2, genericJson, payload);
      else context.publish('rings', genericJson, payload);
    }),
  ],
});
const alarms = defineGuild({ name: 'alarms', agents: [alarmClock] });

test('timers are waited for unless they are not wanted', async () => {
  await using stage = await testGuild(alarms);
  const id = await stage.publish('alarms', genericJson, 'up');

  expect(await stage.settled(id, { timers: false })).toMatchObject({ handled: 1, timers: 1 });
  expect(await stage.messages({ topic: 'rings' })).toEqual([]);
  expect(await stage.settled(id)).toMatchObject({ handled: 2, timers: 0 });
  expect(await stage.messages({ topic: 'rings' })).toHaveLength(1);
});

describe('a guild that does not settle', () => {
  test('fails with what is left, after the limit of virtual time', async () => {
    await using stage = await testGuild(alarms, { limitMs: 3_600_000 });
    const start = stage.clock.now();
    const id = await stage.publish('alarms', genericJson, 'up');

    await expect(stage.settled(id)).rejects.toMatchObject({
      code: 'NOT_SETTLED',
      root: id,
      pending: [expect.stringMatching(/^alarm-clock \$self\.alarm-clock\/\w+ is due in 39600000 ms$/)],
      message: expect.stringContaining('did not happen within 3600000 ms of virtual time'),
      cause: { code: 'VIRTUAL_TIME' },
    });
    expect(stage.clock.now()).toBeLessThanOrEqual(start + 3_600_000);
  });

  test('names what waits for an agent that is not there, at most ten of them', async () => {
    await using stage = await testGuild(wordGuild, { agents: ['splitter'], limitMs: 60_000 });
    await stage.running.pause('splitter');
    const ids = [await stage.publish('texts', Text, { text: 'never' })];
    await expect(stage.settled(ids[0] as never)).rejects.toThrow(/what is left: splitter texts\/\w+ waits$/);
    await stage.running.resume('splitter');

    const chatty = defineAgent({
      name: 'chatty',
      entry: import.meta.url,
      subscribes: ['texts'],
      publishes: ['many'],
      handlers: (on) => [
        on(Text, (_, context) => {
          for (let n = 0; n < 12; n++) context.publish('many', Text, { text: 'x' });
        }),
      ],
    });
    const failing = defineAgent({
      name: 'failing',
      entry: import.meta.url,
      subscribes: ['many'],
      retry: { attempts: 9, maxMs: DAY_MS },
      handlers: (on) => [
        on(Text, () => {
          throw new Error('not today');
        }),
      ],
    });
    await using many = await testGuild(defineGuild({ name: 'many', agents: [chatty, failing] }), { limitMs: 1_000 });
    const id = await many.publish('texts', Text, { text: 'go' });

    await expect(many.settled(id)).rejects.toThrow(
      /failing many\/\w+ failed \d times and is to be tried again; (.*; ){9}and 2 more$/,
    );
  });

  test('fails at a standstill when a handler hangs, in time that the test may choose', async () => {
    const hanging = defineAgent({
      name: 'hanging',
      entry: import.meta.url,
      subscribes: ['texts'],
      handlers: (on) => [on(Text, () => new Promise<void>(() => {}))],
    });
    const wall = new VirtualClock();
    await using stage = await testGuild(defineGuild({ name: 'hangs', agents: [hanging] }), { wall, patienceMs: 500 });

    const settled = stage.run('texts', Text, { text: 'hang' });
    const failure = expect(settled).rejects.toMatchObject({
      code: 'NOT_SETTLED',
      pending: [expect.stringMatching(/^hanging texts\/\w+ is being handled, attempt 1$/)],
      message: expect.stringContaining('virtual time stood still for 500 real ms'),
      cause: { code: 'STANDSTILL' },
    });
    await wall.advance(2_000);

    await failure;
  });

  test('is no reason to be impatient while time moves', async () => {
    const wall = new VirtualClock();
    await using stage = await testGuild(alarms, { wall, patienceMs: 500 });
    const id = await stage.publish('alarms', genericJson, 'up');

    const settled = stage.settled(id);
    for (let n = 0; n < 20; n++) await wall.advance(500);

    expect(await settled).toMatchObject({ handled: 2 });
  });
});

test('the promise that until waits for may fail, and may be over already', async () => {
  await using stage = await testGuild(wordGuild);

  expect(await stage.until(Promise.resolve(7))).toBe(7);
  await expect(stage.until(Promise.reject(new Error('as it is')))).rejects.toThrow('as it is');
});

test('a handler that fails on purpose is tried again in virtual time', async () => {
  let attempts = 0;
  const flaky = defineAgent({
    name: 'flaky',
    entry: import.meta.url,
    subscribes: ['texts'],
    publishes: ['done'],
    handlers: (on) => [
      on(Text, ({ text }, context) => {
        if (text === 'never') throw new PermanentError('no use');
        if (++attempts < 4) throw new Error('not yet');
        context.publish('done', Text, { text: `attempt ${context.attempt}` });
      }),
    ],
  });
  await using stage = await testGuild(defineGuild({ name: 'flaky', agents: [flaky] }));

  expect(await stage.run('texts', Text, { text: 'at last' })).toMatchObject({ handled: 1, failed: 0 });
  expect(await stage.run('texts', Text, { text: 'never' })).toMatchObject({ handled: 0, failed: 1 });
  expect(await stage.published(Text, { topic: 'done' })).toEqual([{ text: 'attempt 4' }]);
});

describe('under chaos', () => {
  const everything = {
    duplicate: 0.3,
    reorder: 0.5,
    delay: { chance: 0.3, maxMs: 2_000 },
    crashBeforeSettle: 0.3,
    crashAfterSettle: 0.3,
    outage: { chance: 0.1, maxMs: 5_000 },
  };

  async function play(seed: number) {
    await using stage = await testGuild(wordGuild, { seed, chaos: everything });
    const result = await stage.run('texts', Text, { text: 'one two three four five six' });
    const counts = (await stage.published(Words)).map(({ words }) => words);
    return { result, counts, faults: stage.faults };
  }

  test('the work gets done all the same, and the same seed gives the same faults', async () => {
    const plays = [await play(7), await play(7), await play(8)];

    for (const { result, counts } of plays) {
      expect(result).toMatchObject({ handled: 7, failed: 0 });
      expect(counts).toEqual([1, 2, 3, 4, 5, 6]);
    }
    expect(plays[0]?.faults.length).toBeGreaterThan(5);
    expect(plays[1]).toEqual(plays[0]);
    expect(plays[2]?.faults).not.toEqual(plays[0]?.faults);
  });

  test('the stage itself meets no fault', async () => {
    await using stage = await testGuild(wordGuild, { chaos: { failAppend: 1, outage: { chance: 1, maxMs: 60_000 } } });
    await stage.publish('texts', Text, { text: 'one' });

    await expect(stage.running.publish('texts', Text, { text: 'two' })).rejects.toMatchObject({
      code: 'BACKEND_UNAVAILABLE',
    });
    expect(await stage.published(Text)).toEqual([{ text: 'one' }]);
  });

  test('the store can be taken away by hand, and the guild goes on when it is back', async () => {
    await using stage = await testGuild(wordGuild);
    stage.chaos.down();
    const id = await stage.publish('texts', Text, { text: 'one' });
    await stage.clock.advance(600_000);
    expect(await stage.published(Words)).toEqual([]);
    stage.chaos.up();

    expect(await stage.settled(id)).toMatchObject({ handled: 2 });
    expect(await stage.published(Words)).toHaveLength(1);
  });

  test('a stage whose store is away can be closed', async () => {
    await using stage = await testGuild(wordGuild, { chaos: { outage: { chance: 1, maxMs: DAY_MS } } });
    stage.chaos.down();
    await stage.publish('texts', Text, { text: 'one' });
  });
});

describe('options', () => {
  test('that are none are refused, each with its fault', async () => {
    const wrong = { seed: 0.5, chaos: { duplicate: 3 }, backend: 'memory:', limitMs: -1, patienceMs: 'long' };

    await expect(testGuild(wordGuild, wrong as never)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      faults: [
        { field: 'seed' },
        { field: 'duplicate' },
        { field: 'backend', problem: 'got "memory:": allowed is a function that gives a backend' },
        { field: 'limitMs' },
        { field: 'patienceMs' },
      ],
    });
    await expect(testGuild(wordGuild, null as never)).rejects.toThrow('options: got null');
    await expect(testGuild(wordGuild, { chaos: 1 as never })).rejects.toThrow('chaos: got 1');
    await expect(testGuild({} as never)).rejects.toThrow(/guild: got an object/);
    await expect(testGuild(wordGuild, { agents: ['nobody' as never] })).rejects.toThrow(/agents: got "nobody"/);
  });

  test('may name a backend, which gets the clock and is closed with the stage', async () => {
    let backend: MemoryBackend | undefined;
    {
      await using stage = await testGuild(wordGuild, {
        namespace: 'elsewhere',
        sender: 'user:ada',
        log: silentLog,
        wall: systemClock,
        backend: ({ clock, random }) => {
          backend = new MemoryBackend({ clock, random });
          return backend;
        },
      });
      await stage.run('texts', Text, { text: 'one' });
      expect(await stage.messages({ topic: 'texts' })).toMatchObject([
        { namespace: 'elsewhere', sender: { id: 'user:ada' } },
      ]);
      expect(await backend?.stats('elsewhere')).toHaveLength(2);
    }
    await expect(backend?.stats('elsewhere')).rejects.toMatchObject({ code: 'BACKEND_UNAVAILABLE' });
  });

  test('may not name a backend with a time of its own', async () => {
    let isClosed = false;
    const backend = ({ clock }: { readonly clock: VirtualClock }) => {
      const memory = new MemoryBackend({ clock });
      return altered(memory, {
        features: { ...memory.features, clock: 'store' },
        [Symbol.asyncDispose]: async () => {
          isClosed = true;
        },
      });
    };

    await expect(testGuild(wordGuild, { backend })).rejects.toMatchObject({ code: 'UNSUPPORTED_FEATURE' });
    expect(isClosed).toBe(true);
  });
});
