/** @module How the suite states a line of the contract: a test with a stage, named by the line's number. */
import { type TestContext, test } from 'vitest';
import { testSeed } from '../../environment/variables.ts';
import type { CreateHarness } from './harness.ts';
import { Stage } from './stage.ts';

/** @param name Begins with the number of the line that it holds. */
export type ContractTest = (name: string, body: (stage: Stage, context: TestContext) => Promise<void>) => void;

/** One file of the suite: the lines of one section of the contract. */
export interface ContractGroup {
  readonly title: string;
  readonly define: (contract: ContractTest) => void;
}

/** Tests that get a fresh stage each; a failure prints the seed, which `GUILDWIRE_TEST_SEED` sets again. */
export function contractTests(createHarness: CreateHarness): ContractTest {
  return (name, body) =>
    test(name, async (context) => {
      const seed = testSeed() ?? Math.floor(Math.random() * 2 ** 32);
      context.onTestFailed(() => console.error(`seed of "${name}": GUILDWIRE_TEST_SEED=${seed}`));
      await using stage = new Stage(createHarness(seed));
      await body(stage, context);
    });
}
