import { BackendFullError, genericJson, openBus } from 'guildwire';
import { describe, expect, test } from 'vitest';
import { fault, MemoryLab, standOf } from './memory-lab.ts';

/** A backend for two deliveries with one subscriber, both taken up. */
async function full(options = {}): Promise<MemoryLab> {
  const lab = new MemoryLab({ maxWaiting: 2, ...options });
  await lab.subscribe('slow');
  await lab.publish('a', 1);
  await lab.publish('a', 2);
  return lab;
}

/** Whether it takes `count` more deliveries, and not one beyond. */
async function takes(lab: MemoryLab, count: number): Promise<boolean> {
  for (let n = 0; n < count; n++) await lab.publish('a', n);
  const beyond = standOf(lab.publish('a', 'beyond'));
  await lab.clock.quiet();
  const waits = beyond.now() === 'waits';
  await lab.clock.advance(5_000);
  return waits && beyond.now() === 'BACKEND_FULL';
}

describe('a publisher that finds the backend full', () => {
  test('waits, and is told after five seconds', async () => {
    const lab = await full();

    const third = lab.publish('a', 3);
    const stand = standOf(third);
    await lab.clock.advance(4_999);
    expect(stand.now()).toBe('waits');
    await lab.clock.advance(1);

    await expect(third).rejects.toBeInstanceOf(BackendFullError);
    await expect(third).rejects.toMatchObject({
      code: 'BACKEND_FULL',
      retryable: true,
      message: expect.stringMatching(
        /^2 deliveries \(\d+ bytes\) wait but the limits are 2 and 1073741824: publish slower/,
      ),
    });
    expect((await lab.bus.read({ topic: 'a' })).items.map(({ payload }) => payload)).toEqual([1, 2]);
  });

  test('waits as long as it is told to', async () => {
    const lab = await full({ publishTimeoutMs: 50 });

    const stand = standOf(lab.publish('a', 3));
    await lab.clock.advance(49);
    expect(stand.now()).toBe('waits');
    await lab.clock.advance(1);

    expect(stand.now()).toBe('BACKEND_FULL');
  });

  test('goes on as soon as a delivery is settled', async () => {
    const lab = await full();
    const [lease] = await lab.lease('slow', { max: 1 });
    const stand = standOf(lab.publish('a', 3));
    await lab.clock.advance(1_000);
    expect(stand.now()).toBe('waits');

    await lab.settle(lease as never);
    await lab.clock.quiet();

    expect(stand.now()).toBe('done');
    expect(await lab.work('slow')).toEqual([2, 3]);
  });

  test('stays where it is while deliveries are only handed out, retried or released', async () => {
    const lab = await full();
    const stand = standOf(lab.publish('a', 3));

    const [one, other] = await lab.lease('slow');
    await lab.settle(one as never, { kind: 'retry', delayMs: 0, fault });
    await lab.settle(other as never, { kind: 'released', delayMs: 1_000 });
    await lab.clock.quiet();

    expect(stand.now()).toBe('waits');
    await lab.clock.advance(5_000);
    expect(stand.now()).toBe('BACKEND_FULL');
  });

  test('waits by bytes as well', async () => {
    const lab = new MemoryLab({ maxWaitingBytes: 1_000 });
    await lab.subscribe('slow');
    await lab.publish('a', 'x'.repeat(998));

    const stand = standOf(lab.publish('a', 1));
    await lab.clock.quiet();
    expect(stand.now()).toBe('waits');
    await lab.work('slow');
    await lab.clock.quiet();

    expect(stand.now()).toBe('done');
  });

  test('is told nothing of the others that were told or went on', async () => {
    const lab = await full();
    const early = standOf(lab.publish('a', 3));
    await lab.clock.advance(3_000);
    const late = standOf(lab.publish('a', 4));
    await lab.clock.advance(2_000);
    expect([early.now(), late.now()]).toEqual(['BACKEND_FULL', 'waits']);

    await lab.work('slow');
    await lab.clock.quiet();

    expect([early.now(), late.now()]).toEqual(['BACKEND_FULL', 'done']);
  });
});

describe('room is counted by delivery', () => {
  test('so a message that nobody follows takes none', async () => {
    const lab = new MemoryLab({ maxWaiting: 1 });
    await lab.subscribe('picky', { patterns: ['b'] });

    for (let n = 0; n < 10; n++) await lab.publish('a', n);
    await lab.publish('b', 'fits');

    expect(await lab.work('picky')).toEqual(['fits']);
  });

  test('so a message that two follow takes two, until both have had it', async () => {
    const lab = new MemoryLab({ maxWaiting: 2 });
    await lab.subscribe('one');
    await lab.subscribe('other');
    await lab.publish('a', 1);

    const stand = standOf(lab.publish('a', 2));
    await lab.clock.quiet();
    expect(stand.now()).toBe('waits');
    await lab.work('one');
    await lab.clock.quiet();

    expect(stand.now()).toBe('done');
  });

  test('and over all namespaces', async () => {
    const lab = await full();
    const elsewhere = openBus(lab.backend, { namespace: 'elsewhere', sender: 'user:test', clock: lab.clock });

    const stand = standOf(elsewhere.publish('a', genericJson, 1));
    await lab.clock.advance(5_000);

    expect(stand.now()).toBe('BACKEND_FULL');
  });

  test('and the outputs of a settled attempt are never held back', async () => {
    const lab = await full();
    const [lease] = await lab.lease('slow', { max: 1 });
    const outputs = [1, 2, 3].map((n) => ({
      message: { ...(lease?.message as object), topics: ['out'], payload: n },
      priority: 4,
      payloadBytes: 1,
    }));

    const outcome = await lab.settle(lease as never, { outputs: outputs as never });

    expect(outcome.ok).toBe(true);
    expect((await lab.bus.read({ topic: 'out' })).items.map(({ payload }) => payload)).toEqual([1, 2, 3]);
    expect(await lab.work('slow')).toEqual([2, 1, 2, 3]);
  });
});

