import { openBus } from 'guildwire';
import { afterAll, expect, test } from 'vitest';
import { openRedisBackend } from '../../../lib/backends/redis/redis-backend.ts';
import { genericJson } from '../../../lib/core/format.ts';
import { RedisCluster } from '../../redis-server/redis-cluster.ts';

const cluster = await RedisCluster.start();
afterAll(() => cluster[Symbol.asyncDispose]());

test('namespaces lie on different nodes of a cluster, each whole on one', async () => {
  await using backend = await openRedisBackend(cluster.url);
  const namespaces = Array.from({ length: 12 }, (_, n) => `cluster-${n}`);

  for (const namespace of namespaces) {
    const subscription = { namespace, agent: 'one', patterns: ['a.*'], onlyWhenTagged: false } as const;
    await backend.subscribe({ ...subscription, ordering: 'key', guarantee: 'at-least-once', from: 'now' });
    const bus = openBus(backend, { namespace, sender: 'user:test' });
    const leasing = backend.lease({ agent: 'one', namespaces: [namespace], max: 1, leaseMs: 5_000, waitMs: 5_000 });
    await bus.publish('a.x', genericJson, namespace);
    const [lease] = await leasing;
    if (lease === undefined) throw new Error('nothing came');
    const [outcome] = await backend.settle([{ kind: 'completed', lease, outputs: [], state: [] }]);

    expect(lease.message?.payload).toBe(namespace);
    expect(outcome).toMatchObject({ ok: true });
    expect((await bus.read({ pattern: 'a.*' })).items.map(({ payload }) => payload)).toEqual([namespace]);
  }
});
