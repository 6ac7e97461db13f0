import type { GemstoneId } from 'guildwire';
import { describe, expect, test } from 'vitest';
import { fault, MemoryLab, NAMESPACE, standOf } from './memory-lab.ts';

const AT_ONCE = { waitMs: 0, timers: true };

class Ledger extends MemoryLab {
  async root(topic = 'a'): Promise<GemstoneId> {
    return (await this.publish(topic)) as GemstoneId;
  }

  progress(root: GemstoneId) {
    return this.backend.progress(NAMESPACE, root, AT_ONCE);
  }

  async states(id: GemstoneId, topic = 'a'): Promise<readonly string[]> {
    const fates = await this.backend.fates(NAMESPACE, { topic, id });
    return fates.map(({ agent, state, epoch, attempts }) => `${agent} ${state} ${epoch} ${attempts}`);
  }
}

describe('progress of a root of which nothing descends', () => {
  test('is counted when it is asked for, also if some deliveries have ended before', async () => {
    const lab = new Ledger();
    for (const agent of ['done', 'held', 'idle']) await lab.subscribe(agent);
    const root = await lab.root();
    await lab.work('done');
    const [lease] = await lab.lease('held');

    expect(await lab.progress(root)).toMatchObject({ handled: 1, running: 1, waiting: 1 });
    if (lease !== undefined) await lab.settle(lease);
    await lab.work('idle');
    expect(await lab.progress(root)).toMatchObject({ handled: 3, running: 0, waiting: 0 });
  });

  test('counts what an earlier subscription was handed from the past', async () => {
    const lab = new Ledger();
    await lab.subscribe('first');
    const root = await lab.root();
    await lab.work('first');
    await lab.subscribe('late', { from: 'beginning' });

    expect(await lab.progress(root)).toMatchObject({ handled: 1, waiting: 1 });
    await lab.work('late');
    expect(await lab.progress(root)).toMatchObject({ handled: 2, waiting: 0 });
  });

  test('goes with its message, unless work is left', async () => {
    const lab = new Ledger();
    await lab.subscribe('done');
    const root = (await lab.publish('a', null, { ttlMs: 1_000 })) as GemstoneId;
    await lab.work('done');
    await lab.progress(root);
    await lab.clock.advance(120_000);
    await lab.publish('sweep');

    await expect(lab.progress(root)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('a wait for progress', () => {
  test('ends with the work, at the time, or when the backend is closed', async () => {
    const lab = new Ledger();
    await lab.subscribe('one');
    const root = await lab.root();
    const wait = (waitMs: number) => standOf(lab.backend.progress(NAMESPACE, root, { waitMs, timers: true }));
    const [short, long] = [wait(1_000), wait(60_000)];

    await lab.clock.advance(1_000);
    expect([short.now(), long.now()]).toEqual(['done', 'waits']);
    await lab.work('one');
    await lab.clock.quiet();
    expect(long.now()).toBe('done');
    await lab.root();
    const next = await lab.root();
    const cut = standOf(lab.backend.progress(NAMESPACE, next, { waitMs: 60_000, timers: true }));
    await lab.backend[Symbol.asyncDispose]();
    await lab.clock.quiet();
    expect(cut.now()).not.toBe('waits');
  });
});

describe('fates', () => {
  test('follow the subscription as it was when the message came', async () => {
    const lab = new Ledger();
    await lab.subscribe('moved', { patterns: ['a'] });
    const early = await lab.root('a');
    await lab.work('moved');
    await lab.subscribe('moved', { patterns: ['b'] });
    const missed = await lab.root('a');
    const late = await lab.root('b');
    await lab.work('moved');
    await lab.backend.unsubscribe(NAMESPACE, 'moved');
    const after = await lab.root('b');

    expect(await lab.states(early)).toEqual(['moved handled 0 1']);
    expect(await lab.states(missed)).toEqual([]);
    expect(await lab.states(late, 'b')).toEqual(['moved handled 0 1']);
    expect(await lab.states(after, 'b')).toEqual([]);
  });

  test('tell attempts, drops, dead letters, redrives and replays apart', async () => {
    const lab = new Ledger();
    await lab.subscribe('one', { patterns: ['a'] });
    const root = await lab.root();
    const take = async () => (await lab.lease('one'))[0] as never;
    await lab.settle(await take(), { kind: 'retry', delayMs: 0, fault });
    await lab.settle(await take(), { kind: 'dead', reason: 'failed', fault });
    const redrive = await lab.backend.plan({ namespace: NAMESPACE, agent: 'one', action: 'redrive' });
    await lab.backend.runPlan(redrive.id, { max: 1 });
    await lab.settle(await take(), { kind: 'dropped', reason: 'no-handler' });
    const range = { where: { topic: 'a' }, from: root, to: root } as const;
    const replay = await lab.backend.plan({ namespace: NAMESPACE, agent: 'one', action: 'replay', ...range });
    await lab.backend.runPlan(replay.id, { max: 1 });

    expect(await lab.states(root)).toEqual(['one dead 0 2', 'one no-handler 1 0', 'one waiting 2 0']);
    await lab.work('one');
    expect(await lab.states(root)).toEqual(['one dead 0 2', 'one no-handler 1 0', 'one handled 2 1']);
    expect(await lab.progress(root)).toMatchObject({ handled: 1, failed: 0, waiting: 0 });
  });

  test('are forgotten with their messages', async () => {
    const lab = new Ledger();
    await lab.subscribe('picky', { patterns: ['a'] });
    const drop = async (count: number) => {
      for (let n = 0; n < count; n++) await lab.publish('a', n, { ttlMs: 1_000 });
      for (const lease of await lab.lease('picky', { max: count }))
        await lab.settle(lease, { kind: 'dropped', reason: 'no-handler' });
    };
    await drop(1_000);
    await lab.clock.advance(120_000);
    await drop(100);
    const last = (await lab.bus.read({ topic: 'a', order: 'desc', limit: 1 })).items[0];

    expect(await lab.states(last?.id as GemstoneId)).toEqual(['picky no-handler 0 0']);
  });

  test('of a paused agent still wait, and nobody is told of a name that was only looked at', async () => {
    const lab = new Ledger();
    await lab.subscribe('one', { patterns: ['a'] });
    await lab.backend.pause(NAMESPACE, 'one', true);
    const root = await lab.root();

    expect(await lab.states(root)).toEqual(['one waiting 0 0']);
    await expect(lab.backend.pause('elsewhere', 'one', true)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await lab.backend.stats('elsewhere')).toEqual([]);
  });
});
