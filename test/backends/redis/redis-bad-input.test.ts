import {
  defineAgent,
  defineGuild,
  GuildwireError,
  genericJson,
  openBus,
  silentLog,
  startGuild,
  type Topics,
} from 'guildwire';
import { Redis } from 'ioredis';
import { afterAll, expect, test } from 'vitest';
import { borrowed } from '../../../lib/backends/borrowed-backend.ts';
import { openRedisBackend } from '../../../lib/backends/redis/index.ts';
import { subscriptionTo, take } from '../../redis-server/consumer.ts';
import { RedisServer } from '../../redis-server/redis-server.ts';

const server = await RedisServer.start();
const admin = new Redis(server.url);
afterAll(async () => {
  admin.disconnect();
  await server[Symbol.asyncDispose]();
});

/** Everything under a prefix, with the bytes of each value. */
async function dump(prefix: string): Promise<Readonly<Record<string, string>>> {
  const keys = (await admin.keys(`${prefix}*`)).toSorted();
  const values = await Promise.all(keys.map(async (key) => String((await admin.dumpBuffer(key))?.toString('base64'))));
  return Object.fromEntries(keys.map((key, index) => [key, values[index] ?? '']));
}

test.each([
  ['last', (key: string) => admin.set(key, 'hello')],
  ['topics', (key: string) => admin.zadd(key, 1, 'mine')],
  ['subs', (key: string) => admin.sadd(key, 'mine')],
  ['expires', (key: string) => admin.hset(key, 'a', 'b')],
] as const)(
  'where another program has the key "%s" everything is refused, and nothing touched',
  async (name, write) => {
    const namespace = `foreign-${name}`;
    await using backend = await openRedisBackend(server.url);
    const bus = openBus(backend, { namespace, sender: 'user:test' });
    await write(`guildwire:{${namespace}}:${name}`);
    const before = await dump(`guildwire:{${namespace}}`);

    for (const call of [
      () => bus.publish('a', genericJson, 1),
      () => backend.subscribe(subscriptionTo(namespace)),
      () => backend.unsubscribe(namespace, 'one'),
      () => backend.sweep(namespace),
      () => take(backend, namespace),
    ]) {
      const error = await call().catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', retryable: false });
      expect(String(error)).toContain(`holds a key "guildwire:{${namespace}}:${name}" that another program wrote`);
    }
    expect(await dump(`guildwire:{${namespace}}`)).toEqual(before);
  },
);

test('in a namespace that is ours, keys of another program are left alone, and nothing is written halfway', async () => {
  await using backend = await openRedisBackend(server.url);
  const bus = openBus(backend, { namespace: 'half', sender: 'user:test' });
  await bus.publish('before', genericJson, 1);
  await admin.set('guildwire:{half}:t:a', 'hello');
  await admin.set('guildwire:{half}:q:one', 'hello');
  await admin.hset('guildwire:{half}:q:two', 'hello', 'there');
  await admin.set('guildwire:{half}:unknown', 'hello');
  const withoutAnswers = async () =>
    Object.entries(await dump('guildwire:{half}')).filter(([key]) => !key.includes(':n:'));
  const before = await withoutAnswers();

  const refused = [
    await bus.publish('a', genericJson, 1).catch(String),
    await bus.publish(['b', 'a'], genericJson, 1).catch(String),
    await backend.subscribe(subscriptionTo('half')).catch(String),
    await backend.subscribe(subscriptionTo('half', { agent: 'two' })).catch(String),
  ];
  await backend.sweep('half');

  for (const error of refused) expect(error).toMatch(/another program w(rote|rites)/);
  expect(await withoutAnswers()).toEqual(before);
  await bus.publish('before', genericJson, 2);
  expect((await bus.read({ topic: 'before' })).items).toHaveLength(2);
});

test('names with glob, control or key characters are refused before anything is stored', async () => {
  await admin.call('FLUSHALL');
  await using backend = await openRedisBackend(server.url);
  const bus = openBus(backend, { sender: 'user:test' });
  const odd = ['a*', 'a?', '[a]', 'a:b', 'a{b}', 'a b', 'a\nb', 'a\0b', '', '..', 'ä'];

  for (const name of odd) {
    expect(() => openBus(backend, { namespace: name, sender: 'user:test' })).toThrow(GuildwireError);
    await expect(bus.publish(name as Topics, genericJson, 1)).rejects.toMatchObject({ code: 'INVALID_MESSAGE' });
    expect(() => defineAgent({ name, subscribes: ['a'], entry: '', handlers: () => [] })).toThrow(GuildwireError);
    const opening = openRedisBackend(server.url, { prefix: `${name}:` });
    await expect(opening).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  }
  expect(await admin.dbsize()).toBe(0);
});

