import { genericJson, MemoryBackend, openBus } from 'guildwire';
import { type ChaosOptions, chaos } from 'guildwire/testing';
import { describe, expect, test } from 'vitest';
import { ChaosLab, LEASE_MS, payloads, standOf } from './chaos-lab.ts';

describe('duplicate', () => {
  test('hands a delivery out twice at once, and the settlement that comes second has lost it', async () => {
    const lab = new ChaosLab({ duplicate: 1 });
    await lab.subscribe('one');
    await lab.publish(2);

    const leases = await lab.lease('one');

    expect(payloads(leases)).toEqual([0, 1, 0, 1]);
    expect(await lab.settle(leases)).toEqual(['ok', 'ok', 'LEASE_LOST', 'LEASE_LOST']);
    expect(lab.happened).toEqual(['duplicate one #1', 'duplicate one #2']);
  });

  test('hands out no more than was asked for', async () => {
    const lab = new ChaosLab({ duplicate: 1 });
    await lab.subscribe('one');
    await lab.publish(2);

    expect(payloads(await lab.lease('one', { max: 2 }))).toEqual([0, 1]);
    expect(lab.happened).toEqual([]);
  });

  test('keeps out of order by key, and of what is delivered at most once', async () => {
    const lab = new ChaosLab({ duplicate: 1 });
    await lab.subscribe('ordered', { ordering: 'key' });
    await lab.subscribe('once', { guarantee: 'at-most-once' });
    await lab.publish(1);

    expect(payloads(await lab.lease('ordered'))).toEqual([0]);
    expect(payloads(await lab.lease('once'))).toEqual([0]);
  });

  test('keeps out of a subscription that turns to order by key', async () => {
    const lab = new ChaosLab({ duplicate: 1 });
    await lab.subscribe('one');
    await lab.subscribe('one', { ordering: 'key' });
    await lab.publish(1);

    expect(payloads(await lab.lease('one'))).toEqual([0]);
  });
});

