import { inspect } from 'node:util';
import { genericJson, InvalidArgumentError, openBus } from 'guildwire';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { openRedisBackend, type RedisOptions } from '../../../lib/backends/redis/index.ts';
import { parseRedisUrl } from '../../../lib/backends/redis/redis-url.ts';
import { complete, payloadsOf, subscriptionTo, take } from '../../redis-server/consumer.ts';
import { FakeServer } from '../../redis-server/fake-server.ts';
import { RedisServer } from '../../redis-server/redis-server.ts';

/** Everything that a careless log would show. */
const shown = (error: unknown) => inspect(error, { depth: 20, showHidden: true });

test('a server that throws keys away is refused', async () => {
  await using server = await RedisServer.start([
    '--save',
    '',
    '--maxmemory',
    '100mb',
    '--maxmemory-policy',
    'allkeys-lru',
  ]);
  await using backend = await openRedisBackend(server.url);

  const refused = openBus(backend, { sender: 'user:test' }).publish('a', genericJson, 1);

  await expect(refused).rejects.toThrow(/maxmemory-policy allkeys-lru\): set it to noeviction/);
  await expect(refused).rejects.toBeInstanceOf(InvalidArgumentError);
  const admin = new Redis(server.url);
  expect(await admin.dbsize()).toBe(0);
  await admin.config('SET', 'maxmemory-policy', 'noeviction');
  admin.disconnect();
  await openBus(backend, { sender: 'user:test' }).publish('a', genericJson, 'as soon as it is mended');
});

test('a server out of memory refuses what it cannot store, whole, makes room, and goes on when there is some', async () => {
  await using server = await RedisServer.start(['--save', '', '--maxmemory-policy', 'noeviction']);
  await using backend = await openRedisBackend(server.url);
  const admin = new Redis(server.url);
  const bus = openBus(backend, { namespace: 'full', sender: 'user:test' });
  await backend.subscribe(subscriptionTo('full'));
  await bus.publish('a', genericJson, 'before');

  const before = (await admin.keys('*')).toSorted();
  await admin.config('SET', 'maxmemory', '1');
  const refused = await bus.publish('a', genericJson, 'pay10ad').catch((error: unknown) => error);
  const reading = await bus.read({ topic: 'a' });
  const during = (await admin.keys('*')).toSorted();
  await backend.sweep('full');
  await admin.config('SET', 'maxmemory', '0');
  await bus.publish('a', genericJson, 'after');
  const leases = await take(backend, 'full');
  admin.disconnect();

  expect(refused).toMatchObject({ code: 'BACKEND_UNAVAILABLE', retryable: true });
  expect(String(refused)).toContain('out of memory');
  expect(shown(refused)).not.toContain('pay10ad');
  expect(reading.items).toHaveLength(1);
  expect(during).toEqual(before);
  expect(payloadsOf(leases)).toEqual(['before', 'after']);
  expect(await complete(backend, leases)).toEqual([true, true]);
});

async function failure(url: string, options: RedisOptions = {}): Promise<unknown> {
  await using backend = await openRedisBackend(url, { timeoutMs: 20_000, ...options });
  const bus = openBus(backend, { namespace: 'refused', sender: 'user:test' });
  return await bus.publish('a', genericJson, 'pay10ad').catch((error: unknown) => error);
}

test('a wrong password, none, and a missing right are told at once, not shown, and repeating is no help', async () => {
  await using server = await RedisServer.start(['--save', '', '--requirepass', 'right']);
  const url = (login: string) => server.url.replace('redis://', `redis://${login}`);
  const admin = new Redis(url(':right@'));
  await admin.call('ACL', 'SETUSER', 'reader', 'on', '>wr0ng-n0t', '~guildwire:{other}*', '+@all');
  const reasons = [
    [await failure(url(':wr0ng@')), /refuses the user or the password/],
    [await failure(url('nobody:wr0ng@')), /refuses the user or the password/],
    [await failure(server.url), /wants a password: write redis:/],
    [await failure(url('reader:wr0ng-n0t@')), /does not let this user do that .*docs\/redis\.md/],
  ] as const;
  admin.disconnect();

  for (const [error, text] of reasons) {
    expect(error).toBeInstanceOf(InvalidArgumentError);
    expect(error).toMatchObject({ retryable: false });
    expect(String(error)).toMatch(text);
    expect(shown(error)).not.toMatch(/wr0ng|pay10ad/);
  }
  expect(await failure(url(':right@'))).toEqual(expect.any(String));
});

