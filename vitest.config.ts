import { defineConfig } from 'vitest/config';

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
  },
});
