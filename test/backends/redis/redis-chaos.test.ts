import { genericJson, openBus } from 'guildwire';
import { Redis } from 'ioredis';
import { afterAll, expect, test } from 'vitest';
import type { Lease, Settlement } from '../../../lib/backends/backend.ts';
import { openRedisBackend, type RedisBackend } from '../../../lib/backends/redis/redis-backend.ts';
import { testSeed } from '../../../lib/environment/variables.ts';
import { seededRandom } from '../../../lib/testing/random.ts';
import { subscriptionTo, wait } from '../../redis-server/consumer.ts';
import { RedisServer } from '../../redis-server/redis-server.ts';
import { storeFaults } from '../../redis-server/store-faults.ts';

const server = await RedisServer.start();
afterAll(() => server[Symbol.asyncDispose]());

const MESSAGES = 600;
const LEASE_MS = 120;
const fault = { code: 'X', message: 'as asked', retryable: true };

/** How an attempt ends: undefined for a consumer that dies, and is never heard of again. */
function decide(random: () => number, lease: Lease): Settlement | undefined {
  const chance = random();
  if (lease.attemptsBefore >= 4 || chance < 0.6) return { kind: 'completed', lease, outputs: [], state: [] };
  if (chance < 0.75) return { kind: 'retry', lease, delayMs: Math.floor(random() * 40), fault };
  if (chance < 0.85) return { kind: 'released', lease, delayMs: Math.floor(random() * 40) };
  if (chance < 0.9) return { kind: 'dead', lease, reason: 'failed', fault };
  return undefined;
}

/** Takes and settles until told to stop; what was handled or died, by name, in order. */
async function consume(backend: RedisBackend, namespace: string, random: () => number, isOver: () => boolean) {
  const ended: { readonly name: string; readonly kind: string }[] = [];
  while (!isOver()) {
    const request = { agent: 'one', namespaces: [namespace], max: 1 + Math.floor(random() * 8), leaseMs: LEASE_MS };
    const leases = await backend.lease({ ...request, waitMs: 50 }).catch(() => []);
    const returned = leases.filter((lease) => lease.returned);
    const started = returned.length === 0 ? [] : await backend.start(returned).catch(() => []);
    const lost = new Set(returned.filter((_, index) => started[index]?.ok !== true));
    const settlements = leases.filter((lease) => !lost.has(lease)).flatMap((lease) => decide(random, lease) ?? []);
    if (settlements.length === 0) continue;
    const outcomes = await backend.settle(settlements).catch(() => []);
    for (const [index, { kind, lease }] of settlements.entries()) {
      const isEnd = kind === 'completed' || kind === 'dead';
      if (isEnd && outcomes[index]?.ok) ended.push({ name: `${lease.message?.payload}`, kind });
    }
  }
  return ended;
}

test.each(['none', 'key'] as const)(
  'consumers that fail, die and are cut off at random lose nothing and end nothing twice (ordering: %s)',
  async (ordering) => {
    const seed = testSeed() ?? Math.floor(Math.random() * 2 ** 32);
    console.info(`GUILDWIRE_TEST_SEED=${seed}`);
    const random = seededRandom(seed);
    const namespace = `chaos-${ordering}`;
    const open = () => openRedisBackend(server.url, { pollMs: 50, timeoutMs: 20_000, random });
    await using first = await open();
    await using second = await open();
    const backends = [first, second];
    const bus = openBus(first, { namespace, sender: 'user:test' });
    await first.subscribe(subscriptionTo(namespace, { ordering }));
    const admin = new Redis(server.url);
    let isOver = false;
    const cutting = (async () => {
      while (!isOver) {
        await wait(50 + random() * 200);
        await admin.call('CLIENT', 'KILL', 'TYPE', random() < 0.5 ? 'normal' : 'pubsub', 'SKIPME', 'yes');
      }
    })();
    const consuming = [0, 1, 2, 3].map((n) =>
      consume(backends[n % 2] as RedisBackend, namespace, random, () => isOver),
    );

    for (let n = 0; n < MESSAGES; n++) {
      const delayMs = random() < 0.1 ? Math.floor(random() * 100) : 0;
      const options = { priority: Math.floor(random() * 10) as 0, key: `k${n % 7}`, ...(delayMs > 0 && { delayMs }) };
      await bus.publish(`a.${n % 3}`, genericJson, n, options);
    }
    const giveUpAt = Date.now() + 30_000;
    while (Date.now() < giveUpAt && (await first.stats(namespace))[0]?.waiting !== 0) await wait(50);
    await wait(2 * LEASE_MS + 200);
    while (Date.now() < giveUpAt && (await first.stats(namespace))[0]?.waiting !== 0) await wait(50);
    isOver = true;
    const ended = (await Promise.all(consuming)).flat();
    await cutting;
    admin.disconnect();
    const [stats] = await first.stats(namespace);

    const names = ended.map(({ name }) => name);
    expect(names.toSorted()).toEqual([...new Set(names)].toSorted());
    expect(names.length).toBe(MESSAGES);
    expect(stats).toMatchObject({ waiting: 0, dead: ended.filter(({ kind }) => kind === 'dead').length });
    expect(await storeFaults(server.url)).toEqual([]);
  },
);
