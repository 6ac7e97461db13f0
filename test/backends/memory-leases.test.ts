import { type Lease, LeaseLostError } from 'guildwire';
import { describe, expect, test } from 'vitest';
import { fault, MemoryLab, payloadsOf, standOf } from './memory-lab.ts';

/** One message in the hands of a consumer, for ten seconds. */
async function held(): Promise<{ readonly lab: MemoryLab; readonly lease: Lease }> {
  const lab = new MemoryLab();
  await lab.subscribe('worker');
  await lab.publish('a', 'work');
  const [lease] = await lab.lease('worker', { leaseMs: 10_000 });
  return { lab, lease: lease as Lease };
}

const lost = { ok: false, error: expect.any(LeaseLostError) };

describe('a delivery', () => {
  test('is in one pair of hands at a time', async () => {
    const { lab, lease } = await held();

    expect(await lab.lease('worker')).toEqual([]);
    expect(lease).toMatchObject({ agent: 'worker', namespace: 'lab', attemptsBefore: 0, returned: false, epoch: 0 });
    expect(lease.until).toBe(lab.clock.now() + 10_000);
    expect(lease.firstAttemptAt).toBe(lab.clock.now());
    expect(lease.token).not.toBe('');
  });

  test('stays with its consumer until the lease runs out, and goes to another then', async () => {
    const { lab, lease } = await held();
    const { takeoverMs } = lab.backend.features;

    await lab.clock.advance(9_999);
    expect(await lab.lease('worker')).toEqual([]);
    await lab.clock.advance(1 + takeoverMs);
    const [taken] = await lab.lease('worker');

    expect(taken).toMatchObject({ key: lease.key, returned: true, attemptsBefore: 0 });
    expect(taken?.token).not.toBe(lease.token);
  });

  test('goes at once to a consumer that waits for it', async () => {
    const { lab } = await held();
    const waiting = lab.lease('worker', { waitMs: 60_000 });
    const stand = standOf(waiting);

    await lab.clock.advance(9_999);
    expect(stand.now()).toBe('waits');
    await lab.clock.advance(1);

    expect(payloadsOf(await waiting)).toEqual(['work']);
  });

  test('that was lost is not settled by who lost it, and nothing of it holds', async () => {
    const { lab, lease } = await held();
    await lab.subscribe('watcher', { patterns: ['$dead.*'] });
    await lab.clock.advance(11_000);
    const [taken] = await lab.lease('worker');
    const outputs = [{ message: { ...lease.message, topics: ['out'] }, priority: 4, payloadBytes: 1 }];
    const state = [{ key: 'k', value: 1, ifVersion: 0 }];

    const outcomes = [
      await lab.settle(lease, { outputs, state } as never),
      await lab.settle(lease, { kind: 'dead', reason: 'failed', fault }),
      await lab.settle(lease, { kind: 'retry', delayMs: 0, fault }),
      await lab.settle(lease, { kind: 'released', delayMs: 0 }),
      await lab.settle(lease, { kind: 'dropped', reason: 'expired' }),
      ...(await lab.backend.start([lease])),
      ...(await lab.backend.extend([lease], 1_000)),
    ];

    expect(outcomes).toEqual(Array(7).fill(lost));
    expect((await lab.bus.topics()).map(({ topic }) => topic)).toEqual(['a']);
    expect(await lab.backend.state('lab', 'worker', ['k'])).toEqual([{ value: undefined, version: 0 }]);
    expect(await lab.waiting('watcher')).toBe(0);
    expect(await lab.settle(taken as Lease)).toMatchObject({ ok: true });
    expect(await lab.lease('worker')).toEqual([]);
  });

  test('that was settled cannot be settled again', async () => {
    const { lab, lease } = await held();

    expect(await lab.settle(lease)).toMatchObject({ ok: true });
    expect(await lab.settle(lease)).toEqual(lost);
    expect(await lab.settle(lease, { kind: 'retry', delayMs: 0, fault })).toEqual(lost);

    expect(await lab.lease('worker')).toEqual([]);
  });

  test('is kept as long as its lease is extended', async () => {
    const { lab, lease } = await held();

    await lab.clock.advance(6_000);
    const outcome = await lab.backend.extend([lease], 10_000);
    await lab.clock.advance(9_999);
    expect(await lab.lease('worker')).toEqual([]);
    await lab.clock.advance(1_001);

    expect(outcome).toEqual([{ ok: true, until: lease.until }]);
    expect(payloadsOf(await lab.lease('worker'))).toEqual(['work']);
  });

  test('is given up sooner when its lease is extended to an earlier time', async () => {
    const { lab, lease } = await held();

    await lab.backend.extend([lease], 1_000);
    await lab.clock.advance(1_000);

    expect(payloadsOf(await lab.lease('worker'))).toEqual(['work']);
  });

  test('comes again after its delay, with its failed attempts counted and its first time kept', async () => {
    const { lab, lease } = await held();
    const { firstAttemptAt } = lease;

    await lab.clock.advance(1_000);
    await lab.settle(lease, { kind: 'retry', delayMs: 5_000, fault });
    await lab.clock.advance(4_999);
    expect(await lab.lease('worker')).toEqual([]);
    await lab.clock.advance(1);
    const [again] = await lab.lease('worker');

    expect(again).toMatchObject({ attemptsBefore: 1, firstAttemptAt, returned: false });
  });

  test('that is released counts no attempt', async () => {
    const { lab, lease } = await held();

    await lab.settle(lease, { kind: 'released', delayMs: 0 });
    const [again] = await lab.lease('worker');

    expect(again).toMatchObject({ attemptsBefore: 0, returned: false });
  });

  test('stays where it is while the agent is paused, for consumers that come and for those that wait', async () => {
    const { lab, lease } = await held();
    await lab.publish('a', 'next');
    const waiting = lab.lease('worker', { waitMs: 5_000, max: 1 });
    expect(payloadsOf(await waiting)).toEqual(['next']);

    await lab.backend.pause('lab', 'worker', true);
    await lab.settle(lease, { kind: 'released', delayMs: 0 });
    const paused = lab.lease('worker', { waitMs: 60_000 });
    const stand = standOf(paused);
    await lab.clock.advance(5_000);
    expect([stand.now(), await lab.lease('worker'), await lab.waiting('worker')]).toEqual(['waits', [], 1]);
    await lab.backend.pause('lab', 'worker', false);

    expect(payloadsOf(await paused)).toEqual(['work']);
  });

  test('of which more would come of one attempt than can be committed is kept, and nothing of it holds', async () => {
    const { lab, lease } = await held();
    const { maxOutputs } = lab.backend.features;
    const output = { message: { ...lease.message, topics: ['out'] }, priority: 4, payloadBytes: 1 };
    const outputs = Array(maxOutputs + 1).fill(output);
    const state = [{ key: 'k', value: 1, ifVersion: 0 }];

    const refused = await lab.settle(lease, { outputs, state } as never);
    const taken = await lab.settle(lease, { outputs: outputs.slice(1) } as never);

    expect(refused).toMatchObject({ ok: false, error: { code: 'TOO_MANY_OUTPUTS' } });
    expect(taken).toMatchObject({ ok: true });
    expect(await lab.backend.state('lab', 'worker', ['k'])).toEqual([{ value: undefined, version: 0 }]);
    expect((await lab.bus.read({ topic: 'out', limit: 1_000 })).items).toHaveLength(maxOutputs);
  });

  test('that waits for its time is counted as waiting, and forgotten with the subscription', async () => {
    const { lab, lease } = await held();
    await lab.settle(lease, { kind: 'retry', delayMs: 5_000, fault });
    await lab.publish('a', 'delayed', { delayMs: 5_000 });
    expect(await lab.waiting('worker')).toBe(2);

    await lab.backend.unsubscribe('lab', 'worker');
    await lab.subscribe('worker');
    await lab.clock.advance(6_000);

    expect(await lab.lease('worker')).toEqual([]);
    expect(await lab.waiting('worker')).toBe(0);
  });
});

