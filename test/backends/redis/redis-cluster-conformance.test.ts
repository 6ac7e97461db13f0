import { afterAll, describe, vi } from 'vitest';
import { describeBackend } from '../../../lib/testing/conformance/describe-backend.ts';
import { RedisCluster } from '../../redis-server/redis-cluster.ts';
import { redisHarness } from '../../redis-server/redis-harness.ts';

const cluster = await RedisCluster.start();
afterAll(() => cluster[Symbol.asyncDispose]());

// Most of the time is waited, and each test has a namespace of its own.
vi.setConfig({ maxConcurrency: 8 });
const nodes = cluster.servers.map(({ port }) => ({ host: '127.0.0.1', port }));
describe.concurrent('at once', () =>
  describeBackend('a redis cluster', redisHarness({ url: cluster.url, nodes, prefix: 'guildwire' })));
