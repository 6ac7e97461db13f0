import { VirtualClock } from 'guildwire/testing';
import { describe, expect, test } from 'vitest';

const START = new VirtualClock().now();

describe('runUntil', () => {
  test('moves time from timer to timer until the promise is settled, and no further', async () => {
    const clock = new VirtualClock();
    const rung: number[] = [];
    const { promise, resolve } = Promise.withResolvers<string>();
    for (const at of [10, 20, 30, 40]) {
      clock.setTimer(at, () => {
        rung.push(at);
        if (at === 30) resolve('thirty');
      });
    }

    expect(await clock.runUntil(promise)).toBe('thirty');
    expect([rung, clock.now() - START]).toEqual([[10, 20, 30], 30]);
  });

  test('moves no time for what is over, or comes over by itself', async () => {
    const clock = new VirtualClock();
    clock.setTimer(10, () => {});

    expect(await clock.runUntil(Promise.resolve(1))).toBe(1);
    expect(await clock.runUntil(new Promise((resolve) => setImmediate(() => resolve(2))))).toBe(2);
    expect(clock.now()).toBe(START);
  });

  test('fails as the promise fails', async () => {
    const clock = new VirtualClock();
    const failing = new Promise((_, reject) => clock.setTimer(5, () => reject(new RangeError('no'))));

    await expect(clock.runUntil(failing)).rejects.toThrow(RangeError);
  });

  test('gives up at the limit, and where no timer is left', async () => {
    const clock = new VirtualClock();
    const again = () => void clock.setTimer(400, again);
    again();

    await expect(clock.runUntil(new Promise(() => {}), 1_000)).rejects.toMatchObject({
      code: 'VIRTUAL_TIME',
      message: 'what was waited for did not happen within 1000 ms of virtual time',
    });
    expect(clock.now() - START).toBeLessThanOrEqual(1_000);
    await expect(new VirtualClock().runUntil(new Promise(() => {}))).rejects.toThrow(
      /nothing runs, and no timer is set/,
    );
  });

  test('may be asked for by any number at once, and what follows from a timer comes before the next', async () => {
    const clock = new VirtualClock();
    const seen: string[] = [];
    const at = (ms: number) =>
      new Promise<void>((resolve) => {
        clock.setTimer(ms, async () => {
          for (let turn = 0; turn < 20; turn++) await Promise.resolve();
          seen.push(`${ms} at ${clock.now() - START}`);
          resolve();
        });
      });

    const times = [30, 10, 20];
    await Promise.all([...times.map((ms) => clock.runUntil(at(ms))), clock.advance(25)]);

    expect(seen).toEqual(['10 at 10', '20 at 20', '30 at 30']);
  });
});

test('force moves time though somebody works', async () => {
  const clock = new VirtualClock();
  const rung: number[] = [];
  for (const at of [0, 10, 20]) clock.setTimer(at, () => rung.push(at));
  clock.beginWork();

  await clock.force(15);

  expect([rung, clock.now() - START]).toEqual([[0, 10], 15]);
});

test('time is whole ms, whatever is asked for', async () => {
  const clock = new VirtualClock();
  const rung: number[] = [];
  clock.setTimer(1.2, () => rung.push(clock.now() - START));

  await clock.advance(10);

  expect(rung).toEqual([2]);
});
