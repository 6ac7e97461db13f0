import { BackendUnavailableError, genericJson, InvalidArgumentError, openBus } from 'guildwire';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import { openRedisBackend } from '../../../lib/backends/redis/redis-backend.ts';
import { wait } from '../../redis-server/consumer.ts';
import { cutConnections } from '../../redis-server/cut-connections.ts';
import { RedisServer } from '../../redis-server/redis-server.ts';

test('where a replica must have it, publishing fails without one, and the same key stores once', async () => {
  await using master = await RedisServer.start(['--save', '', '--repl-diskless-sync-delay', '0']);
  await using replica = await RedisServer.start(['--save', '', '--replicaof', `127.0.0.1 ${master.port}`]);
  await using backend = await openRedisBackend(master.url, { replicas: 1, timeoutMs: 1_000 });
  const bus = openBus(backend, { namespace: 'copied', sender: 'user:test' });
  const admin = new Redis(master.url);
  while (!/slave0:.*state=online/.test(await admin.info('replication'))) await wait(20);
  admin.disconnect();
  await bus.publish('a', genericJson, 1);

  replica.pause();
  const refused = await bus.publish('a', genericJson, 2, { idempotencyKey: 'k' }).catch((error: unknown) => error);
  replica.resume();
  await bus.publish('a', genericJson, 2, { idempotencyKey: 'k' });

  expect(refused).toBeInstanceOf(BackendUnavailableError);
  expect(String(refused)).toContain('0 of 1 replicas');
  expect((await bus.read({ topic: 'a' })).items.map(({ payload }) => payload)).toEqual([1, 2]);
  await expect(openRedisBackend('redis://a,b?cluster=true', { replicas: 1 })).rejects.toBeInstanceOf(
    InvalidArgumentError,
  );
});

test('a read-only replica is refused at once, and nothing is stored', async () => {
  await using master = await RedisServer.start();
  await using replica = await RedisServer.start(['--save', '', '--replicaof', `127.0.0.1 ${master.port}`]);
  await using backend = await openRedisBackend(replica.url, { timeoutMs: 20_000 });

  const refused = openBus(backend, { sender: 'user:test' }).publish('a', genericJson, 1);

  await expect(refused).rejects.toThrow(/is a read-only replica: open the URL of its master, or \?sentinel=NAME/);
  await expect(refused).rejects.toBeInstanceOf(InvalidArgumentError);
});

test('a server that becomes a replica later is waited for, and then told of as what may pass', async () => {
  await using server = await RedisServer.start();
  await using backend = await openRedisBackend(server.url, { timeoutMs: 400 });
  const bus = openBus(backend, { sender: 'user:test' });
  const admin = new Redis(server.url);
  await bus.publish('a', genericJson, 1);

  await admin.call('REPLICAOF', '127.0.0.1', '1');
  const refused = await bus.publish('a', genericJson, 2).catch((error: unknown) => error);
  await admin.call('REPLICAOF', 'NO', 'ONE');
  await bus.publish('a', genericJson, 3);
  admin.disconnect();

  expect(refused).toMatchObject({ code: 'BACKEND_UNAVAILABLE', retryable: true });
  expect(String(refused)).toMatch(/read-only replica/);
  expect((await bus.read({ topic: 'a' })).items.map(({ payload }) => payload)).toEqual([1, 3]);
});

test('a connection that is cut while a replica is waited for does not make the wait shorter', async () => {
  await using master = await RedisServer.start(['--save', '', '--repl-diskless-sync-delay', '0']);
  await using replica = await RedisServer.start(['--save', '', '--replicaof', `127.0.0.1 ${master.port}`]);
  await using backend = await openRedisBackend(master.url, { replicas: 1, timeoutMs: 1_000 });
  const bus = openBus(backend, { namespace: 'waits', sender: 'user:test' });
  const admin = new Redis(master.url);
  while (!/slave0:.*state=online/.test(await admin.info('replication'))) await wait(20);
  await bus.publish('a', genericJson, 1);

  replica.pause();
  const publishing = bus.publish('a', genericJson, 2).catch((error: unknown) => error);
  while ((await admin.zcard('guildwire:{waits}:t:a')) < 2) await wait(5);
  await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  const refused = await publishing;
  replica.resume();
  admin.disconnect();

  expect(refused).toBeInstanceOf(BackendUnavailableError);
  expect(String(refused)).toContain('0 of 1 replicas');
});

test('what is accepted while the connection is cut again and again is on a replica all the same', async () => {
  await using master = await RedisServer.start(['--save', '', '--repl-diskless-sync-delay', '0']);
  await using replica = await RedisServer.start(['--save', '', '--replicaof', `127.0.0.1 ${master.port}`]);
  await using backend = await openRedisBackend(master.url, { replicas: 1, timeoutMs: 20_000 });
  const bus = openBus(backend, { namespace: 'cut', sender: 'user:test' });
  const admin = new Redis(master.url);
  const copy = new Redis(replica.url);
  while (!/slave0:.*state=online/.test(await admin.info('replication'))) await wait(20);
  const stopCutting = cutConnections(admin, [0, 40]);

  const missing: string[] = [];
  for (let n = 0; n < 150; n++) {
    const id = await bus.publish('a', genericJson, n);
    if ((await copy.exists(`guildwire:{cut}:m:${id}`)) === 0) missing.push(id);
  }
  await stopCutting();
  admin.disconnect();
  copy.disconnect();

  expect(missing).toEqual([]);
});