describe('a consumer that waits', () => {
  test('is given nothing after its time, and what comes then is for the next', async () => {
    const lab = new MemoryLab();
    await lab.subscribe('worker');

    const waiting = lab.lease('worker', { waitMs: 5_000 });
    await lab.clock.advance(5_000);
    await lab.publish('a', 'late');

    expect(await waiting).toEqual([]);
    expect(await lab.work('worker')).toEqual(['late']);
  });

  test('may wait before the agent subscribes', async () => {
    const lab = new MemoryLab();

    const waiting = lab.lease('worker', { waitMs: 5_000 });
    await lab.subscribe('worker');
    await lab.publish('a', 'first');

    expect(payloadsOf(await waiting)).toEqual(['first']);
  });

  test('is given nothing when its signal is aborted, and the delivery stays', async () => {
    const lab = new MemoryLab();
    await lab.subscribe('worker');
    const controllers = [new AbortController(), new AbortController()] as const;
    const waiting = controllers.map(({ signal }) => lab.lease('worker', { waitMs: 60_000, signal }));

    controllers[0].abort();
    expect(await waiting[0]).toEqual([]);
    await lab.publish('a', 1);
    await lab.clock.quiet();
    const after = await lab.lease('worker', { signal: controllers[0].signal, waitMs: 60_000 });

    expect(payloadsOf((await waiting[1]) ?? [])).toEqual([1]);
    expect(after).toEqual([]);
  });

  test('with one signal for several calls is given nothing by any of them', async () => {
    const lab = new MemoryLab();
    await lab.subscribe('worker');
    const controller = new AbortController();
    const waiting = [1, 2, 3].map(() => lab.lease('worker', { waitMs: 60_000, signal: controller.signal }));

    controller.abort();
    await lab.publish('a', 1);

    expect(await Promise.all(waiting)).toEqual([[], [], []]);
    expect(await lab.work('worker')).toEqual([1]);
  });

  test('shares what comes with the others that wait, and takes no more than it asked for', async () => {
    const lab = new MemoryLab();
    await lab.subscribe('worker');
    const [one, other] = [
      lab.lease('worker', { max: 2, waitMs: 1_000 }),
      lab.lease('worker', { max: 2, waitMs: 1_000 }),
    ];

    for (const n of [1, 2, 3, 4, 5]) void lab.publish('a', n);
    await lab.clock.quiet();

    expect([payloadsOf(await one), payloadsOf(await other)]).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(await lab.work('worker')).toEqual([5]);
  });
});
