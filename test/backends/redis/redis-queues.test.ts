import { genericJson, openBus } from 'guildwire';
import { Redis } from 'ioredis';
import { afterAll, expect, test, vi } from 'vitest';
import { openRedisBackend } from '../../../lib/backends/redis/index.ts';
import { Namespaces } from '../../../lib/backends/redis/namespace.ts';
import { complete, payloadsOf, subscriptionTo, take, wait } from '../../redis-server/consumer.ts';
import { cutConnections } from '../../redis-server/cut-connections.ts';
import { RedisServer } from '../../redis-server/redis-server.ts';
import { storeFaults } from '../../redis-server/store-faults.ts';

const server = await RedisServer.start();
const admin = new Redis(server.url);
afterAll(async () => {
  admin.disconnect();
  await server[Symbol.asyncDispose]();
});

const entry = (n: number) => ({
  topics: 'a',
  format: genericJson,
  payload: n as never,
  options: { key: `k${n % 5}`, priority: (n % 10) as 0 },
});

/** The numbers that were taken, in the order in which they came, until nothing is left. */
async function drained(backend: Awaited<ReturnType<typeof openRedisBackend>>, namespace: string): Promise<number[]> {
  const got: number[] = [];
  for (
    let leases = await take(backend, namespace, 100);
    leases.length > 0;
    leases = await take(backend, namespace, 100)
  ) {
    got.push(...payloadsOf(leases).map(Number));
    expect(await complete(backend, leases)).toEqual(leases.map(() => true));
  }
  return got;
}

const byKey = (numbers: readonly number[]) => [0, 1, 2, 3, 4].map((key) => numbers.filter((n) => n % 5 === key));

test('the order of a queue changes while it is long and more comes, there and back', async () => {
  await using backend = await openRedisBackend(server.url);
  await using other = await openRedisBackend(server.url);
  const bus = openBus(backend, { namespace: 'order', sender: 'user:test' });
  await backend.subscribe(subscriptionTo('order'));
  for (let n = 0; n < 3_500; n += 100)
    await bus.publishMany(Array.from({ length: 100 }, (_, index) => entry(n + index)));
  const [held] = await take(backend, 'order', 1);
  if (held === undefined) throw new Error('nothing came');

  const changing = backend.subscribe(subscriptionTo('order', { ordering: 'key' }));
  for (let n = 3_500; n < 3_600; n++)
    await openBus(other, { namespace: 'order', sender: 'user:test' }).publish('a', genericJson, n, entry(n).options);
  await changing;
  expect(await storeFaults(server.url)).toEqual([]);
  const one = await take(backend, 'order', 100);
  // One for each key, but the key that is held by who took it before the change.
  expect(one).toHaveLength(4);
  expect(one.map(({ message }) => message?.key)).not.toContain(held.message?.key);
  await complete(backend, [held, ...one]);
  const half: number[] = payloadsOf([held, ...one]).map(Number);
  while (half.length < 1_000) {
    const leases = await take(backend, 'order', 100);
    half.push(...payloadsOf(leases).map(Number));
    await complete(backend, leases);
  }
  for (const numbers of byKey(half.filter((n) => n !== half[0])))
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));

  await backend.subscribe(subscriptionTo('order', { ordering: 'none' }));
  expect(await storeFaults(server.url)).toEqual([]);
  const rest = await drained(backend, 'order');

  expect(rest).toEqual(rest.toSorted((a, b) => (a % 10) - (b % 10) || a - b));
  expect([...half, ...rest].toSorted((a, b) => a - b)).toEqual(Array.from({ length: 3_600 }, (_, n) => n));
  expect(await storeFaults(server.url)).toEqual([]);
});

test('a change of the order that broke off is finished by the next who subscribes, and may be turned back', async () => {
  await using backend = await openRedisBackend(server.url);
  const bus = openBus(backend, { namespace: 'broken', sender: 'user:test' });
  await backend.subscribe(subscriptionTo('broken'));
  for (let n = 0; n < 2_500; n += 100)
    await bus.publishMany(Array.from({ length: 100 }, (_, index) => entry(n + index)));
  /** As a process would leave it that is killed after so many calls. */
  const breakOff = async (ordering: 'key' | 'none', calls: number) => {
    const [library] = String(await admin.call('FUNCTION', 'LIST')).match(/guildwire_[0-9a-f]{12}/) ?? [];
    const text = JSON.stringify(subscriptionTo('broken', { ordering }));
    const call = (name: string, ...args: string[]) =>
      admin.call('FCALL', `${library}_${name}`, 1, 'guildwire:{broken}', 'one', ...args);
    await call('subscribe', text, ordering, 'at-least-once', 'now', `nonce-${ordering}`);
    for (let n = 0; n < calls; n++) await call('release');
  };

  await breakOff('key', 2);
  expect(await storeFaults(server.url)).toEqual([]);
  expect(await take(backend, 'broken')).toEqual([]);
  await breakOff('none', 1);
  expect(await storeFaults(server.url)).toEqual([]);
  await breakOff('key', 5);
  await backend.subscribe(subscriptionTo('broken', { ordering: 'key' }));
  expect(await storeFaults(server.url)).toEqual([]);
  const got = await drained(backend, 'broken');

  expect(got).toHaveLength(2_500);
  for (const numbers of byKey(got)) expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
});

