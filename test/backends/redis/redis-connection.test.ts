import { genericJson, openBus } from 'guildwire';
import { expect, test } from 'vitest';
import { type ConnectionState, openRedisBackend } from '../../../lib/backends/redis/index.ts';
import { payloadsOf, subscriptionTo, take, wait } from '../../redis-server/consumer.ts';
import { RedisCluster } from '../../redis-server/redis-cluster.ts';
import { RedisServer } from '../../redis-server/redis-server.ts';
import { TcpGate } from '../../redis-server/tcp-gate.ts';

test('whoever wants is told when the connection is lost, sought and found again, and why', async () => {
  await using server = await RedisServer.start(['--appendonly', 'yes', '--appendfsync', 'always', '--save', '']);
  const told: { state: ConnectionState; reason?: string; inMs?: number }[] = [];
  await using backend = await openRedisBackend(server.url, {
    timeoutMs: 20_000,
    onConnection: (state, detail) => told.push({ state, ...detail }),
  });
  const bus = openBus(backend, { sender: 'user:test' });
  await bus.publish('a', genericJson, 1);

  await server.kill();
  while (told.filter(({ state }) => state === 'reconnecting').length < 3) await wait(10);
  const publishing = bus.publish('a', genericJson, 2);
  await server.restart();
  await publishing;

  const states = told.map(({ state }) => state);
  expect(states.slice(0, 3)).toEqual(['connected', 'lost', 'reconnecting']);
  expect(states.at(-1)).toBe('connected');
  const attempts = told.filter(({ state }) => state === 'reconnecting');
  expect(attempts.at(-1)?.reason).toMatch(/ECONNREFUSED/);
  expect(attempts.at(-1)?.inMs).toBeGreaterThan(attempts[0]?.inMs ?? 0);
  const { items } = await bus.read({ topic: 'a' });
  expect(items.map(({ payload }) => payload)).toEqual([1, 2]);
});

test('a host that is gone without a word is left for who has taken over', async () => {
  await using gone = await RedisServer.start();
  await using next = await RedisServer.start();
  await using gate = await TcpGate.open({ host: '127.0.0.1', port: gone.port });
  await using backend = await openRedisBackend(`redis://127.0.0.1:${gate.port}`, { timeoutMs: 300 });
  const bus = openBus(backend, { sender: 'user:test' });
  await bus.publish('a', genericJson, 'before');

  gone.pause();
  gate.target = { host: '127.0.0.1', port: next.port };
  const refused = await bus.publish('a', genericJson, 'unknown').catch((error: unknown) => error);
  let id: string | undefined;
  while (id === undefined) id = await bus.publish('a', genericJson, 'after').catch(() => undefined);
  gone.resume();

  expect(refused).toMatchObject({ code: 'BACKEND_UNAVAILABLE' });
  expect((await bus.read({ topic: 'a' })).items.map(({ payload }) => payload)).toContain('after');
});

test('clients whose server forgot everything do not match against what was before', async () => {
  await using server = await RedisServer.start();
  await using publisher = await openRedisBackend(server.url);
  await using consumer = await openRedisBackend(server.url);
  const bus = openBus(publisher, { namespace: 'new', sender: 'user:test' });
  await consumer.subscribe(subscriptionTo('new', { agent: 'other', patterns: ['b'] }));
  await bus.publish('a', genericJson, 'before');

  await server.kill();
  await server.restart();
  // As many changes as before, the claim of the namespace among them, to something else.
  await consumer.subscribe(subscriptionTo('new', { agent: 'third', patterns: ['c'] }));
  await consumer.subscribe(subscriptionTo('new'));
  await bus.publish('a', genericJson, 'after');

  expect(payloadsOf(await take(consumer, 'new'))).toEqual(['after']);
});

test('a cluster tells about all of its masters together, and every one of them is checked', async () => {
  await using cluster = await RedisCluster.start();
  await using backend = await openRedisBackend(cluster.url);
  const [, , last] = cluster.servers;
  if (last === undefined) throw new Error('three were asked for');

  const described = await backend.describeServer();
  await last.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
  const refused = await backend.stats('n').catch(String);

  expect(described).toMatchObject({ mode: 'cluster', masters: 3, replicas: 0, appendfsync: 'off' });
  expect(described.maxmemoryPolicy).toBe('noeviction');
  expect((await backend.describeServer()).maxmemoryPolicy?.split(', ').toSorted()).toEqual([
    'allkeys-lru',
    'noeviction',
  ]);
  expect(refused).toMatch(/throws keys away/);
});
