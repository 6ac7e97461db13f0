import { Redis } from 'ioredis';

const OPEN = ['waiting', 'running', 'retrying', 'delayed', 'timers'] as const;

/**
 * What of a server's namespaces contradicts itself: deliveries in two places or none, counters that do not add up.
 *
 * @param server Its URL, or its port on this machine.
 */
export async function storeFaults(server: string | number, prefix = 'guildwire'): Promise<readonly string[]> {
  const redis = new Redis(typeof server === 'number' ? `redis://127.0.0.1:${server}` : server);
  const faults: string[] = [];
  const keys = await keysUnder(redis, prefix);
  const bases = new Set(keys.map((key) => key.slice(0, key.indexOf('}') + 1)));
  for (const base of bases)
    faults.push(...(await namespaceFaults(redis, base, keys)).map((fault) => `${base} ${fault}`));
  redis.disconnect();
  return faults;
}

/** Takes away everything that begins with a prefix, from a server that is not the test's own. */
export async function clearStore(url: string, prefix: string): Promise<void> {
  const redis = new Redis(url);
  for (const key of await keysUnder(redis, prefix)) await redis.unlink(key);
  redis.disconnect();
}

async function keysUnder(redis: Redis, prefix: string): Promise<readonly string[]> {
  const keys = new Set<string>();
  let cursor = '0';
  do {
    const [next, found] = await redis.scan(cursor, 'MATCH', `${prefix}:*`, 'COUNT', 1_000);
    for (const key of found) keys.add(key);
    cursor = next;
  } while (cursor !== '0');
  return [...keys];
}

async function namespaceFaults(redis: Redis, base: string, keys: readonly string[]): Promise<readonly string[]> {
  const faults: string[] = [];
  const open = new Map<string, number>();
  const mine = keys.filter((key) => key.startsWith(`${base}:`)).map((key) => key.slice(base.length + 1));
  const queues = new Set(mine.filter((key) => key.startsWith('q:')).map((key) => key.split(':').slice(0, 2).join(':')));
  for (const queue of queues) {
    const q = `${base}:${queue}`;
    const all = await redis.zrange(`${q}:o`, '0', '-1');
    const lanes = mine.filter((key) => key.startsWith(`${queue}:k:`));
    const places = [
      ...(await redis.zrange(`${q}:r`, '0', '-1')),
      ...(await redis.zrange(`${q}:d`, '0', '-1')),
      ...(await redis.zrange(`${q}:l`, '0', '-1')),
      ...(await redis.zrange(`${q}:held`, '0', '-1')),
      ...(await Promise.all(lanes.map((lane) => redis.lrange(`${base}:${lane}`, 0, -1)))).flat(),
    ];
    if (places.toSorted().join() !== all.toSorted().join())
      faults.push(`${queue}: open ${all} but in places ${places}`);
    for (const kept of [
      ...(await redis.hkeys(`${q}:i`)),
      ...(await redis.hkeys(`${q}:f`)),
      ...(await redis.hvals(`${q}:h`)),
    ])
      if (!all.includes(kept)) faults.push(`${queue}: still knows ${kept}`);
    for (const delivery of all) {
      const id = delivery.slice(0, 26);
      open.set(id, (open.get(id) ?? 0) + 1);
      if ((await redis.exists(`${base}:m:${id}`)) === 0) faults.push(`${queue}: ${delivery} has no body`);
    }
  }
  const byRoot = new Map<string, number>();
  for (const key of mine.filter((each) => each.startsWith('x:'))) {
    const id = key.slice(2);
    const { o = '0', r = id } = await redis.hgetall(`${base}:${key}`);
    if (Number(o) !== (open.get(id) ?? 0)) faults.push(`${key} counts ${o} open, there are ${open.get(id) ?? 0}`);
    byRoot.set(r, (byRoot.get(r) ?? 0) + Number(o));
  }
  for (const key of mine.filter((each) => each.startsWith('r:'))) {
    const counters = await redis.hgetall(`${base}:${key}`);
    const negative = Object.entries(counters).filter(([, value]) => Number(value) < 0);
    if (negative.length > 0) faults.push(`${key} has negative ${JSON.stringify(negative)}`);
    const sum = OPEN.reduce((total, field) => total + Number(counters[field] ?? 0), 0);
    const there = byRoot.get(key.slice(2)) ?? 0;
    if (sum !== there) faults.push(`${key} counts ${sum} open, there are ${there}`);
  }
  return faults;
}
