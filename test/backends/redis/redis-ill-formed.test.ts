import { defineAgent, defineGuild, genericJson, openBus, silentLog, startGuild } from 'guildwire';
import { afterAll, expect, test } from 'vitest';
import { openRedisBackend } from '../../../lib/backends/redis/index.ts';
import { subscriptionTo, take } from '../../redis-server/consumer.ts';
import { RedisServer } from '../../redis-server/redis-server.ts';

const server = await RedisServer.start();
afterAll(() => server[Symbol.asyncDispose]());

/** A text that was cut in the middle of an emoji, as `slice` does. */
const CUT = 'to 👍'.slice(0, 4);

test('names that were cut within a character are stored, found, and hold nothing else up', async () => {
  await using backend = await openRedisBackend(server.url);
  const bus = openBus(backend, { namespace: 'names', sender: 'user:test' });
  const entry = { topics: 'a', format: genericJson, payload: CUT as never };

  const outcomes = await bus.publishMany([
    entry,
    { ...entry, options: { key: CUT } },
    { ...entry, options: { conversationId: CUT } },
    { ...entry, options: { idempotencyKey: CUT } },
  ]);
  const again = await bus.publishMany([{ ...entry, options: { idempotencyKey: CUT } }]);

  expect(outcomes.map(({ ok }) => ok)).toEqual([true, true, true, true]);
  expect(again).toMatchObject([{ ok: true, duplicate: true }]);
  const found = await bus.read({ conversation: CUT });
  expect(found.items).toMatchObject([{ payload: CUT, conversationId: CUT }]);
});

test('an agent whose output or state has such a name is done, and so is what is settled with it', async () => {
  const cutter = defineAgent({
    name: 'cutter',
    entry: import.meta.url,
    subscribes: ['a'],
    publishes: ['b'],
    concurrency: 10,
    state: genericJson,
    handlers: (on) => [
      on(genericJson, async (payload, context) => {
        if (payload !== 'cut') return;
        const seen = await context.state.get(CUT);
        context.state.set(CUT, Number(seen ?? 0) + 1);
        context.publish('b', genericJson, seen ?? 0, { key: CUT });
      }),
    ],
  });
  await using running = await startGuild(defineGuild({ name: 'cut', agents: [cutter] }), {
    backend: () => openRedisBackend(server.url),
    namespace: 'cut',
    log: silentLog,
  });
  const payloads = ['cut', 'whole', 'cut', 'whole'];

  const stored = await running.publishMany(
    payloads.map((payload) => ({ topics: 'a', format: genericJson, payload: payload as never })),
  );
  for (const outcome of stored) if (outcome.ok) await running.settled(outcome.id);

  expect((await running.stats()).map(({ waiting, dead }) => ({ waiting, dead }))).toEqual([{ waiting: 0, dead: 0 }]);
  expect((await running.read({ topic: 'b' })).items.map(({ payload }) => payload)).toEqual([0, 1]);
});

test('a dead letter whose original has such a name is redriven', async () => {
  await using backend = await openRedisBackend(server.url);
  const bus = openBus(backend, { namespace: 'again', sender: 'user:test' });
  await backend.subscribe(subscriptionTo('again'));
  await bus.publish('a', genericJson, 'cut', { key: CUT, conversationId: CUT });
  const [lease] = await take(backend, 'again');
  if (lease === undefined) throw new Error('nothing came');
  const fault = { code: 'X', message: CUT, retryable: false };
  await backend.settle([{ kind: 'dead', reason: 'permanent', lease, fault }]);

  const plan = await bus.plan({ action: 'redrive', agent: 'one' });
  const { done, skipped } = await bus.runPlan(plan.id);

  expect({ done, skipped }).toEqual({ done: 1, skipped: 0 });
  expect(await take(backend, 'again')).toMatchObject([{ cause: 'redriven', message: { payload: 'cut' } }]);
});
