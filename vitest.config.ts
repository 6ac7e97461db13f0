import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** What waits longest starts first: at the end it would wait alone. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLong = ({ moduleId }: TestSpecification) => moduleId.endsWith('-conformance.test.ts');
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

export default defineConfig({
  // Tests import the package by its name and get the sources, not a build that may be stale.
  resolve: { conditions: ['guildwire-source'] },
  ssr: { resolve: { conditions: ['guildwire-source'] } },
  test: {
    include: ['test/**/*.test.ts', 'examples/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Suites on real stores mostly wait, and no test has to be fast.
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
  },
});
