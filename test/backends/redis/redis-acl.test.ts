import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { genericJson, InvalidArgumentError, openBus } from 'guildwire';
import { Redis } from 'ioredis';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { serverCommands } from '../../../lib/backends/redis/function-library.ts';
import { openRedisBackend } from '../../../lib/backends/redis/index.ts';
import { toReference } from '../../../lib/core/message.ts';
import { complete, payloadsOf, subscriptionTo, take } from '../../redis-server/consumer.ts';
import { RedisServer } from '../../redis-server/redis-server.ts';

const server = await RedisServer.start();
const admin = new Redis(server.url);
afterAll(async () => {
  admin.disconnect();
  await server[Symbol.asyncDispose]();
});

/** The line of the page for users, as it stands there. */
function rulesOfPage(): readonly string[] {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/redis.md'), 'utf8');
  const [, text = ''] = /```text\nACL SETUSER grammar ([\s\S]*?)```/.exec(page) ?? [];
  return text.replaceAll('\\\n', ' ').trim().split(/\s+/);
}
const rules = rulesOfPage();
const loginOf = (user: string) => server.url.replace('redis://', `redis://${user}:a-long-password@`);

beforeEach(async () => {
  await admin.call('FLUSHALL');
  await admin.call('FUNCTION', 'FLUSH');
  await admin.call('ACL', 'SETUSER', 'grammar', 'reset', ...rules);
});

test('the rights on the page are those that the functions need, one for each command', () => {
  const granted = rules.filter((rule) => rule.startsWith('+')).map((rule) => rule.slice(1));

  expect(granted).toEqual(expect.arrayContaining([...serverCommands, 'fcall', 'fcall_ro', 'subscribe', 'info']));
  expect(granted.filter((command) => /@|keys|scan|flush|config|acl|eval|function|psubscribe/.test(command))).toEqual(
    [],
  );
  expect(rules.filter((rule) => rule.startsWith('~'))).toEqual(['~guildwire:{reviews}:*', '~guildwire:{reviews}']);
});

test('with the rights of an agent everything works in its namespace, and nothing in another', async () => {
  await using operator = await openRedisBackend(server.url);
  await operator.loadFunctions();
  const secret = openBus(operator, { namespace: 'salaries', sender: 'user:boss' });
  const id = await secret.publish('a', genericJson, 'secret', { conversationId: 'c', idempotencyKey: 'k' });
  await operator.subscribe(subscriptionTo('salaries'));
  await using backend = await openRedisBackend(loginOf('grammar'), { timeoutMs: 2_000 });
  const bus = openBus(backend, { namespace: 'reviews', sender: 'user:test' });

  await backend.subscribe(subscriptionTo('reviews', { ordering: 'key', from: 'beginning' }));
  const waiting = take(backend, 'reviews', 1, 5_000);
  const effect = await bus.publish('a', genericJson, 1, { conversationId: 'c', idempotencyKey: 'k', key: 'x' });
  const [lease, ...others] = await waiting;
  if (lease === undefined || others.length > 0) throw new Error('not one came');
  await bus.publish('a.b', genericJson, 2, {
    inReplyTo: toReference({ topic: 'a', id: effect }),
    delayMs: 10,
    ttlMs: 60_000,
  });
  const fault = { code: 'X', message: 'x', retryable: false };
  await backend.start([lease]);
  await backend.extend([lease], 60_000);
  await backend.settle([{ kind: 'dead', reason: 'failed', lease, fault, spent: { usd: 1, tokens: 1 } }]);
  const plan = await bus.plan({ action: 'redrive', agent: 'one' });
  await bus.runPlan(plan.id);
  expect(await complete(backend, await take(backend, 'reviews', 1, 5_000))).toEqual([true]);
  await bus.pause('one');
  await bus.resume('one');
  expect(payloadsOf(await take(backend, 'reviews', 10, 5_000))).toEqual([2]);
  expect((await bus.read({ conversation: 'c' })).items.length).toBeGreaterThan(0);
  expect((await bus.topics()).map(({ topic }) => topic)).toEqual(['a', 'a.b']);
  expect(await bus.explain({ topic: 'a', id: effect })).toBeDefined();
  await backend.sweep('reviews');
  await backend.subscribe(subscriptionTo('reviews', { ordering: 'none' }));
  await backend.unsubscribe('reviews', 'one');

  const there = openBus(backend, { namespace: 'salaries', sender: 'user:test' });
  for (const refused of [
    () => there.read({ topic: 'a' }),
    () => there.get([{ topic: 'a', id }]),
    () => there.topics(),
    () => there.publish('a', genericJson, 1),
    () => take(backend, 'salaries'),
    () => backend.subscribe(subscriptionTo('salaries', { agent: 'spy', from: 'beginning' })),
    () => backend.unsubscribe('salaries', 'one'),
    () => backend.state('salaries', 'one', ['k']),
    () => backend.sweep('salaries'),
  ]) {
    const error = await refused().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(InvalidArgumentError);
    expect(String(error)).toMatch(/does not let this user do that/);
  }
  expect(await operator.stats('salaries')).toMatchObject([{ agent: 'one', waiting: 0 }]);
});

