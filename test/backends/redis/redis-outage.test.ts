import { BackendUnavailableError, genericJson, openBus } from 'guildwire';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { openRedisBackend } from '../../../lib/backends/redis/redis-backend.ts';
import { complete, payloadsOf, subscriptionTo, take, wait } from '../../redis-server/consumer.ts';
import { cutConnections } from '../../redis-server/cut-connections.ts';
import { RedisServer } from '../../redis-server/redis-server.ts';

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);
const byNumber = (one: unknown, other: unknown) => Number(one) - Number(other);

test('connections that are cut while messages are stored and taken lose nothing and repeat nothing', async () => {
  await using server = await RedisServer.start();
  await using backend = await openRedisBackend(server.url);
  const bus = openBus(backend, { namespace: 'cut', sender: 'user:test' });
  await backend.subscribe(subscriptionTo('cut'));
  const admin = new Redis(server.url);
  const stopCutting = cutConnections(admin, [20, 170]);
  const got: unknown[] = [];

  const publishing = (async () => {
    for (const n of numbers(300)) await bus.publish('a', genericJson, n);
  })();
  const taking = (async () => {
    while (got.length < 300) {
      const leases = await take(backend, 'cut', 20, 200);
      got.push(...payloadsOf(leases));
      expect(await complete(backend, leases)).toEqual(leases.map(() => true));
    }
  })();
  await Promise.all([publishing, taking]);
  await stopCutting();
  admin.disconnect();

  expect(got.toSorted(byNumber)).toEqual(numbers(300));
  expect(await take(backend, 'cut')).toEqual([]);
  const { items } = await bus.read({ topic: 'a', limit: 1_000 });
  expect(items.map(({ payload }) => payload)).toEqual(numbers(300));
});

test('what was accepted outlives a server that is killed, as far as the server writes it down', async () => {
  await using server = await RedisServer.start(['--appendonly', 'yes', '--appendfsync', 'always', '--save', '']);
  await using backend = await openRedisBackend(server.url);
  const bus = openBus(backend, { namespace: 'killed', sender: 'user:test' });
  await backend.subscribe(subscriptionTo('killed'));
  const [before] = [await bus.publish('a', genericJson, 'before')];

  await server.kill();
  await server.restart();
  const after = await bus.publish('a', genericJson, 'after');

  expect(after > before).toBe(true);
  expect(payloadsOf(await take(backend, 'killed'))).toEqual(['before', 'after']);
});

test('a server that has forgotten everything gets its functions again', async () => {
  await using server = await RedisServer.start();
  await using backend = await openRedisBackend(server.url);
  const bus = openBus(backend, { namespace: 'empty', sender: 'user:test' });
  await bus.publish('a', genericJson, 'before');

  await server.kill();
  await server.restart();
  await backend.subscribe(subscriptionTo('empty'));
  await bus.publish('a', genericJson, 'after');

  expect(payloadsOf(await take(backend, 'empty'))).toEqual(['after']);
});

test('while a server hangs calls give up, and what it does with them later takes nothing from consumers', async () => {
  await using server = await RedisServer.start();
  await using backend = await openRedisBackend(server.url, { timeoutMs: 400 });
  await using other = await openRedisBackend(server.url);
  const bus = openBus(backend, { namespace: 'hung', sender: 'user:test' });
  await backend.subscribe(subscriptionTo('hung'));
  await take(backend, 'hung');
  await bus.publish('a', genericJson, 'waits');

  server.pause();
  const refused = await Promise.allSettled([take(backend, 'hung'), bus.publish('a', genericJson, 'unknown')]);
  await wait(100);
  server.resume();
  const leases = await take(other, 'hung');

  for (const each of refused)
    expect(each).toMatchObject({ status: 'rejected', reason: expect.any(BackendUnavailableError) });
  expect(payloadsOf(leases)[0]).toBe('waits');
});

test('a backend that is closed ends what waits in it, and refuses the rest', async () => {
  await using server = await RedisServer.start();
  const backend = await openRedisBackend(server.url);
  await backend.subscribe(subscriptionTo('closed'));

  const waiting = take(backend, 'closed', 1, 10_000);
  await wait(50);
  await backend[Symbol.asyncDispose]();

  expect(await waiting).toEqual([]);
  await expect(take(backend, 'closed')).rejects.toBeInstanceOf(BackendUnavailableError);
});
