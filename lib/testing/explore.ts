/** @module Runs a scenario under many seeds of chaos, and says which few faults break it. */
import { systemClock } from '../core/clock.ts';
import { type FieldFault, InvalidArgumentError } from '../core/errors.ts';
import { show } from '../core/show.ts';
import { testSeed } from '../environment/variables.ts';
import type { Guild } from '../guild/define-guild.ts';
import { type ChaosFaults, chaosFaults, seedProblem, someChaos } from './chaos/chaos-options.ts';
import type { InjectedFault } from './chaos/fault-schedule.ts';
import { shrink } from './shrink.ts';
import { unlessStandstill } from './standstill.ts';
import { defaultPatienceMs, type TestGuildOptions, testGuild } from './test-guild.ts';
import type { TestStage } from './test-stage.ts';
import { ExploreError } from './testing-errors.ts';

export interface ExploreOptions extends Omit<TestGuildOptions, 'chaos'> {
  /** How many seeds to try, one after the other. @default 100 */
  readonly seeds?: number;
  /** The first of them; `GUILDWIRE_TEST_SEED` tries that one alone. @default 1 */
  readonly seed?: number;
  /** What may happen, and how likely. @default - some of everything */
  readonly faults?: ChaosFaults;
  /** Runs that may be spent on making a schedule smaller. @default 300 */
  readonly maxShrinkRuns?: number;
}

/** What to do, and what must hold then, whatever happens: called many times, each time with a guild that has just started. */
export type Scenario = (stage: TestStage) => Promise<void>;

const defaults = { seeds: 100, seed: 1, faults: someChaos, maxShrinkRuns: 300 } as const;

/**
 * Resolves when the scenario held under all seeds.
 *
 * @param guild Or a function that makes one for a seed, for handlers that keep something.
 * @throws ExploreError with the seed and the fewest faults that break the scenario, and as its cause what it threw.
 * @throws InvalidArgumentError with everything that is wrong.
 * @example
 * await explore(guild, { seeds: 200 }, async (stage) => {
 *   await stage.run('doc.tasks', Task, { text: 'Hello' });
 *   const texts = await stage.published(Text);
 *   if (texts.length !== 1) throw new Error(`${texts.length} texts in place of one`);
 * });
 */
export async function explore(
  guild: Guild | ((seed: number) => Guild),
  options: ExploreOptions,
  scenario: Scenario,
): Promise<void> {
  const wrong = optionFaults(options, scenario);
  if (wrong.length > 0) throw new InvalidArgumentError(wrong);
  const { seeds, seed: first, faults, maxShrinkRuns, ...stageOptions } = { ...defaults, ...options };
  const only = testSeed();
  const run = (seed: number, names?: readonly string[]) =>
    runOnce(
      guild,
      { ...stageOptions, seed, chaos: { ...faults, ...(names !== undefined && { only: names }) } },
      scenario,
    );

  for (let seed = only ?? first; seed < (only ?? first) + (only === undefined ? seeds : 1); seed++) {
    const failed = await run(seed);
    if (failed === undefined) continue;
    let smallest = failed;
    await shrink(
      failed.faults.map(({ name }) => name),
      async (names) => {
        const again = await run(seed, names);
        if (again !== undefined) smallest = again;
        return again !== undefined;
      },
      maxShrinkRuns,
    );
    throw new ExploreError(seed, smallest.faults, failed.faults.length, { cause: smallest.error });
  }
}

interface Failure {
  readonly error: unknown;
  readonly faults: readonly InjectedFault[];
}

/** What went wrong, if anything did. */
async function runOnce(
  guild: Guild | ((seed: number) => Guild),
  options: TestGuildOptions & { readonly seed: number },
  scenario: Scenario,
): Promise<Failure | undefined> {
  await using stage = await testGuild(typeof guild === 'function' ? guild(options.seed) : guild, options);
  const { patienceMs = defaultPatienceMs, wall = systemClock } = options;
  try {
    const played = (async () => scenario(stage))();
    // Longer than what the stage waits for has, whose errors say more.
    await unlessStandstill(played, { virtual: stage.clock, wall, patienceMs: 2 * patienceMs });
    return undefined;
  } catch (error) {
    return { error, faults: [...stage.faults] };
  }
}

function optionFaults(options: ExploreOptions, scenario: Scenario): readonly FieldFault[] {
  if (typeof options !== 'object' || options === null) {
    return [{ field: 'options', problem: `got ${show(options)}: allowed is an object` }];
  }
  const { seeds = defaults.seeds, seed = defaults.seed, faults: chances = defaults.faults } = options;
  const { maxShrinkRuns = defaults.maxShrinkRuns } = options;
  const isObject = typeof chances === 'object' && chances !== null;
  const faults = [...chaosFaults({ ...(isObject && chances), seed })];
  if (!isObject) faults.push({ field: 'faults', problem: `got ${show(chances)}: allowed is an object of faults` });
  if (!Number.isSafeInteger(seeds) || seeds < 1) {
    faults.push({ field: 'seeds', problem: `got ${show(seeds)}: allowed is a whole number from 1` });
  }
  const problem = seedProblem(maxShrinkRuns);
  if (problem !== undefined) faults.push({ field: 'maxShrinkRuns', problem });
  if (typeof scenario !== 'function') {
    faults.push({ field: 'scenario', problem: `got ${show(scenario)}: allowed is a function of the stage` });
  }
  return faults;
}
