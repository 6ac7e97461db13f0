import { randomUUID } from 'node:crypto';
import { afterAll, describe, expect, vi } from 'vitest';
import { describeBackend } from '../../../lib/testing/conformance/describe-backend.ts';
import { redisHarness } from '../../redis-server/redis-harness.ts';
import { testServer } from '../../redis-server/redis-server.ts';
import { clearStore, storeFaults } from '../../redis-server/store-faults.ts';

const server = await testServer();
const prefix = `guildwire-test-${randomUUID().slice(0, 8)}`;
afterAll(async () => {
  const faults = await storeFaults(server.url, prefix);
  await clearStore(server.url, prefix);
  await server[Symbol.asyncDispose]();
  expect(faults).toEqual([]);
});

// Most of the time is waited, and each test has a namespace of its own.
vi.setConfig({ maxConcurrency: 8 });
describe.concurrent('at once', () => describeBackend('redis', redisHarness({ url: server.url, prefix })));