test('one call hands out no more than fits well into an answer, and the rest keeps its place', async () => {
  await using backend = await openRedisBackend(server.url);
  const bus = openBus(backend, { namespace: 'large', sender: 'user:test' });
  await backend.subscribe(subscriptionTo('large'));
  const large = 'x'.repeat(1024 * 1024);
  for (let n = 0; n < 10; n++) await bus.publish('a', genericJson, `${n}${large}`, { priority: (n % 2) as 0 });

  const first = await take(backend, 'large', 100);
  const second = await take(backend, 'large', 100);
  const third = await take(backend, 'large', 100);

  const digits = [first, second, third].map((leases) =>
    payloadsOf(leases)
      .map((payload) => String(payload)[0])
      .join(''),
  );
  expect(digits).toEqual(['0246', '8135', '79']);
});

test("a lease that is extended in time is nobody else's, and one that is not goes to the next", async () => {
  await using backend = await openRedisBackend(server.url);
  const bus = openBus(backend, { namespace: 'extended', sender: 'user:test' });
  await backend.subscribe(subscriptionTo('extended'));
  for (const payload of ['extended', 'left']) await bus.publish('a', genericJson, payload);
  const request = { agent: 'one', namespaces: ['extended'], max: 2, leaseMs: 400, waitMs: 0 };
  const leases = await backend.lease(request);
  const [extended] = leases;
  if (extended === undefined) throw new Error('nothing came');

  const [outcome] = await backend.extend([extended], 60_000);
  await wait(450);
  const taken = await take(backend, 'extended');

  expect(outcome).toMatchObject({ ok: true });
  expect(payloadsOf(taken)).toEqual(['left']);
  expect(await complete(backend, leases)).toEqual([true, false]);
  expect(await complete(backend, taken)).toEqual([true]);
});

test('a plan that is made while connections are cut holds every entry once', async () => {
  await using backend = await openRedisBackend(server.url);
  const bus = openBus(backend, { namespace: 'plans', sender: 'user:test' });
  await backend.subscribe(subscriptionTo('plans'));
  for (let n = 0; n < 1_200; n += 100)
    await bus.publishMany(Array.from({ length: 100 }, (_, index) => entry(n + index)));
  const stopCutting = cutConnections(admin, [0, 30]);

  const plans = [];
  for (let n = 0; n < 5; n++) plans.push(await bus.plan({ action: 'replay', agent: 'one', messages: { topic: 'a' } }));
  await stopCutting();

  expect(plans.map(({ total }) => total)).toEqual([1_200, 1_200, 1_200, 1_200, 1_200]);
  for (const { id } of plans) {
    const entries = await admin.lrange(`guildwire:{plans}:p:${id.slice(id.indexOf('.') + 1)}:e`, 0, -1);
    expect(entries).toHaveLength(1_200);
    expect(new Set(entries).size).toBe(1_200);
  }
});

test('a subscription that is made while what waited for the former one is forgotten stays', async () => {
  await using backend = await openRedisBackend(server.url);
  const bus = openBus(backend, { namespace: 'renewed', sender: 'user:test' });
  await backend.subscribe(subscriptionTo('renewed'));
  for (let n = 0; n < 1_200; n += 100)
    await bus.publishMany(Array.from({ length: 100 }, (_, index) => entry(n + index)));
  // Who ends it is slow between the calls that it takes, each of which forgets some.
  const renewed = Promise.withResolvers<void>();
  const call = Namespaces.prototype.call;
  let calls = 0;
  using spied = vi.spyOn(Namespaces.prototype, 'call').mockImplementation(async function (this: Namespaces, ...args) {
    if (++calls === 2) await renewed.promise;
    return call.apply(this, args);
  });

  const ending = backend.unsubscribe('renewed', 'one');
  await vi.waitUntil(() => calls === 2);
  await backend.subscribe(subscriptionTo('renewed'));
  renewed.resolve();
  await ending;
  spied.mockRestore();
  await bus.publish('a', genericJson, 'new');

  expect(payloadsOf(await take(backend, 'renewed'))).toEqual(['new']);
  expect(await storeFaults(server.url)).toEqual([]);
});