test('reorder gives the same deliveries, in another order', async () => {
  const lab = new ChaosLab({ reorder: 1 });
  await lab.subscribe('one');
  await lab.publish(10);

  const leases = await lab.lease('one');

  expect(payloads(leases)).not.toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(payloads(leases).toSorted()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(lab.chaos.faults[0]?.description).toBe('reorder one 10 deliveries');
});

describe('delay', () => {
  const delay = { chance: 1, maxMs: 3_600_000 };

  test('lets leases come late, but by a quarter of their time at most', async () => {
    for (let seed = 0; seed < 20; seed++) {
      const lab = new ChaosLab({ delay, seed });
      await lab.subscribe('one');
      await lab.publish(1);
      const before = lab.clock.now();

      const leases = await lab.clock.runUntil(lab.lease('one'));

      expect(lab.clock.now()).toBeGreaterThan(before);
      expect(lab.clock.now()).toBeLessThanOrEqual(before + LEASE_MS / 4);
      expect(leases[0]?.until).toBe(before + LEASE_MS);
    }
  });

  test('lets a settlement take effect at once, and answers late', async () => {
    const lab = new ChaosLab({ delay: { chance: 1, maxMs: 500 } });
    await lab.subscribe('one');
    await lab.publish(1);
    const leases = await lab.clock.runUntil(lab.lease('one'));
    // As whoever settles does: the clock would not move otherwise, or move too early.
    lab.clock.beginWork();

    const settled = standOf(lab.settle(leases).finally(() => lab.clock.endWork()));
    await lab.clock.advance(0);
    expect([settled.now(), await lab.waiting('one')]).toEqual(['waits', 0]);
    await lab.clock.advance(500);

    expect(settled.now()).toBe('done');
  });

  test('stores what is published at once, and answers late', async () => {
    const lab = new ChaosLab({ delay: { chance: 1, maxMs: 500 } });
    await lab.subscribe('one');

    const bus = openBus(lab.chaos, { namespace: 'lab', sender: 'user:test', clock: lab.clock });
    const published = standOf(bus.publish('a', genericJson, 1));
    await lab.clock.advance(0);
    expect([published.now(), await lab.waiting('one')]).toEqual(['waits', 1]);
    await lab.clock.advance(500);

    expect(published.now()).toBe('done');
  });

  test('ends with the wait of who asked', async () => {
    const lab = new ChaosLab({ delay });
    await lab.subscribe('one');
    await lab.publish(1);
    const stopping = new AbortController();

    const leased = lab.lease('one', { signal: stopping.signal });
    await lab.clock.quiet();
    stopping.abort();

    expect(payloads(await leased)).toEqual([0]);
  });
});

test('crashBeforeSettle loses a settlement, and the delivery comes again when the lease has run out', async () => {
  const lab = new ChaosLab({ crashBeforeSettle: 1 });
  await lab.subscribe('one');
  await lab.publish(1);

  const [lease] = await lab.lease('one');
  expect(await lab.settle([lease as never])).toEqual(['LEASE_LOST']);
  await lab.clock.advance(LEASE_MS - 1);
  expect(await lab.lease('one')).toEqual([]);
  await lab.clock.advance(1);

  expect(await lab.lease('one')).toMatchObject([{ returned: true, attemptsBefore: 0, key: lease?.key }]);
  expect(lab.chaos.faults).toMatchObject([
    { number: 1, kind: 'crashBeforeSettle', description: `crashBeforeSettle one a/${lease?.key?.id}, attempt 1` },
  ]);
});

test('crashAfterSettle loses the answer only', async () => {
  const lab = new ChaosLab({ crashAfterSettle: 1 });
  await lab.subscribe('one');
  await lab.publish(2);

  expect(await lab.settle(await lab.lease('one'))).toEqual(['BACKEND_UNAVAILABLE', 'BACKEND_UNAVAILABLE']);
  await lab.clock.advance(10 * LEASE_MS);

  expect(await lab.lease('one')).toEqual([]);
  expect(lab.happened).toEqual(['crashAfterSettle one #1', 'crashAfterSettle one #2']);
});

test('a settlement dies alone, and the others of its call take effect', async () => {
  const lab = new ChaosLab({ only: ['crashBeforeSettle one #2'] });
  await lab.subscribe('one');
  await lab.publish(3);

  expect(await lab.settle(await lab.lease('one'))).toEqual(['ok', 'LEASE_LOST', 'ok']);
  await lab.clock.advance(LEASE_MS);

  expect(payloads(await lab.lease('one'))).toEqual([1]);
});

test('failAppend rejects, about half of the time after the messages were stored', async () => {
  const lab = new ChaosLab({ failAppend: 1 });
  const bus = openBus(lab.chaos, { namespace: 'lab', sender: 'user:test', clock: lab.clock });

  for (let n = 0; n < 100; n++) {
    await expect(bus.publish('a', genericJson, n)).rejects.toMatchObject({ code: 'BACKEND_UNAVAILABLE' });
  }

  const { items } = await lab.bus.read({ topic: 'a' });
  expect(items.length).toBeGreaterThan(30);
  expect(items.length).toBeLessThan(70);
  const said = lab.chaos.faults.filter(({ description }) => description.endsWith('after it was stored'));
  expect(said).toHaveLength(items.length);
});

describe('the schedule', () => {
  const everything = {
    duplicate: 0.3,
    reorder: 0.5,
    crashBeforeSettle: 0.3,
    crashAfterSettle: 0.3,
    outage: { chance: 0.1, maxMs: 3_000 },
  } satisfies Partial<ChaosOptions>;

  async function play(options: Partial<ChaosOptions>): Promise<readonly string[]> {
    const lab = new ChaosLab(options);
    await lab.subscribe('one');
    await lab.subscribe('two');
    await lab.publish(20);
    for (let round = 0; round < 30; round++) {
      for (const agent of ['one', 'two'])
        await lab
          .lease(agent)
          .then((leases) => lab.settle(leases))
          .catch(() => {});
      await lab.clock.advance(LEASE_MS);
    }
    expect(lab.chaos.faults.map(({ number }) => number)).toEqual(lab.chaos.faults.map((_, index) => index + 1));
    expect(new Set(lab.happened).size).toBe(lab.happened.length);
    return lab.chaos.faults.map(({ name, at, description }) => `${at} ${name} ${description}`);
  }

  test('follows from the seed', async () => {
    const plays = await Promise.all([7, 7, 8].map((seed) => play({ ...everything, seed })));

    expect(plays[0]?.length).toBeGreaterThan(20);
    expect(plays[1]).toEqual(plays[0]);
    expect(plays[2]).not.toEqual(plays[0]);
  });

  test('can be repeated by the names of its faults, whatever the chances', async () => {
    const lab = new ChaosLab({ only: new Set(['duplicate one #2', 'reorder one #1']) });
    await lab.subscribe('one');
    await lab.publish(3);

    const leases = await lab.lease('one');

    expect(payloads(leases).toSorted()).toEqual([0, 1, 1, 2]);
    expect(lab.happened).toEqual(['duplicate one #2', 'reorder one #1']);
  });

  test('of no names has no faults', async () => {
    expect(await play({ ...everything, only: [] })).toEqual([]);
  });

  test('keeps the other faults when one is left out', async () => {
    const first = new ChaosLab({ crashBeforeSettle: 0.5, seed: 3 });
    await first.subscribe('one');
    await first.publish(20);
    await first.settle(await first.lease('one'));
    const [left, ...kept] = first.happened;

    const second = new ChaosLab({ crashBeforeSettle: 0.5, seed: 3, only: kept });
    await second.subscribe('one');
    await second.publish(20);
    await second.settle(await second.lease('one'));

    expect(left).toMatch(/^crashBeforeSettle one #\d+$/);
    expect(second.happened).toEqual(kept);
  });
});

test('options that are none are refused, each with its fault', () => {
  const backend = new MemoryBackend();
  const wrong = {
    seed: -1,
    clock: 'now',
    duplicate: 2,
    reorder: '1',
    delay: 0.5,
    outage: { chance: Number.NaN, maxMs: -5 },
    crash: 1,
    only: ['crash one #1', 7],
  };

  expect(() => chaos(backend, wrong as never)).toThrow(
    expect.objectContaining({
      code: 'INVALID_ARGUMENT',
      faults: [
        { field: 'seed', problem: 'got -1: allowed is a whole number from 0' },
        { field: 'clock', problem: 'got "now": allowed is a clock' },
        { field: 'duplicate', problem: 'got 2: allowed is a number from 0 to 1' },
        { field: 'reorder', problem: 'got "1": allowed is a number from 0 to 1' },
        { field: 'delay', problem: 'got 0.5: allowed is { chance, maxMs }' },
        { field: 'outage.chance', problem: 'got NaN: allowed is a number from 0 to 1' },
        { field: 'outage.maxMs', problem: expect.stringContaining('got -5') },
        { field: 'only[0]', problem: expect.stringContaining('got "crash one #1"') },
        { field: 'only[1]', problem: expect.stringContaining('got 7') },
        { field: 'crash', problem: expect.stringMatching(/^is unknown: allowed are seed, clock, only, duplicate, /) },
      ],
    }),
  );
  for (const options of [undefined, null, 'seed']) {
    expect(() => chaos(backend, options as never)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  }
  expect(() => chaos(backend, { seed: 1, only: 'reorder one #1' as never })).toThrow(/only: got "reorder one #1"/);
  expect(() => chaos({} as never, { seed: 1.5 })).toThrow(/backend: got an object: .*; seed: got 1.5/);
});
