import { defineAgent, genericJson } from 'guildwire';
import { expect, test } from 'vitest';
import { gate, Lab, ManualClock, turns } from './lab.ts';
import { runKiller } from './process-killer.ts';

const LEASE_MS = 30_000;

test.each([
  [{ one: 3, other: 2 }, ['one 1', 'one 3', 'other 1', 'other 2', 'other 3'], 4],
  [{ one: 1 }, ['one 1', 'one 3'], 2],
])(
  'a handler that ends its process again and again takes none along beside it (%o)',
  async (attempts, others, starts) => {
    await using lab = new Lab({ clock: new ManualClock() });

    const { handled, kills, letters } = await runKiller({
      attempts,
      store: lab.backend,
      leaseMs: LEASE_MS,
      start: { clock: lab.clock, log: lab.log },
      pause: () => turns(10),
      quiet: () => turns(400),
      outlive: () => lab.clock.advance(LEASE_MS + 1),
    });

    expect(letters).toEqual([['killer', 'crashed']]);
    expect(handled).toEqual(others);
    expect(kills).toBe(starts);
  },
);

const request = { agent: 'worker', namespaces: ['default'], max: 10, leaseMs: LEASE_MS, waitMs: 0 };

/** An agent that was handed `suspect`, which may have ended a process, while it works on `long` until `opened`. */
async function busy(lab: Lab<ManualClock>, opened: Promise<void>) {
  const started: unknown[] = [];
  const agent = defineAgent({
    name: 'worker',
    entry: import.meta.url,
    subscribes: ['a'],
    timeoutMs: 300_000,
    handlers: (on) => [
      on.any(async (payload) => {
        started.push(payload);
        if (payload === 'long') await opened;
      }),
    ],
  });
  const outside = await lab.start([agent]);
  await outside.drain();
  await outside.publish('a', genericJson, 'suspect');
  for (let starts = 0; starts < 2; starts++) {
    const leases = await lab.backend.lease(request);
    await lab.backend.start(leases);
    await lab.clock.advance(LEASE_MS + 1);
  }
  await outside.publish('a', genericJson, 'long', { priority: 0 });
  const running = await lab.start([agent]);
  await turns();
  await outside.publish('a', genericJson, 'later');
  return { started, running };
}

test('what may have ended a process keeps its lease until nothing runs beside it, and goes before what is newer', async () => {
  await using lab = new Lab({ clock: new ManualClock() });
  const { opened, open } = gate();
  const { started } = await busy(lab, opened);

  for (let n = 0; n < 20; n++) await lab.clock.advance(LEASE_MS / 3);
  const before = [...started];
  open();
  await turns();

  expect(before).toEqual(['long']);
  expect(started).toEqual(['long', 'suspect', 'later']);
});

test('what may have ended a process and still waits to run alone is handed back when the guild stops', async () => {
  await using lab = new Lab({ clock: new ManualClock() });
  const { started, running } = await busy(lab, gate().opened);

  const drained = running.drain(1_000);
  await lab.clock.advance(1_000);
  await drained;

  expect(started).toEqual(['long']);
  const leases = await lab.backend.lease(request);
  expect(leases.map(({ message, attemptsBefore }) => [message?.payload, attemptsBefore])).toEqual([
    ['long', 0],
    ['suspect', 1],
    ['later', 0],
  ]);
});
