import { type GemstoneId, genericJson } from 'guildwire';
import { expect, test } from 'vitest';
import { MemoryLab } from './memory-lab.ts';

test('a subscription from the beginning gets everything, the very first message of the namespace included', async () => {
  const lab = new MemoryLab();
  for (const topic of ['a', 'b', 'a']) await lab.publish(topic, topic);

  await lab.subscribe('auditor', { patterns: ['$topics', '**'], from: 'beginning' });

  expect(await lab.work('auditor')).toEqual([{ topic: 'a' }, 'a', { topic: 'b' }, 'b', 'a']);
});

test('a subscription behind an id gets what came after it, not its other copies', async () => {
  const lab = new MemoryLab();
  await lab.publish('a', 1);
  const id = (await lab.bus.publish(['a', 'b'], genericJson, 2)) as GemstoneId;
  await lab.publish('b', 3);

  await lab.subscribe('late', { from: id });

  expect(await lab.work('late')).toEqual([3]);
});

test('a subscription that changes its patterns keeps what waits, and gets the new topics from then on', async () => {
  const lab = new MemoryLab();
  await lab.subscribe('worker', { patterns: ['a'], from: 'beginning' });
  await lab.publish('a', 'waits');
  await lab.publish('b', 'before');

  await lab.subscribe('worker', { patterns: ['b'], from: 'beginning' });
  await lab.publish('a', 'no longer');
  await lab.publish('b', 'after');

  expect(await lab.work('worker')).toEqual(['waits', 'after']);
});

test('a message that two patterns of one subscription name comes once', async () => {
  const lab = new MemoryLab();
  await lab.subscribe('worker', { patterns: ['a.b', 'a.*', '**'] });

  await lab.publish('a.b', 1);

  expect(await lab.work('worker')).toEqual([1]);
});

test('messages from the past that are due later, come at their time', async () => {
  const lab = new MemoryLab();
  await lab.publish('a', 'due later', { delayMs: 5_000 });
  await lab.publish('a', 'due now', { delayMs: 1_000 });
  await lab.clock.advance(2_000);

  await lab.subscribe('late', { from: 'beginning' });

  expect(await lab.work('late')).toEqual(['due now']);
  await lab.clock.advance(3_000);
  expect(await lab.work('late')).toEqual(['due later']);
});

test('statistics name the agents that are subscribed, with what waits and since when', async () => {
  const lab = new MemoryLab();
  await lab.subscribe('busy', { patterns: ['a'] });
  await lab.subscribe('idle', { patterns: ['b'] });
  await lab.subscribe('gone', { patterns: ['a'] });
  await lab.backend.unsubscribe('lab', 'gone');
  await lab.lease('unknown');
  const firstAt = lab.clock.now();

  await lab.publish('a', 1, { delayMs: 60_000 });
  await lab.clock.advance(1_000);
  await lab.publish('a', 2);

  const stats = await lab.backend.stats('lab');
  expect(stats.map(({ agent, waiting, oldestAt, dead }) => [agent, waiting, oldestAt, dead])).toEqual([
    ['busy', 2, firstAt, 0],
    ['idle', 0, undefined, 0],
  ]);
});

test('answers to a request are stored, and delivered to nobody', async () => {
  const lab = new MemoryLab();
  await lab.subscribe('nosy', { patterns: ['$reply.*', '**'] });
  await lab.publish('a', 'question');
  const [lease] = await lab.lease('nosy');
  const answer = { message: { ...lease?.message, topics: ['$reply.r1'] }, priority: 4, payloadBytes: 1 };

  await lab.settle(lease as never, { outputs: [answer] } as never);

  expect(await lab.work('nosy')).toEqual([]);
  expect((await lab.bus.read({ topic: '$reply.r1' })).items).toHaveLength(1);
});

test('of messages with one key, those that wait behind another are counted as waiting', async () => {
  const lab = new MemoryLab();
  await lab.subscribe('worker', { ordering: 'key' });
  for (const n of [1, 2, 3]) await lab.publish('a', n, { key: 'k' });
  expect(await lab.waiting('worker')).toBe(3);

  const [lease, ...others] = await lab.lease('worker');
  expect([others, await lab.waiting('worker')]).toEqual([[], 2]);
  await lab.settle(lease as never);
  expect(await lab.work('worker')).toEqual([2]);

  expect(await lab.waiting('worker')).toBe(1);
});

test('a subscription that begins or ceases to order by key keeps what waits, is delayed, and is in hands', async () => {
  const lab = new MemoryLab();
  await lab.subscribe('worker', { patterns: ['a'] });
  for (const n of [1, 2, 3, 4]) await lab.publish('a', n, { key: n % 2 === 0 ? 'even' : 'odd' });
  await lab.publish('a', 5, { key: 'odd', delayMs: 1_000 });
  const [held] = await lab.lease('worker', { max: 1 });

  await lab.subscribe('worker', { patterns: ['a'], ordering: 'key' });
  expect(await lab.work('worker')).toEqual([2]);
  expect(await lab.work('worker')).toEqual([4]);
  expect(await lab.work('worker')).toEqual([]);
  await lab.settle(held as never);
  expect(await lab.work('worker')).toEqual([3]);
  await lab.publish('a', 6, { key: 'odd' });
  await lab.publish('a', 7, { key: 'odd' });
  await lab.clock.advance(1_000);
  await lab.subscribe('worker', { patterns: ['a'] });

  expect(await lab.work('worker')).toEqual([5, 6, 7]);
  expect(await lab.waiting('worker')).toBe(0);
});
