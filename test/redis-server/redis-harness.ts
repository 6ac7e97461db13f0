import { Cluster, Redis } from 'ioredis';
import type { Subscription } from '../../lib/backends/backend.ts';
import { RedisBackend } from '../../lib/backends/redis/redis-backend.ts';
import type { RedisOptions } from '../../lib/backends/redis/redis-options.ts';
import { follows } from '../../lib/core/admission.ts';
import { systemClock } from '../../lib/core/clock.ts';
import { priorityOf } from '../../lib/core/gemstone-id.ts';
import type { MessageKey } from '../../lib/core/message.ts';
import type { CreateHarness } from '../../lib/testing/conformance/harness.ts';
import { seededRandom } from '../../lib/testing/random.ts';
import { TcpGate } from './tcp-gate.ts';

const UNIT_MS = 80;
const TIMEOUT_MS = 2_500;
/** Looks, this long apart, at which nothing may have gone through for a namespace to be at rest. */
const QUIET_LOOKS = 4;
const QUIET_LOOK_MS = 12;

const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** A backend that reaches its servers through gates of its own. */
class GatedBackend extends RedisBackend {
  readonly gates: readonly TcpGate[];

  constructor(url: string, way: RedisOptions, options: RedisOptions, gates: readonly TcpGate[]) {
    super(url, { ...way, ...options, timeoutMs: TIMEOUT_MS, pollMs: 250 });
    this.gates = gates;
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    for (const gate of this.gates) await gate[Symbol.asyncDispose]();
  }
}

/** A server, or the nodes of a cluster, and what begins every key there. */
export interface Target {
  readonly url: string;
  /** Where the nodes are, for a cluster. */
  readonly nodes?: readonly { readonly host: string; readonly port: number }[];
  readonly prefix: string;
}

/** For the conformance suite: real time, the same servers for all tests, and gates for each backend. */
export function redisHarness(target: Target): CreateHarness {
  return (seed) => {
    const random = seededRandom(seed);
    const gates: TcpGate[] = [];
    const chunks = () => gates.reduce((sum, gate) => sum + gate.chunks, 0);
    return {
      clock: systemClock,
      random,
      unitMs: UNIT_MS,
      async open() {
        const { nodes = [hostOf(target.url)], prefix } = target;
        const own = await Promise.all(nodes.map((node) => TcpGate.open(node)));
        gates.push(...own);
        return new GatedBackend(...gated(target, own), { random, prefix }, own);
      },
      advance: (units) => wait(units * UNIT_MS),
      async quiet() {
        for (let looks = 0, before = -1; looks < QUIET_LOOKS; ) {
          await wait(QUIET_LOOK_MS);
          looks = chunks() === before ? looks + 1 : 0;
          before = chunks();
        }
      },
      async setReachable(backend, isReachable) {
        for (const gate of (backend as GatedBackend).gates) gate.isOpen = isReachable;
      },
      deliverRaw: (_, namespace, key, raw) => putRaw(target, namespace, key, raw),
    };
  };
}

function hostOf(url: string) {
  const { hostname, port } = new URL(url);
  return { host: hostname.replaceAll(/[[\]]/g, ''), port: Number(port || 6379) };
}

/** The same servers by way of the gates, and what says so to the client. */
function gated({ url, nodes }: Target, gates: readonly TcpGate[]): [string, RedisOptions] {
  const places = gates.map(({ port }) => ({ host: '127.0.0.1', port }));
  if (nodes !== undefined) {
    const natMap = Object.fromEntries(nodes.map(({ host, port }, n) => [`${host}:${port}`, places[n] as Place]));
    return [`redis://${places.map(({ host, port }) => `${host}:${port}`).join(',')}?cluster=true`, { natMap }];
  }
  const through = new URL(url);
  through.host = places.map(({ host, port }) => `${host}:${port}`).join();
  // The certificate is that of the server, not of the gate.
  return [through.href, through.protocol === 'rediss:' ? { tls: { servername: hostOf(url).host } } : {}];
}

type Place = { readonly host: string; readonly port: number };

/** As a damaged store would have it: a queue entry whose body is no message. */
async function putRaw({ url, nodes, prefix }: Target, namespace: string, key: MessageKey, raw: Uint8Array) {
  const redis = nodes === undefined ? new Redis(url) : new Cluster([...nodes]);
  const base = `${prefix}:{${namespace}}`;
  await redis.set(`${base}:m:${key.id}`, Buffer.from(raw));
  const topics = await redis.hget(`${base}:x:${key.id}`, 't');
  await redis.hset(`${base}:x:${key.id}`, 't', [topics, key.topic].join(' ').trim());
  for (const agent of await redis.smembers(`${base}:subs`)) {
    const queue = `${base}:q:${agent}`;
    const subscription = JSON.parse((await redis.hget(queue, 's')) ?? '{}') as Subscription;
    if (!follows(subscription, key.topic)) continue;
    const delivery = `${key.id}/${key.topic}/0`;
    await redis.zadd(`${queue}:o`, 0, delivery);
    await redis.hincrby(`${base}:x:${key.id}`, 'o', 1);
    await redis.hincrby(`${base}:r:${key.id}`, 'waiting', 1);
    await redis.zadd(`${queue}:r`, priorityOf(key.id), delivery);
    await redis.publish(queue, '');
  }
  redis.disconnect();
}