test('keys and ids of the user may hold anything, and stay apart', async () => {
  await using backend = await openRedisBackend(server.url);
  const bus = openBus(backend, { namespace: 'odd', sender: 'user:test' });
  await backend.subscribe(subscriptionTo('odd', { ordering: 'key' }));
  const odd = ['*', '?', '[a]', ':', '{odd}', '}', 'a b', 'a\nb', '\0', 'ä', '"', "'", '%', '\\'];

  const ids = [];
  for (const key of odd)
    ids.push(await bus.publish('a', genericJson, key, { key, conversationId: key, idempotencyKey: key }));
  const again = [];
  for (const key of odd)
    again.push(await bus.publish('a', genericJson, key, { key, conversationId: key, idempotencyKey: key }));
  const leases = await take(backend, 'odd', 100);

  expect(again).toEqual(ids);
  expect(leases.map(({ message }) => message?.key)).toEqual(odd);
  for (const [index, conversation] of odd.entries())
    expect((await bus.read({ conversation })).items.map(({ id }) => id)).toEqual([ids[index]]);
});

test('a body that cannot be read, and an entry without one, are dead letters, and hold nothing up', async () => {
  await using backend = await openRedisBackend(server.url);
  const bus = openBus(backend, { namespace: 'damaged', sender: 'user:test' });
  await backend.subscribe(subscriptionTo('damaged', { agent: 'reader', ordering: 'key' }));
  const ids = [];
  for (const payload of ['garbled', 'missing', 'nothing', 'whole'])
    ids.push(await bus.publish('a', genericJson, payload, { key: 'k' }));
  await admin.set(`guildwire:{damaged}:m:${ids[0]}`, Buffer.from([0xff, 0x00, 0x7b]));
  await admin.del(`guildwire:{damaged}:m:${ids[1]}`);
  await admin.del(`guildwire:{damaged}:m:${ids[2]}`, `guildwire:{damaged}:x:${ids[2]}`);

  const got: unknown[] = [];
  const done = Promise.withResolvers<void>();
  const reader = defineAgent({
    name: 'reader',
    subscribes: ['a'],
    ordering: 'key',
    entry: import.meta.url,
    handlers: (on) => [
      on(genericJson, (payload) => {
        got.push(payload);
        done.resolve();
      }),
    ],
  });
  const guild = defineGuild({ name: 'damaged', agents: [reader], allowUndeclared: true });
  await using running = await startGuild(guild, {
    backend: () => borrowed(backend),
    namespace: 'damaged',
    log: silentLog,
  });
  await done.promise;
  await running.drain();

  const { items } = await bus.read({ deadLettersOf: 'reader' });
  const letters = items.map(({ payload }) => payload as unknown as { id: string; reason: string; raw: string });
  expect(got).toEqual(['whole']);
  expect(letters.map(({ id }) => id)).toEqual(ids.slice(0, 3));
  expect(letters.map(({ reason }) => reason)).toEqual(['undecodable', 'undecodable', 'undecodable']);
  expect(letters.map(({ raw }) => Buffer.from(raw, 'base64').toString('hex'))).toEqual(['ff007b', '', '']);
  expect(await backend.stats('damaged')).toMatchObject([{ waiting: 0, dead: 3 }]);
});

test.each(['garbage', '', '\x93\x01'])(
  'a record of attempts that was damaged (%j) begins anew, and holds nothing up',
  async (damaged) => {
    const namespace = `record-${damaged.length}`;
    await using backend = await openRedisBackend(server.url);
    const bus = openBus(backend, { namespace, sender: 'user:test' });
    await backend.subscribe(subscriptionTo(namespace));
    const id = await bus.publish('a', genericJson, 1);
    await bus.publish('a', genericJson, 2);
    await admin.hset(`guildwire:{${namespace}}:q:one:i`, `${id}/a/0`, damaged);

    const leases = await take(backend, namespace);

    expect(leases).toMatchObject([{ message: { payload: 1 }, attemptsBefore: 0 }, { message: { payload: 2 } }]);
  },
);