describe('nothing leaks: room is free again', () => {
  const ways: readonly [string, (lab: MemoryLab) => Promise<unknown>][] = [
    ['completed', (lab) => lab.work('slow')],
    [
      'dropped',
      async (lab) => {
        for (const lease of await lab.lease('slow')) await lab.settle(lease, { kind: 'dropped', reason: 'expired' });
      },
    ],
    [
      'a dead letter',
      async (lab) => {
        for (const lease of await lab.lease('slow')) await lab.settle(lease, { kind: 'dead', reason: 'failed', fault });
      },
    ],
    [
      'completed after a retry and a release',
      async (lab) => {
        for (const lease of await lab.lease('slow')) await lab.settle(lease, { kind: 'retry', delayMs: 10, fault });
        await lab.clock.advance(10);
        for (const lease of await lab.lease('slow')) await lab.settle(lease, { kind: 'released', delayMs: 10 });
        await lab.clock.advance(10);
        await lab.work('slow');
      },
    ],
    [
      'completed by the consumer that took it over, and once more by the one that lost it',
      async (lab) => {
        const lost = await lab.lease('slow', { leaseMs: 100 });
        await lab.clock.advance(1_000);
        await lab.work('slow');
        for (const lease of lost) await lab.settle(lease);
      },
    ],
    [
      'completed twice',
      async (lab) => {
        const leases = await lab.lease('slow');
        for (const lease of [...leases, ...leases]) await lab.settle(lease);
      },
    ],
    [
      'forgotten when the agent unsubscribes, what is in its hands included',
      async (lab) => {
        const leases = await lab.lease('slow', { max: 1 });
        await lab.backend.unsubscribe('lab', 'slow');
        for (const lease of leases) await lab.settle(lease);
        await lab.backend.unsubscribe('lab', 'slow');
        await lab.subscribe('slow', { patterns: ['a'] });
      },
    ],
  ];

  test.each(ways)('when deliveries are %s, however often', async (_, end) => {
    const lab = new MemoryLab({ maxWaiting: 3 });
    await lab.subscribe('slow', { patterns: ['a'] });

    for (let round = 0; round < 4; round++) {
      expect(await takes(lab, 3)).toBe(true);
      await end(lab);
    }

    expect(await lab.waiting('slow')).toBe(0);
  });

  test('when publishers were told that it is full', async () => {
    const lab = await full();
    const refused = Array.from({ length: 20 }, () => standOf(lab.publish('a', 'no')));
    await lab.clock.advance(5_000);

    await lab.work('slow');

    expect(new Set(refused.map(({ now }) => now()))).toEqual(new Set(['BACKEND_FULL']));
    expect(await takes(lab, 2)).toBe(true);
  });

  test('a dead letter takes the room of those who follow it, and no more', async () => {
    const lab = new MemoryLab({ maxWaiting: 2 });
    await lab.subscribe('slow', { patterns: ['a'] });
    await lab.subscribe('watcher', { patterns: ['$dead.*'] });
    await lab.publish('a', 1);
    const [lease] = await lab.lease('slow');

    await lab.settle(lease as never, { kind: 'dead', reason: 'failed', fault });
    expect(await lab.waiting('watcher')).toBe(1);
    expect(await takes(lab, 1)).toBe(true);
    await lab.work('watcher');
    await lab.work('slow');

    expect(await takes(lab, 2)).toBe(true);
  });
});

test('room for one lets one of many waiting publishers go on, in the order in which they came', async () => {
  const lab = new MemoryLab({ maxWaiting: 2 });
  await lab.subscribe('slow');
  await lab.publish('a', 'first');
  await lab.publish('a', 'second');
  const waiting = Array.from({ length: 20 }, (_, n) => standOf(lab.publish('a', n)));
  await lab.clock.quiet();
  const [lease] = await lab.lease('slow', { max: 1 });

  await lab.settle(lease as never);
  await lab.clock.quiet();

  expect(waiting.map(({ now }) => now())).toEqual(['done', ...Array(19).fill('waits')]);
  expect(await lab.waiting('slow')).toBe(2);
  await lab.clock.advance(5_000);
  expect(waiting.slice(1).map(({ now }) => now())).toEqual(Array(19).fill('BACKEND_FULL'));
});
