import { defineAgent, defineGuild, genericJson } from 'guildwire';
import {
  type ExploreError,
  type ExploreOptions,
  explore,
  someChaos,
  type TestStage,
  VirtualClock,
} from 'guildwire/testing';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { Text, Words, wordGuild } from './word-guild.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

/** Counts outside of its state, as if no delivery ever came twice. */
const careless = () => {
  let words = 0;
  const agent = defineAgent({
    name: 'careless',
    entry: import.meta.url,
    subscribes: ['texts'],
    publishes: ['counts'],
    handlers: (on) => [on(Text, ({ text }, context) => context.publish('counts', Words, { text, words: ++words }))],
  });
  return defineGuild({ name: 'careless', agents: [agent] });
};

async function threeTexts(stage: TestStage): Promise<void> {
  for (const text of ['one', 'two', 'three']) await stage.run('texts', Text, { text });
  const counts = (await stage.published(Words)).map(({ words }) => words);
  if (counts.join() !== '1,2,3') throw new RangeError(`counted ${counts.join()}`);
}

const failureOf = (exploring: Promise<void>): Promise<ExploreError> =>
  exploring.then(
    () => {
      throw new Error('it held');
    },
    (error: ExploreError) => error,
  );

test('a guild that keeps the contract holds, under every seed', async () => {
  const seeds: number[] = [];
  let faults = 0;

  await explore(
    (seed) => {
      seeds.push(seed);
      return wordGuild;
    },
    { seeds: 50, seed: 11 },
    async (stage) => {
      await stage.run('texts', Text, { text: 'one two three' });
      expect((await stage.published(Words)).map(({ words }) => words)).toEqual([1, 2, 3]);
      faults += stage.faults.length;
    },
  );

  expect(seeds).toEqual(Array.from({ length: 50 }, (_, n) => n + 11));
  expect(faults).toBeGreaterThan(100);
});

describe('a handler that a second delivery breaks', () => {
  const { outage: _, ...faults } = someChaos;
  const options = { seeds: 200, faults };

  test('is found, and one fault is named that is enough', async () => {
    const error = await failureOf(explore(careless, options, threeTexts));

    expect(error).toMatchObject({ code: 'EXPLORE', name: 'ExploreError', schedule: [expect.anything()] });
    expect(error.cause).toBeInstanceOf(RangeError);
    expect(error.message).toMatch(
      new RegExp(
        `^the scenario failed under seed ${error.seed}\\. Of its \\d+ faults this one is enough:\\n` +
          '  1\\. (duplicate|crashBeforeSettle) careless texts/\\w+, attempt 1 \\(\\w+ careless #\\d+\\)\\n' +
          `Repeat it with GUILDWIRE_TEST_SEED=${error.seed}\\n` +
          'RangeError: counted 1,[234,]+$',
      ),
    );
  });

  test('is found in the same way every time', async () => {
    const [first, second] = [
      await failureOf(explore(careless, options, threeTexts)),
      await failureOf(explore(careless, options, threeTexts)),
    ];

    expect(second.message).toBe(first.message);
  });

  test('is broken again by the seed of the report, and by the names of its schedule alone', async () => {
    const { seed, schedule, message } = await failureOf(explore(careless, options, threeTexts));
    const played: number[] = [];
    const again = (seedPlayed: number) => {
      played.push(seedPlayed);
      return careless();
    };

    vi.stubEnv('GUILDWIRE_TEST_SEED', String(seed));
    expect((await failureOf(explore(again, options, threeTexts))).message).toBe(message);
    expect(new Set(played)).toEqual(new Set([seed]));
    vi.unstubAllEnvs();

    const only = schedule.map(({ name }) => name);
    const { message: byName } = await failureOf(
      explore(careless, { seeds: 1, seed, faults: { only } as never }, threeTexts),
    );
    expect(byName).toContain(only[0]);
  });

  test('is shown with a longer schedule if there are no runs to make it shorter', async () => {
    const { schedule } = await failureOf(explore(careless, { ...options, maxShrinkRuns: 0 }, threeTexts));

    expect(schedule.length).toBeGreaterThan(1);
  });
});

test('a scenario that fails without any fault is told apart', async () => {
  const error = await failureOf(
    explore(wordGuild, { seeds: 5 }, async (stage) => {
      await stage.run('texts', Text, { text: 'one' });
      throw 'no error';
    }),
  );

  expect(error.schedule).toEqual([]);
  expect(error.message).toBe(
    'the scenario failed under seed 1. It fails without any fault.\nRepeat it with GUILDWIRE_TEST_SEED=1\nno error',
  );
  expect(error.cause).toBe('no error');
});

test('the variable for the seed tries that seed alone', async () => {
  const seeds: number[] = [];
  vi.stubEnv('GUILDWIRE_TEST_SEED', '4711');

  await explore(
    (seed) => {
      seeds.push(seed);
      return wordGuild;
    },
    { seeds: 50 },
    async () => {},
  );

  expect(seeds).toEqual([4711]);
});

describe('a scenario that hangs', () => {
  test('ends with words when it waits for nothing', async () => {
    const wall = new VirtualClock();

    const exploring = failureOf(explore(wordGuild, { wall, patienceMs: 100 }, () => new Promise(() => {})));
    for (let n = 0; n < 20; n++) await wall.advance(1_000);

    expect(await exploring).toMatchObject({ code: 'EXPLORE', seed: 1, cause: { code: 'STANDSTILL' } });
  });

  test('ends with what is left when a handler never ends', async () => {
    const hanging = defineAgent({
      name: 'hanging',
      entry: import.meta.url,
      subscribes: ['texts'],
      handlers: (on) => [on(genericJson, () => new Promise<void>(() => {}))],
    });
    const guild = defineGuild({ name: 'hangs', agents: [hanging] });
    const wall = new VirtualClock();

    const exploring = failureOf(
      explore(guild, { wall, patienceMs: 100, faults: {} }, async (stage) => {
        await stage.run('texts', genericJson, 'hang');
      }),
    );
    for (let n = 0; n < 50; n++) await wall.advance(100);

    expect(await exploring).toMatchObject({ cause: { code: 'NOT_SETTLED' } });
  });
});

test('options that are none are refused, each with its fault', async () => {
  const nothing = async () => {};
  const wrong: ExploreOptions = { seeds: 0, seed: -1, faults: { reorder: -1 }, maxShrinkRuns: Number.NaN };

  await expect(explore(wordGuild, wrong, 'scenario' as never)).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    faults: [
      { field: 'seed' },
      { field: 'reorder' },
      { field: 'seeds', problem: 'got 0: allowed is a whole number from 1' },
      { field: 'maxShrinkRuns' },
      { field: 'scenario', problem: 'got "scenario": allowed is a function of the stage' },
    ],
  });
  for (const seeds of [1.5, '10', Number.POSITIVE_INFINITY]) {
    await expect(explore(wordGuild, { seeds: seeds as never }, nothing)).rejects.toThrow(/^seeds: got/);
  }
  await expect(explore(wordGuild, undefined as never, nothing)).rejects.toThrow('options: got undefined');
  await expect(explore(wordGuild, { faults: 'all' as never }, nothing)).rejects.toThrow('faults: got "all"');
  await expect(explore(wordGuild, { patienceMs: -1 }, nothing)).rejects.toThrow(/^patienceMs: got -1/);
});
