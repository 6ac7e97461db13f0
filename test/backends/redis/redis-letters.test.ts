import { Redis } from 'ioredis';
import { afterAll, expect, test } from 'vitest';
import type { Backend, Lease, Subscription } from '../../../lib/backends/backend.ts';
import { openRedisBackend } from '../../../lib/backends/redis/redis-backend.ts';
import { openBus } from '../../../lib/bus/bus.ts';
import { genericJson } from '../../../lib/core/format.ts';
import { RedisServer } from '../../redis-server/redis-server.ts';

const server = await RedisServer.start();
const admin = new Redis(server.port, '127.0.0.1');
afterAll(async () => {
  admin.disconnect();
  await server[Symbol.asyncDispose]();
});

const LEASE_MS = 30_000;
let made = 0;

interface Place extends AsyncDisposable {
  readonly namespace: string;
  readonly backends: readonly [Backend, Backend];
  publish(payload: string): Promise<unknown>;
  /** Waits for a delivery; it is noted on the server when this resolves. */
  waiting(backend: Backend, max?: number): Promise<{ readonly leases: Promise<readonly Lease[]> }>;
  readonly waiters: () => Promise<number>;
}

/** Two backends of one namespace, whose consumers look by themselves only after so many ms. */
async function place(pollMs: number): Promise<Place> {
  const namespace = `letters-${made++}`;
  const open = () => openRedisBackend(server.url, { pollMs, prefix: 'letters' });
  const backends = [await open(), await open()] as const;
  const [first] = backends;
  const subscription: Subscription = {
    ...{ namespace, agent: 'one', patterns: ['a'], onlyWhenTagged: false },
    ...{ ordering: 'none', guarantee: 'at-least-once', from: 'now' },
  };
  await first.subscribe(subscription);
  const bus = openBus(first, { namespace, sender: 'user:test' });
  const waiters = () => admin.hlen(`letters:{${namespace}}:q:one:w`);
  return {
    namespace,
    backends,
    waiters,
    publish: (payload) => bus.publish('a', genericJson, payload),
    async waiting(backend, max = 1) {
      const before = await waiters();
      const request = { agent: 'one', namespaces: [namespace], max, leaseMs: LEASE_MS, waitMs: 40_000 };
      const leases = backend.lease(request);
      while ((await waiters()) === before);
      const heard = async () => (await admin.pubsub('CHANNELS', `letters:{${namespace}}:q:one:w:*`)) as string[];
      while ((await heard()).length <= before);
      return { leases };
    },
    async [Symbol.asyncDispose]() {
      for (const backend of backends) await backend[Symbol.asyncDispose]();
    },
  };
}

const payloads = (leases: readonly Lease[]) => leases.map(({ message }) => message?.payload);
const leaseCalls = async () => Number(/cmdstat_fcall:calls=(\d+)/.exec(await admin.info('commandstats'))?.[1]);

test('who waits is given what comes without asking again', async () => {
  await using at = await place(60_000);
  const [, backend] = at.backends;
  const warmUp = await at.waiting(backend);
  await at.publish('the first of a topic is announced');
  await warmUp.leases;
  const { leases } = await at.waiting(backend);
  const before = await leaseCalls();

  await at.publish('said');

  expect(payloads(await leases)).toEqual(['said']);
  // That of publishing alone: consumers look by themselves once a minute here.
  expect((await leaseCalls()) - before).toBe(1);
});

test('each of several who wait gets as much as it asked for, and nobody the same', async () => {
  await using at = await place(60_000);
  const [one, other] = at.backends;
  const first = await at.waiting(one);
  const second = await at.waiting(other);

  await Promise.all(['x', 'y', 'z'].map((payload) => at.publish(payload)));

  const given = [...payloads(await first.leases), ...payloads(await second.leases)];
  expect(given).toHaveLength(2);
  const request = { agent: 'one', namespaces: [at.namespace], max: 9, leaseMs: LEASE_MS, waitMs: 0 };
  expect([...given, ...payloads(await one.lease(request))].toSorted()).toEqual(['x', 'y', 'z']);
});

test('a letter that is lost is given again', async () => {
  await using at = await place(200);
  const { leases } = await at.waiting(at.backends[1]);
  const [channel = ''] = (await admin.pubsub('CHANNELS', `letters:{${at.namespace}}:q:one:w:*`)) as string[];
  const listeners = (await admin.call('CLIENT', 'LIST', 'TYPE', 'pubsub')) as string;
  // Somebody hears it, so the server takes it for delivered, and the consumer does not.
  const other = new Redis(server.port, '127.0.0.1');
  const heard = new Promise((resolve) => other.once('message', resolve));
  await other.subscribe(channel);
  for (const [, id = ''] of listeners.matchAll(/^id=(\d+)/gm)) await admin.call('CLIENT', 'KILL', 'ID', id);

  await at.publish('said');
  await heard;

  const [lease] = await leases;
  other.disconnect();
  expect(lease?.message?.payload).toBe('said');
  // Not after its lease had run out.
  expect(lease).toMatchObject({ returned: false, attemptsBefore: 0 });
});

test('what would go to a consumer that is gone goes to another at once', async () => {
  await using at = await place(60_000);
  const [one, other] = at.backends;
  const gone = await at.waiting(other);
  await other[Symbol.asyncDispose]();
  await gone.leases.catch(() => []);
  while (((await admin.pubsub('CHANNELS', `letters:{${at.namespace}}:q:one:w:*`)) as string[]).length > 0);

  await at.publish('said');

  const request = { agent: 'one', namespaces: [at.namespace], max: 9, leaseMs: LEASE_MS, waitMs: 0 };
  const [lease] = await one.lease(request);
  expect(lease?.message?.payload).toBe('said');
  expect(lease).toMatchObject({ attemptsBefore: 0, returned: false });
});

test('a large message is fetched, and who stops waiting is noted no longer', async () => {
  await using at = await place(60_000);
  const [one, other] = at.backends;
  const large = 'x'.repeat(200_000);
  const { leases } = await at.waiting(other);

  await at.publish(large);

  expect(payloads(await leases)).toEqual([large]);
  const stopping = new AbortController();
  const request = { agent: 'one', namespaces: [at.namespace], max: 1, leaseMs: LEASE_MS, waitMs: 40_000 };
  const waiting = one.lease({ ...request, signal: stopping.signal });
  while ((await at.waiters()) === 0);
  stopping.abort();
  expect(await waiting).toEqual([]);
  expect(await at.waiters()).toBe(0);
});
