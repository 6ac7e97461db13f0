import { BackendUnavailableError, genericJson, openBus } from 'guildwire';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { openRedisBackend } from '../../../lib/backends/redis/index.ts';
import { firstIdOf } from '../../../lib/core/gemstone-id.ts';
import { complete, payloadsOf, subscriptionTo, take, wait } from '../../redis-server/consumer.ts';
import { RedisSentinel } from '../../redis-server/redis-sentinel.ts';
import { RedisServer } from '../../redis-server/redis-server.ts';

const COUNT = 150;
const numbers = Array.from({ length: COUNT }, (_, n) => n);
const DAY_MS = 86_400_000;

test('a failover loses nothing that was accepted and repeats nothing, and ids do not go back', async () => {
  const options = ['--save', '', '--repl-diskless-sync-delay', '0', '--repl-diskless-load', 'swapdb'];
  await using master = await RedisServer.start(options);
  const follows = [...options, '--replicaof', `127.0.0.1 ${master.port}`];
  await using one = await RedisServer.start(follows);
  await using other = await RedisServer.start(follows);
  const admin = new Redis(master.url);
  for (const { port } of [one, other])
    while (!new RegExp(`port=${port},state=online`).test(await admin.info('replication'))) await wait(20);
  await using sentinel = await RedisSentinel.start(master, 2);
  await using backend = await openRedisBackend(sentinel.url, { replicas: 1, timeoutMs: 3_000 });
  const bus = openBus(backend, { namespace: 'failover', sender: 'user:test' });
  await backend.subscribe(subscriptionTo('failover'));
  // As if the clock of the first server had been a day ahead: only what is stored keeps ids from going back.
  await bus.publish('before', genericJson, 0);
  const ahead = firstIdOf(Date.now() + DAY_MS);
  await admin.set('guildwire:{failover}:last', ahead.slice(0, 25));
  admin.disconnect();

  const ids: string[] = [];
  const got: unknown[] = [];
  const publishing = (async () => {
    for (const n of numbers) {
      if (n === COUNT / 3) await master.kill();
      while (ids.length === n) {
        const id = await bus.publish('a', genericJson, n, { idempotencyKey: `k${n}` }).catch((error: unknown) => {
          if (!(error instanceof BackendUnavailableError)) throw error;
        });
        if (id !== undefined) ids.push(id);
      }
    }
  })();
  let isOver = false;
  const untold: unknown[] = [];
  const taking = (async () => {
    for (;;) {
      const leases = await take(backend, 'failover', 10, 500).catch(() => undefined);
      if (leases?.length === 0 && isOver) return;
      const outcomes = await complete(backend, leases ?? []).catch(() => undefined);
      const payloads = payloadsOf(leases ?? []);
      if (outcomes === undefined) untold.push(...payloads);
      else got.push(...payloads.filter((_, index) => outcomes[index]));
    }
  })();
  await publishing;
  isOver = true;
  await taking;

  expect(ids).toEqual(ids.toSorted());
  expect(ids.at(-1)?.slice(0, 4)).toBe(ahead.slice(0, 4));
  expect((await bus.read({ topic: 'a', limit: 1_000 })).items.map(({ payload }) => payload)).toEqual(numbers);
  expect(got).toHaveLength(new Set(got).size);
  expect([...new Set([...got, ...untold])].toSorted((a, b) => Number(a) - Number(b))).toEqual(numbers);
  expect(await backend.stats('failover')).toMatchObject([{ waiting: 0 }]);
  expect(await backend.describeServer()).toMatchObject({ mode: 'sentinel', masters: 1 });
});
