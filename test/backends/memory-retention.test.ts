import { type GemstoneId, genericJson, type HistoryQuery, openBus } from 'guildwire';
import { describe, expect, test } from 'vitest';
import { TopicFamilies } from '../../lib/core/topic-family.ts';
import { fault, MemoryLab } from './memory-lab.ts';

const DAY_MS = 86_400_000;
const families = new TopicFamilies(
  [
    { pattern: 'short', formats: [], retentionDays: 1 },
    { pattern: 'long.*', formats: [], retentionDays: 10 },
    { pattern: 'forever', formats: [], retentionDays: Number.POSITIVE_INFINITY },
  ],
  true,
);

class Archive extends MemoryLab {
  constructor() {
    super({ families });
  }

  async payloads(query: HistoryQuery): Promise<readonly unknown[]> {
    return (await this.bus.read(query)).items.map(({ payload }) => payload);
  }

  /** Time passes, and then something is published, which is when the store looks at what it may let go of. */
  async pass(days: number): Promise<void> {
    await this.clock.advance(days * DAY_MS);
    await this.publish('sweep');
  }
}

describe('messages are kept', () => {
  test('as long as their topic says, and 30 days where it says nothing', async () => {
    const archive = new Archive();
    const topics = ['short', 'long.x', 'forever', 'other'];
    for (const topic of topics) await archive.publish(topic, topic);
    const kept = async () => {
      const found = await Promise.all(topics.map((topic) => archive.payloads({ topic })));
      return found.flat();
    };

    await archive.pass(0.99);
    expect(await kept()).toEqual(['short', 'long.x', 'forever', 'other']);
    await archive.pass(0.02);
    expect(await kept()).toEqual(['long.x', 'forever', 'other']);
    await archive.pass(9);
    expect(await kept()).toEqual(['forever', 'other']);
    await archive.pass(20);
    expect(await kept()).toEqual(['forever']);
    await archive.pass(10_000);
    expect(await kept()).toEqual(['forever']);
  });

  test('each by the topic that it lies under, if it has several', async () => {
    const archive = new Archive();
    const id = (await archive.bus.publish(['short', 'long.x'], genericJson, 'both')) as GemstoneId;

    await archive.pass(2);

    expect(
      (await archive.bus.get(['short', 'long.x'].map((topic) => ({ topic, id })))).map(({ topic }) => topic),
    ).toEqual(['long.x']);
    expect(await archive.payloads({ thread: id })).toEqual(['both']);
  });

  test('until they expire, if that is sooner', async () => {
    const archive = new Archive();
    await archive.publish('long.x', 'brief', { ttlMs: 1_000 });
    await archive.publish('long.x', 'stays');

    await archive.pass(0.5);

    expect(await archive.payloads({ topic: 'long.x' })).toEqual(['stays']);
  });

  test('and read until they expire, and not from that millisecond on', async () => {
    const archive = new Archive();
    const id = (await archive.publish('long.x', 'brief', { ttlMs: 1_000 })) as GemstoneId;
    const found = async () => [
      ...(await archive.payloads({ topic: 'long.x' })),
      ...(await archive.bus.get([{ topic: 'long.x', id }])).map(({ payload }) => payload),
    ];

    await archive.clock.advance(999);
    expect(await found()).toEqual(['brief', 'brief']);
    await archive.clock.advance(1);

    expect(await found()).toEqual([]);
  });

  test('in their own namespace', async () => {
    const archive = new Archive();
    const elsewhere = openBus(archive.backend, { namespace: 'elsewhere', sender: 'user:test', clock: archive.clock });
    await elsewhere.publish('short', genericJson, 1);

    await archive.clock.advance(2 * DAY_MS);
    await elsewhere.publish('sweep', genericJson, 1);

    expect((await elsewhere.read({ topic: 'short' })).items).toEqual([]);
    expect((await elsewhere.topics()).map(({ topic }) => topic)).toEqual(['sweep']);
  });
});

