import { defineConfig } from 'vitest/config';

/** For what is not meant to pass, apart from all other tests. */
export default defineConfig({
  resolve: { conditions: ['guildwire-source'] },
  ssr: { resolve: { conditions: ['guildwire-source'] } },
  test: {
    include: ['test/testing/mutants/{broken,whole}.ts'],
    dangerouslyIgnoreUnhandledErrors: true,
    silent: true,
    reporters: ['./test/testing/mutants/reporter.ts'],
  },
});
