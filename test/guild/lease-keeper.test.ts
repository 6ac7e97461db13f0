import { type Backend, BackendUnavailableError, defineAgent, genericJson, LeaseLostError } from 'guildwire';
import { expect, test } from 'vitest';
import { borrowed, deadLettersOf, gate, Lab, ManualClock, turns } from './lab.ts';

/** The lab's backend, whose `extend` the test replaces. */
function extending(lab: Lab<ManualClock>, extend: Backend['extend']): Backend {
  return new Proxy<Backend>(borrowed(lab.backend), {
    get: (target, property) => (property === 'extend' ? extend : Reflect.get(target, property)),
  });
}

/** An agent that works on the first delivery until `opened`, one at a time, for ten minutes at most. */
function slow(opened: Promise<void>, guarantee: 'at-least-once' | 'at-most-once' = 'at-least-once') {
  const started: unknown[] = [];
  const signals: AbortSignal[] = [];
  const agent = defineAgent({
    name: 'slow',
    entry: import.meta.url,
    subscribes: ['a'],
    publishes: ['out'],
    concurrency: 1,
    timeoutMs: 600_000,
    guarantee,
    handlers: (on) => [
      on.any((payload, context) => {
        started.push(payload);
        signals.push(context.signal);
        context.publish('out', genericJson, payload);
        return started.length === 1 ? opened : undefined;
      }),
    ],
  });
  return { agent, started, signals };
}

/** Minute after minute, in small steps, as time passes. */
async function minutes(lab: Lab<ManualClock>, count: number): Promise<void> {
  for (let step = 0; step < count * 12; step++) await lab.clock.advance(5_000);
  await turns();
}

test('a handler that runs for minutes keeps its delivery, and another instance does not get it', async () => {
  await using lab = new Lab({ clock: new ManualClock() });
  const { opened, open } = gate();
  const [one, other] = [slow(opened), slow(opened)];
  const running = await lab.start([one.agent]);
  await running.publish('a', genericJson, 'long');
  await turns();
  await lab.start([other.agent]);

  await minutes(lab, 9);
  open();
  await turns();

  expect([one.started, other.started]).toEqual([['long'], []]);
  expect((await running.read({ topic: 'out' })).items).toHaveLength(1);
});

test('a handler that lost its delivery is told, its slot is free, and nothing of it is stored', async () => {
  await using lab = new Lab({ clock: new ManualClock() });
  const { opened, open } = gate();
  const { agent, started, signals } = slow(opened);
  const backend = extending(lab, async (leases) =>
    leases.map((lease) => ({ ok: false, error: new LeaseLostError(lease.agent) })),
  );
  const running = await lab.start([agent], { backend: () => backend });
  await running.publish('a', genericJson, 'lost');
  await running.publish('a', genericJson, 'next');
  await turns();
  expect(started).toEqual(['lost']);

  await lab.clock.advance(10_000);
  await turns();

  expect(started).toEqual(['lost', 'next']);
  expect(signals.map(({ aborted, reason }) => aborted && (reason as Error).name)).toEqual(['LeaseLostError', false]);
  expect(lab.log.texts).toEqual([
    expect.stringMatching(/^warn: an attempt was ended: "slow" no longer holds the delivery/),
  ]);
  open();
  await turns();
  expect((await running.read({ topic: 'out' })).items.map(({ payload }) => payload)).toEqual(['next']);
});

test('when leases cannot be extended for a while, it is said, and tried again', async () => {
  await using lab = new Lab({ clock: new ManualClock() });
  const { opened, open } = gate();
  const { agent, started } = slow(opened);
  let failures = 1;
  const backend = extending(lab, async (leases, leaseMs) => {
    if (failures-- > 0) throw new BackendUnavailableError('no route to host');
    return lab.backend.extend(leases, leaseMs);
  });
  const running = await lab.start([agent], { backend: () => backend });
  await running.publish('a', genericJson, 'kept');
  await turns();

  await minutes(lab, 3);
  open();
  await turns();

  expect(started).toEqual(['kept']);
  expect(lab.log.texts).toEqual(['error: cannot extend leases, trying again']);
  expect((await running.read({ topic: 'out' })).items).toHaveLength(1);
});

test('what is delivered at most once does not come again when its consumer is gone', async () => {
  await using lab = new Lab({ clock: new ManualClock() });
  const gone = slow(gate().opened, 'at-most-once');
  const dead = extending(lab, async () => {
    throw new BackendUnavailableError('gone');
  });
  const running = await lab.start([gone.agent], { backend: () => dead });
  await running.publish('a', genericJson, 'once');
  await turns();

  const next = slow(Promise.resolve(), 'at-most-once');
  const other = await lab.start([next.agent]);
  await minutes(lab, 5);

  expect([gone.started, next.started]).toEqual([['once'], []]);
  expect(await other.stats()).toMatchObject([{ waiting: 0 }]);
});

test('what is delivered at most once is a dead letter when the guild stops before its handler is done', async () => {
  await using lab = new Lab({ clock: new ManualClock() });
  const { agent, started } = slow(gate().opened, 'at-most-once');
  const running = await lab.start([agent]);
  await running.publish('a', genericJson, 'once');
  await turns();

  const drained = running.drain(1_000);
  await lab.clock.advance(1_000);
  await drained;
  await lab.start([slow(Promise.resolve(), 'at-most-once').agent]);
  await turns();

  expect(started).toEqual(['once']);
  const letters = await deadLettersOf(running, 'slow');
  expect(letters).toMatchObject([{ reason: 'failed', original: { payload: 'once' } }]);
  expect(letters[0]?.errors[0]?.message).toContain('the guild stopped');
});