test('with the rights of an agent no command reaches what is not its own', async () => {
  await using operator = await openRedisBackend(server.url);
  const id = await openBus(operator, { namespace: 'salaries', sender: 'user:boss' }).publish(
    'a',
    genericJson,
    'secret',
  );
  const agent = new Redis(loginOf('grammar'));
  const base = 'guildwire:{salaries}';
  const [library = ''] = String(await admin.call('FUNCTION', 'LIST')).match(/guildwire_[0-9a-f]{12}/) ?? [];

  for (const command of [
    ['GET', `${base}:m:${id}`],
    ['SET', `${base}:m:${id}`, ''],
    ['DEL', `${base}:m:${id}`],
    ['ZRANGE', `${base}:topics`, '0', '-1'],
    ['GET', 'other'],
    ['FCALL_RO', `${library}_read_references`, '1', base, id, 'a'],
    ['FCALL_RO', `${library}_read_references`, '0', base, id, 'a'],
    ['SUBSCRIBE', `${base}:log`],
    ['PSUBSCRIBE', '*'],
    ['PUBLISH', `${base}:log`, 'a'],
    ['KEYS', '*'],
    ['SCAN', '0'],
    ['RANDOMKEY'],
    ['DBSIZE'],
    ['MONITOR'],
    ['FLUSHALL'],
    ['FLUSHDB'],
    ['EVAL', "return redis.call('GET', KEYS[1])", '1', `${base}:m:${id}`],
    ['FUNCTION', 'LOAD', 'REPLACE', `#!lua name=${library}\nredis.register_function('x', function() end)`],
    ['FUNCTION', 'FLUSH'],
    ['CONFIG', 'GET', '*'],
    ['ACL', 'SETUSER', 'grammar', '~*'],
    ['COPY', `${base}:m:${id}`, 'guildwire:{reviews}:m:x'],
    ['DUMP', `${base}:m:${id}`],
    ['SAVE'],
  ] as const) {
    const [name, ...args] = command;
    const outcome = await agent.call(name, ...args).then(
      () => 'allowed',
      (error: Error) => error.message,
    );
    expect(`${command.join(' ')}: ${outcome}`).toMatch(/: (NOPERM|ERR .* nil value)/);
  }
  agent.disconnect();
  expect(await admin.get(`${base}:m:${id}`)).toContain('secret');
});

test('where the functions are missing and may not be loaded, or one right is missing, nothing is begun', async () => {
  await using backend = await openRedisBackend(loginOf('grammar'), { timeoutMs: 2_000 });
  const bus = openBus(backend, { namespace: 'reviews', sender: 'user:test' });

  const missing = await bus.publish('a', genericJson, 1).catch((error: unknown) => error);
  await using operator = await openRedisBackend(server.url);
  await operator.loadFunctions();
  await admin.call('ACL', 'SETUSER', 'grammar', '-publish', '-zadd');
  const halfway = await bus.publish('a', genericJson, 1).catch((error: unknown) => error);
  const keys = await admin.keys('*');
  await admin.call('ACL', 'SETUSER', 'grammar', '+publish', '+zadd');
  await bus.publish('a', genericJson, 1);

  expect(String(missing)).toMatch(/lacks the functions of this version, and this user may not load them/);
  expect(String(halfway)).toMatch(/missing for guildwire:\{reviews\}: publish zadd/);
  for (const error of [missing, halfway]) expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', retryable: false });
  expect(keys).toEqual([]);
});

test('with the rights of an agent the server is described as far as it may be', async () => {
  await using backend = await openRedisBackend(loginOf('grammar'));
  await using operator = await openRedisBackend(server.url);
  await admin.config('SET', 'appendonly', 'yes');

  const described = await backend.describeServer();
  const whole = await operator.describeServer();
  await admin.call('ACL', 'SETUSER', 'grammar', '-info');
  const blind = await backend.describeServer();
  await admin.config('SET', 'appendonly', 'no');

  expect(whole).toEqual({
    version: expect.stringMatching(/^\d+\.\d+/),
    mode: 'standalone',
    masters: 1,
    replicas: 0,
    appendfsync: 'everysec',
    maxmemoryPolicy: 'noeviction',
    maxmemoryBytes: 0,
    usedMemoryBytes: expect.any(Number),
  });
  expect(described).toEqual({ ...whole, appendfsync: undefined, usedMemoryBytes: expect.any(Number) });
  expect(blind).toMatchObject({ mode: 'standalone', version: undefined, maxmemoryPolicy: undefined });
  expect(JSON.stringify(whole)).not.toContain('password');
});
