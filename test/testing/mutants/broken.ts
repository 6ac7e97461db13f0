import { describeBackend } from 'guildwire/testing';
import { describe, vi } from 'vitest';
import { mutants } from './mutants.ts';

/** Many of these tests hang, so they do it side by side and not for long; what does not hang takes milliseconds. */
vi.setConfig({ testTimeout: 1_000, maxConcurrency: 20 });

describe.concurrent('broken', () => {
  for (const { name, harness } of mutants) describeBackend(name, harness);
});
