import { genericJson, openBus } from 'guildwire';
import { Redis } from 'ioredis';
import { afterAll, expect, test } from 'vitest';
import { openRedisBackend } from '../../../lib/backends/redis/redis-backend.ts';
import { complete, payloadsOf, subscriptionTo, take, wait } from '../../redis-server/consumer.ts';
import { RedisServer } from '../../redis-server/redis-server.ts';

const server = await RedisServer.start();
const admin = new Redis(server.url);
afterAll(async () => {
  admin.disconnect();
  await server[Symbol.asyncDispose]();
});

test('a pattern gets the first message of a topic that did not exist, at once, and nothing scans keys', async () => {
  await using consumer = await openRedisBackend(server.url, { pollMs: 10_000 });
  await using publisher = await openRedisBackend(server.url);
  await consumer.subscribe(subscriptionTo('new', { patterns: ['user.*.inbox'] }));
  const bus = openBus(publisher, { namespace: 'new', sender: 'user:test' });
  await bus.publish('user.eve.outbox', genericJson, 'before');
  const waiting = take(consumer, 'new', 10, 8_000);
  await wait(100);

  const began = performance.now();
  await bus.publish('user.ada.inbox', genericJson, 'hello');
  const leases = await waiting;
  const tookMs = performance.now() - began;

  expect(payloadsOf(leases)).toEqual(['hello']);
  expect(tookMs).toBeLessThan(2_000);
  const { items } = await bus.read({ topic: '$topics' });
  expect(items.map(({ payload }) => payload)).toEqual([{ topic: 'user.eve.outbox' }, { topic: 'user.ada.inbox' }]);
  expect(await admin.info('commandstats')).not.toMatch(/cmdstat_(keys|scan)\b/);
});

test('clients that learn of a subscription late still publish to it', async () => {
  await using one = await openRedisBackend(server.url);
  await using other = await openRedisBackend(server.url);
  const bus = openBus(one, { namespace: 'late', sender: 'user:test' });
  await bus.publish('a', genericJson, 'before');

  await other.subscribe(subscriptionTo('late'));
  await bus.publish('a', genericJson, 'after');
  const leases = await take(other, 'late');
  await complete(other, leases);
  await other.unsubscribe('late', 'one');
  await bus.publish('a', genericJson, 'to nobody');
  await other.subscribe(subscriptionTo('late'));

  expect(payloadsOf(leases)).toEqual(['after']);
  expect(await take(other, 'late')).toEqual([]);
});

test('a new subscription has the whole past before anything newer, whoever publishes meanwhile', async () => {
  await using one = await openRedisBackend(server.url);
  await using other = await openRedisBackend(server.url);
  const bus = openBus(one, { namespace: 'past', sender: 'user:test' });
  const entry = (n: number) => ({ topics: 'a', format: genericJson, payload: n as never, options: { key: 'k' } });
  for (let n = 0; n < 1_200; n += 100)
    await bus.publishMany(Array.from({ length: 100 }, (_, index) => entry(n + index)));

  const subscribing = other.subscribe(subscriptionTo('past', { from: 'beginning', ordering: 'key' }));
  for (let n = 1_200; n < 1_300; n++) await bus.publish('a', genericJson, n, { key: 'k' });
  await subscribing;
  const got: unknown[] = [];
  for (let leases = await take(other, 'past'); leases.length > 0; leases = await take(other, 'past')) {
    got.push(...payloadsOf(leases));
    await complete(other, leases);
  }

  expect(got).toEqual(Array.from({ length: 1_300 }, (_, n) => n));
});
