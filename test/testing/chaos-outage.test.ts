import { type Backend, genericJson, openBus } from 'guildwire';
import { expect, test } from 'vitest';
import type { Uploads } from '../../lib/backends/uploads.ts';
import { ChaosLab, standOf } from './chaos-lab.ts';

const AWAY = { code: 'BACKEND_UNAVAILABLE', retryable: true };
const UPLOAD = { bytes: 1, sha256: 'a'.repeat(64) };
const ROOT = '01KDVDNA000BZHA1ZE7YZ8B9X4' as never;

test('while the store is taken away every call rejects, and afterwards all goes on', async () => {
  const { chaos } = new ChaosLab({});
  const calls: Record<
    Exclude<keyof Backend, 'name' | 'features' | 'uploads' | typeof Symbol.asyncDispose> | keyof Uploads,
    () => Promise<unknown>
  > = {
    append: () => chaos.append([], 'nonce'),
    read: () => chaos.read({ namespace: 'lab', where: { topic: 'a' }, order: 'id', limit: 1 }),
    topics: () => chaos.topics('lab'),
    subscribe: () =>
      chaos.subscribe({
        namespace: 'lab',
        agent: 'one',
        patterns: ['a'],
        onlyWhenTagged: false,
        ordering: 'none',
        guarantee: 'at-least-once',
        from: 'now',
      }),
    unsubscribe: () => chaos.unsubscribe('lab', 'one'),
    pause: () => chaos.pause('lab', 'one', true),
    lease: () => chaos.lease({ agent: 'one', namespaces: ['lab'], max: 1, leaseMs: 1, waitMs: 0 }),
    start: () => chaos.start([]),
    extend: () => chaos.extend([], 1),
    settle: () => chaos.settle([]),
    plan: () => chaos.plan({ namespace: 'lab', agent: 'one', action: 'redrive' }),
    runPlan: () => chaos.runPlan('plan' as never, { max: 0 }),
    state: () => chaos.state('lab', 'one', []),
    progress: () => chaos.progress('lab', ROOT, { waitMs: 0, timers: true }),
    fates: () => chaos.fates('lab', { topic: 'a', id: ROOT }),
    stats: () => chaos.stats('lab'),
    place: () => chaos.uploads.place('lab', UPLOAD),
    payload: () => chaos.uploads.payload('lab', UPLOAD),
  };
  const isAway = async (call: () => Promise<unknown>) =>
    call().then(
      () => false,
      (error: { readonly code?: string }) => error.code === AWAY.code,
    );

  chaos.down();
  expect(chaos.isDown).toBe(true);
  for (const [name, call] of Object.entries(calls)) expect(await isAway(call), name).toBe(true);
  chaos.up();
  expect(chaos.isDown).toBe(false);
  for (const [name, call] of Object.entries(calls)) expect(await isAway(call), name).toBe(false);
});

test('what waits ends when the store goes away, and nothing was handed to nobody', async () => {
  const lab = new ChaosLab({});
  await lab.subscribe('one');
  const root = await lab.bus.publish('a', genericJson, 'held');
  await lab.lease('one');
  const leased = standOf(lab.lease('one', { waitMs: 60_000 }));
  const read = standOf(
    lab.chaos.read({ namespace: 'lab', where: { topic: 'b' }, order: 'arrival', limit: 1, waitMs: 60_000 }),
  );
  const progress = standOf(lab.chaos.progress('lab', root, { waitMs: 60_000, timers: true }));
  await lab.clock.quiet();
  expect([leased.now(), read.now(), progress.now()]).toEqual(['waits', 'waits', 'waits']);

  lab.chaos.down();
  await lab.clock.quiet();
  expect([leased.now(), read.now(), progress.now()]).toEqual([AWAY.code, AWAY.code, AWAY.code]);
  await lab.publish(1);
  await lab.clock.quiet();

  expect(await lab.waiting('one')).toBe(1);
  lab.chaos.up();
  expect(await lab.lease('one')).toHaveLength(1);
});

test('an outage that the seed draws lasts for its time', async () => {
  const lab = new ChaosLab({ outage: { chance: 1, maxMs: 1_000 }, only: ['outage one #2'] });
  await lab.subscribe('one');
  await lab.publish(1);

  expect(await lab.lease('one')).toHaveLength(1);
  await expect(lab.lease('one')).rejects.toMatchObject(AWAY);
  const [outage] = lab.chaos.faults;
  const [, lasts] = /^outage for (\d+) ms, from lease by one on$/.exec(outage?.description ?? '') ?? [];
  await lab.clock.advance(Number(lasts) - 1);
  expect(lab.chaos.isDown).toBe(true);
  await lab.clock.advance(1);

  expect(lab.chaos.isDown).toBe(false);
  expect(lab.chaos.faults).toHaveLength(1);
});

test('up ends a drawn outage for good, and one by hand has no end of its own', async () => {
  const lab = new ChaosLab({ outage: { chance: 1, maxMs: 1_000 }, only: ['outage one #1'] });
  await lab.subscribe('one');

  await expect(lab.lease('one')).rejects.toMatchObject(AWAY);
  lab.chaos.up();
  expect(await lab.lease('one')).toEqual([]);
  lab.chaos.down();
  await lab.clock.advance(3_600_000);

  expect(lab.chaos.isDown).toBe(true);
});

test('a late answer is lost when the store goes away', async () => {
  const lab = new ChaosLab({ delay: { chance: 1, maxMs: 1_000 } });
  await lab.subscribe('one');
  const bus = openBus(lab.chaos, { namespace: 'lab', sender: 'user:test', clock: lab.clock });

  const published = standOf(bus.publish('a', genericJson, 1));
  await lab.clock.quiet();
  lab.chaos.down();
  await lab.clock.quiet();

  expect(published.now()).toBe(AWAY.code);
  expect(await lab.waiting('one')).toBe(1);
});

test('closing it closes the backend inside, also while that is away', async () => {
  const lab = new ChaosLab({ outage: { chance: 1, maxMs: 1_000 } });
  await expect(lab.lease('one')).rejects.toMatchObject(AWAY);

  await lab.chaos[Symbol.asyncDispose]();

  await expect(lab.inner.stats('lab')).rejects.toMatchObject({ message: expect.stringContaining('is closed') });
});
