import fc from 'fast-check';
import { VirtualClock } from 'guildwire/testing';
import { describe, expect, test } from 'vitest';

const START = Date.UTC(2026, 0, 1);
const turns = async (count: number) => {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
};

test('time stands still until it is moved', async () => {
  const clock = new VirtualClock();
  const rung: number[] = [];
  clock.setTimer(0, () => rung.push(clock.now()));

  await turns(3);
  expect([clock.now(), rung]).toEqual([START, []]);
  await clock.advance(0);

  expect([clock.now(), rung]).toEqual([START, [START]]);
});

test('timers run in the order of their times, each at its time, and equal ones as they were set', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: -5, max: 50 })),
      fc.integer({ min: 0, max: 60 }),
      async (delays, end) => {
        const clock = new VirtualClock();
        const rung: (readonly [number, number])[] = [];
        for (const [index, delay] of delays.entries())
          clock.setTimer(delay, () => rung.push([index, clock.now() - START]));

        await clock.advance(end);

        const due = delays.map((delay, index) => [index, Math.max(0, delay)] as const).filter(([, at]) => at <= end);
        expect(rung).toEqual(due.toSorted(([, one], [, other]) => one - other));
        expect(clock.now()).toBe(START + end);
      },
    ),
    { numRuns: 30 },
  );
});

test('a timer that is set while time moves runs in the same move, if it is due', async () => {
  const clock = new VirtualClock();
  const rung: number[] = [];
  const again = () => {
    rung.push(clock.now() - START);
    clock.setTimer(10, again);
  };

  clock.setTimer(10, again);
  await clock.advance(35);

  expect(rung).toEqual([10, 20, 30]);
});

test('a timer that was cancelled does not run, and may be cancelled again', async () => {
  const clock = new VirtualClock();
  const rung: string[] = [];
  const timer = clock.setTimer(10, () => rung.push('cancelled'));
  const late = clock.setTimer(20, () => rung.push('by another'));
  clock.setTimer(15, () => late.cancel());

  timer.cancel();
  timer.cancel();
  await clock.advance(30);

  expect(rung).toEqual([]);
});

test('everything that follows from a timer happens at its time, before the next', async () => {
  const clock = new VirtualClock();
  const seen: string[] = [];
  clock.setTimer(1, async () => {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    seen.push(`after ${clock.now() - START}`);
  });
  clock.setTimer(2, () => seen.push(`next ${clock.now() - START}`));

  await clock.advance(10);

  expect(seen).toEqual(['after 1', 'next 2']);
});

describe('while a handler works', () => {
  test('time does not move', async () => {
    const clock = new VirtualClock();
    const rung: string[] = [];
    clock.setTimer(5, () => rung.push('timer'));
    clock.beginWork();
    const advanced = clock.advance(10).then(() => rung.push('advanced'));

    await turns(5);
    expect([clock.now(), rung]).toEqual([START, []]);
    clock.endWork();
    await advanced;

    expect([clock.now(), rung]).toEqual([START + 10, ['timer', 'advanced']]);
  });

  test('nothing is quiet, until the last that works has ended', async () => {
    const clock = new VirtualClock();
    clock.beginWork();
    clock.beginWork();
    let isQuiet = false;
    const quiet = clock.quiet().then(() => {
      isQuiet = true;
    });

    clock.endWork();
    await turns(5);
    expect(isQuiet).toBe(false);
    clock.endWork();
    clock.beginWork();
    await turns(5);
    expect(isQuiet).toBe(false);
    clock.endWork();
    await quiet;

    expect(isQuiet).toBe(true);
  });
});

test('a clock that is set runs nothing, and time never goes back for timers that are due', async () => {
  const clock = new VirtualClock();
  const rung: number[] = [];
  clock.setTimer(10, () => rung.push(clock.now() - START));

  clock.step(100);
  await turns(3);
  expect([clock.now() - START, rung]).toEqual([100, []]);
  await clock.advance(1);
  clock.step(-50);

  expect([clock.now() - START, rung]).toEqual([51, [100]]);
});

test('a timer after what is no time runs at once, as that of the system does, and holds up no other', async () => {
  const clock = new VirtualClock();
  const rung: string[] = [];
  clock.setTimer(Number.NaN, () => rung.push('no time'));
  clock.setTimer(10, () => rung.push('ten'));

  await clock.advance(5);
  expect(rung).toEqual(['no time']);
  await clock.advance(5);

  expect(rung).toEqual(['no time', 'ten']);
});