describe('what is past its retention is gone from', () => {
  test('threads and conversations, its descendants staying', async () => {
    const archive = new Archive();
    await archive.subscribe('answerer', { patterns: ['short'] });
    const root = (await archive.publish('short', 'root', { conversationId: 'c' })) as GemstoneId;
    const [lease] = await archive.lease('answerer');
    const answer = {
      message: { ...lease?.message, topics: ['long.x'], payload: 'answer', thread: [`short/${root}`], hops: 1 },
      priority: 4,
      payloadBytes: 1,
    };
    await archive.settle(lease as never, { outputs: [answer] } as never);
    expect(await archive.payloads({ thread: root })).toEqual(['root', 'answer']);

    await archive.pass(2);
    expect(await archive.payloads({ thread: root })).toEqual(['answer']);
    expect(await archive.payloads({ conversation: 'c' })).toEqual(['answer']);
    await archive.pass(10);

    expect(await archive.payloads({ thread: root })).toEqual([]);
    expect(await archive.payloads({ conversation: 'c' })).toEqual([]);
  });

  test('patterns, agents and the list of topics', async () => {
    const archive = new Archive();
    await archive.subscribe('reader', { patterns: ['short', 'long.*'] });
    for (const topic of ['short', 'long.x', 'long.y']) await archive.publish(topic, topic);

    await archive.pass(2);

    expect(await archive.payloads({ pattern: '**' })).toEqual(['long.x', 'long.y', null]);
    expect(await archive.payloads({ agent: 'reader' })).toEqual(['long.x', 'long.y']);
    expect((await archive.bus.topics()).map(({ topic }) => topic)).toEqual(['long.x', 'long.y', 'sweep']);
  });

  test('the dead letters of an agent, after 30 days', async () => {
    const archive = new Archive();
    await archive.subscribe('doomed', { patterns: ['short'] });
    await archive.publish('short', 1);
    const [lease] = await archive.lease('doomed');
    await archive.settle(lease as never, { kind: 'dead', reason: 'failed', fault });
    const dead = async () => (await archive.backend.stats('lab')).map((stats) => stats.dead);

    await archive.pass(29);
    expect([await dead(), (await archive.payloads({ deadLettersOf: 'doomed' })).length]).toEqual([[1], 1]);
    await archive.pass(2);

    expect([await dead(), await archive.payloads({ deadLettersOf: 'doomed' })]).toEqual([[0], []]);
    expect(await archive.payloads({ topic: '$dead.doomed' })).toEqual([]);
  });

  test('what a new subscription finds from the beginning', async () => {
    const archive = new Archive();
    await archive.publish('short', 'old');
    await archive.pass(2);
    await archive.publish('short', 'new');

    await archive.subscribe('late', { patterns: ['short'], from: 'beginning' });

    expect(await archive.work('late')).toEqual(['new']);
  });
});

test('what a subscription has not had is never taken from it', async () => {
  const archive = new Archive();
  await archive.subscribe('away', { patterns: ['short'] });
  await archive.publish('short', 'waits');
  await archive.publish('short', 'delayed', { delayMs: 3 * DAY_MS });
  await archive.publish('short', 'taken');
  const [, taken] = await archive.lease('away');
  await archive.settle(taken as never, { kind: 'retry', delayMs: 2 * DAY_MS, fault });

  await archive.pass(5);

  expect(await archive.payloads({ topic: 'short' })).toEqual([]);
  expect(await archive.work('away')).toEqual(['waits', 'delayed', 'taken']);
});

test('pages go on behind a message that is gone meanwhile', async () => {
  const archive = new Archive();
  for (let n = 0; n < 6; n++) await archive.publish(n < 3 ? 'short' : 'long.x', n);
  const first = await archive.bus.read({ pattern: '**', limit: 2 });
  const last = await archive.bus.read({ pattern: '**', limit: 4, order: 'desc' });

  await archive.pass(2);

  const rest = await archive.payloads({ pattern: '**', limit: 10, after: first.next as never });
  expect(rest).toEqual([3, 4, 5, null]);
  expect(await archive.payloads({ pattern: '**', limit: 10, order: 'desc', after: last.next as never })).toEqual([]);
});

test('an idempotency key is kept for 24 hours, whatever the retention of its topic', async () => {
  const archive = new Archive();
  const first = await archive.publish('short', 1, { idempotencyKey: 'k' });

  await archive.clock.advance(DAY_MS - 1);
  expect(await archive.publish('short', 1, { idempotencyKey: 'k' })).toBe(first);
  await archive.clock.advance(1);
  const second = await archive.publish('short', 'other', { idempotencyKey: 'k' });

  expect(second).not.toBe(first);
  await archive.clock.advance(DAY_MS - 1);
  expect(await archive.publish('short', 'other', { idempotencyKey: 'k' })).toBe(second);
});
