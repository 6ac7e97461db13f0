import { genericJson, openBus } from 'guildwire';
import { Redis } from 'ioredis';
import { afterAll, expect, test, vi } from 'vitest';
import { openRedisBackend } from '../../../lib/backends/redis/redis-backend.ts';
import { TopicFamilies } from '../../../lib/core/topic-family.ts';
import { complete, payloadsOf, subscriptionTo, take, wait } from '../../redis-server/consumer.ts';
import { RedisServer } from '../../redis-server/redis-server.ts';

const server = await RedisServer.start();
const admin = new Redis(server.url);
afterAll(async () => {
  admin.disconnect();
  await server[Symbol.asyncDispose]();
});

const DAY_MS = 86_400_000;
const SHORT_MS = 200;
const brief = { pattern: 'a', formats: [], retentionDays: SHORT_MS / DAY_MS };
const families = new TopicFamilies([brief], true);

/** What is left of a namespace, without answers to calls, which go away by themselves. */
async function keysOf(namespace: string): Promise<readonly string[]> {
  const base = `guildwire:{${namespace}}:`;
  const keys = await admin.keys(`${base}*`);
  return keys.map((key) => key.slice(base.length)).filter((key) => !key.startsWith('n:'));
}

test('retention lets go of what is old, with all that was kept for it, and keeps the rest', async () => {
  await using backend = await openRedisBackend(server.url, { families });
  const bus = openBus(backend, { namespace: 'old', sender: 'user:test' });
  await bus.publish('a', genericJson, 'old', { conversationId: 'c' });
  const shared = await bus.publish(['a', 'b'], genericJson, 'old, and kept elsewhere');
  await wait(SHORT_MS + 50);
  await bus.publish('b', genericJson, 'another topic');

  await backend.sweep('old');

  expect((await bus.read({ topic: 'a' })).items).toEqual([]);
  expect((await bus.topics()).map(({ topic }) => topic)).toEqual(['b']);
  expect((await bus.read({ topic: 'b' })).items.map(({ id }) => id)[0]).toBe(shared);
  const left = await keysOf('old');
  expect(left.filter((key) => /^(c|th|t:a)/.test(key))).toEqual([]);
  // Two on b, and the announcements of both topics.
  expect(left.filter((key) => key.startsWith('m:'))).toHaveLength(4);
});

test('retention takes nothing that a subscription has not had', async () => {
  await using backend = await openRedisBackend(server.url, { families });
  const bus = openBus(backend, { namespace: 'waits', sender: 'user:test' });
  await backend.subscribe(subscriptionTo('waits'));
  for (const payload of ['one', 'two', 'three']) await bus.publish('a', genericJson, payload);
  await complete(backend, await take(backend, 'waits', 1));
  await wait(SHORT_MS + 50);

  await backend.sweep('waits');
  const kept = (await bus.read({ topic: 'a' })).items.map(({ payload }) => payload);
  const leases = await take(backend, 'waits');
  await complete(backend, leases);
  await backend.sweep('waits');

  expect(kept).toEqual(['two', 'three']);
  expect(payloadsOf(leases)).toEqual(['two', 'three']);
  // What is left is the announcement of the topic.
  expect((await keysOf('waits')).filter((key) => /^(m|x|r):/.test(key))).toHaveLength(2);
});

test('a dead letter is redriven after its original is no longer kept', async () => {
  await using backend = await openRedisBackend(server.url, { families });
  const bus = openBus(backend, { namespace: 'dead', sender: 'user:test' });
  await backend.subscribe(subscriptionTo('dead', { ordering: 'key' }));
  const id = await bus.publish('a', genericJson, { text: 'ü' }, { key: 'k', priority: 2 });
  const fault = { code: 'X', message: 'x', retryable: false };
  const [lease] = await take(backend, 'dead');
  if (lease === undefined) throw new Error('nothing came');
  await backend.settle([{ kind: 'dead', reason: 'permanent', lease, fault }]);
  await wait(SHORT_MS + 50);
  await backend.sweep('dead');
  expect(await bus.get([{ topic: 'a', id }])).toEqual([]);

  const plan = await bus.plan({ action: 'redrive', agent: 'one' });
  await bus.runPlan(plan.id);
  const again = await take(backend, 'dead');

  expect(again).toMatchObject([{ epoch: 1, cause: 'redriven', message: lease.message }]);

  // Nothing lists what was stored once more, and it goes all the same when it is handled and was there for a while.
  await backend.sweep('dead');
  expect(await keysOf('dead')).toContain(`m:${id}`);
  await complete(backend, again);
  expect(await backend.fates('dead', { topic: 'a', id })).toMatchObject([{ state: 'handled' }]);
  expect(await admin.zscore('guildwire:{dead}:expires', id)).not.toBeNull();
  await admin.zadd('guildwire:{dead}:expires', 0, id);
  await backend.sweep('dead');
  expect((await keysOf('dead')).filter((key) => key === `m:${id}` || key === `x:${id}`)).toEqual([]);
});

test('a namespace that cannot be swept keeps no other from being swept', async () => {
  await using backend = await openRedisBackend(server.url, { families, sweepMs: SHORT_MS });
  const busOf = (namespace: string) => openBus(backend, { namespace, sender: 'user:test' });
  await busOf('foreign').publish('a', genericJson, 'old');
  await busOf('behind').publish('a', genericJson, 'old');
  await admin.set('guildwire:{foreign}:expires', 'of another program');

  await vi.waitUntil(async () => (await busOf('behind').read({ topic: 'a' })).items.length === 0, { timeout: 5_000 });
});

test('a subscription that nobody serves is given up some day, and $errors tells of it', async () => {
  await using backend = await openRedisBackend(server.url, { abandonAfterDays: SHORT_MS / DAY_MS });
  const bus = openBus(backend, { namespace: 'left', sender: 'user:test' });
  await backend.subscribe(subscriptionTo('left'));
  await backend.subscribe(subscriptionTo('left', { agent: 'other' }));
  await bus.publish('a', genericJson, 1);
  await wait(SHORT_MS + 50);
  await backend.subscribe(subscriptionTo('left', { agent: 'other' }));

  await backend.sweep('left');

  expect((await backend.stats('left')).map(({ agent }) => agent)).toEqual(['other']);
  expect((await bus.read({ topic: '$errors' })).items).toMatchObject([{ payload: { agent: 'one', waiting: 1 } }]);
  expect((await keysOf('left')).filter((key) => key.startsWith('q:one'))).toEqual([]);
});