test('no error of a call shows what was sent', async () => {
  await using server = await RedisServer.start(['--save', '', '--requirepass', 's3cret']);
  const url = server.url.replace('redis://', 'redis://:s3cret@');
  await using backend = await openRedisBackend(url, { timeoutMs: 300 });
  const bus = openBus(backend, { sender: 'user:test' });
  await bus.publish('a', genericJson, 1);

  server.pause();
  const hung = await bus.publish('a', genericJson, 'pay10ad').catch((error: unknown) => error);
  await server.kill();
  const gone = await bus.publish('a', genericJson, 'pay10ad').catch((error: unknown) => error);

  for (const error of [hung, gone]) {
    expect(error).toMatchObject({ code: 'BACKEND_UNAVAILABLE', retryable: true });
    expect(shown(error)).not.toMatch(/s3cret|pay10ad/);
  }
});

test('a database that the server does not have is refused, and nothing is stored in another', async () => {
  await using server = await RedisServer.start();
  const admin = new Redis(server.url);

  await using backend = await openRedisBackend(`${server.url}/99`);
  const bus = openBus(backend, { sender: 'user:test' });
  const refused = [];
  for (const n of [1, 2]) refused.push(await bus.publish('a', genericJson, n).catch((error: unknown) => error));
  const size = await admin.dbsize();
  admin.disconnect();

  for (const error of refused) {
    expect(String(error)).toMatch(/has no such database/);
    expect(error).toMatchObject({ retryable: false });
  }
  expect(size).toBe(0);
});

test('a server older than 7 is refused, by what it says or by what it does not know', async () => {
  await using telling = await FakeServer.start('redis_version:6.2.14\r\nrole:master\r\n');
  await using silent = await FakeServer.start('role:master\r\n');

  const told = await failure(telling.url);
  const found = await failure(silent.url);

  expect(String(told)).toMatch(/is version 6\.2\.14: allowed is 7 or later/);
  expect(String(found)).toMatch(/knows no functions: version 7 or later is needed/);
  for (const error of [told, found]) expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', retryable: false });
});

test('URLs of redis are read, and what is none is refused without being shown', () => {
  expect(parseRedisUrl('redis://localhost')).toMatchObject({
    kind: 'server',
    nodes: [{ host: 'localhost', port: 6379 }],
  });
  expect(parseRedisUrl('rediss://ada:p%40ss@[::1]:7000/3')).toEqual({
    kind: 'server',
    nodes: [{ host: '::1', port: 7000 }],
    username: 'ada',
    password: 'p@ss',
    database: 3,
    isEncrypted: true,
    master: undefined,
  });
  expect(parseRedisUrl('redis://a:1,b:2?cluster=true')).toMatchObject({
    kind: 'cluster',
    nodes: [
      { host: 'a', port: 1 },
      { host: 'b', port: 2 },
    ],
  });
  expect(parseRedisUrl('redis://a,b?sentinel=main')).toMatchObject({ kind: 'sentinel', master: 'main' });
  for (const url of [
    'redis://',
    'http://a',
    'redis://x:s3cret@a,b',
    'redis://x:%zz-s3cret@a',
    'redis://a?s3cret=1',
    'redis://x:s3cret@a:99999',
    'redis://s3cret?cluster=true&a=s3cret',
  ]) {
    expect(() => parseRedisUrl(url)).toThrow(InvalidArgumentError);
    expect(() => parseRedisUrl(url)).not.toThrow(/s3cret/);
  }
});
