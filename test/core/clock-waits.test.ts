import { describe, expect, test } from 'vitest';
import { orAborted, parked, sleep } from '../../lib/core/clock.ts';
import { HandClock } from './hand-clock.ts';

const never = () => new AbortController().signal;
const enough = new Error('enough');

describe('sleep', () => {
  test('ends after its time, and not before', async () => {
    const clock = new HandClock();
    let isOver = false;
    const slept = sleep(clock, 1_000, never()).then(() => {
      isOver = true;
    });

    clock.moveTo(999);
    await Promise.resolve();
    expect(isOver).toBe(false);
    clock.moveTo(1_000);

    await slept;
    expect(clock.armed.size).toBe(0);
  });

  test('ends with the reason when the signal aborts, and leaves no timer', async () => {
    const clock = new HandClock();
    const giveUp = new AbortController();
    const slept = sleep(clock, 1_000, giveUp.signal);

    giveUp.abort(enough);

    await expect(slept).rejects.toBe(enough);
    expect(clock.armed.size).toBe(0);
  });

  test('does not begin when the signal has aborted before', async () => {
    const clock = new HandClock();

    const slept = sleep(clock, 1_000, AbortSignal.abort(enough));

    expect(clock.armed.size).toBe(0);
    await expect(slept).rejects.toBe(enough);
  });
});

describe('what may be given up', () => {
  test('gives what the work gives, or fails with what it fails with', async () => {
    expect(await orAborted(Promise.resolve(1), never())).toBe(1);
    await expect(orAborted(Promise.reject(enough), never())).rejects.toBe(enough);
  });

  test('fails at once when the signal aborts, or has aborted, whatever becomes of the work', async () => {
    const giveUp = new AbortController();
    const { promise, reject } = Promise.withResolvers<never>();
    const given = orAborted(promise, giveUp.signal);

    giveUp.abort(enough);

    await expect(given).rejects.toBe(enough);
    await expect(orAborted(promise, giveUp.signal)).rejects.toBe(enough);
    reject(new Error('too late for anybody'));
  });

  test('tells of a signal that ended it, and of none that aborts when it is over', async () => {
    const [early, late] = [new AbortController(), new AbortController()];
    let told = 0;
    const tell = () => void told++;
    const given = orAborted(new Promise(() => {}), early.signal, tell);
    await orAborted(Promise.resolve(), late.signal, tell);
    await orAborted(Promise.reject(enough), late.signal, tell).catch(() => {});

    late.abort();
    expect(told).toBe(0);
    early.abort(enough);

    await expect(given).rejects.toBe(enough);
    expect(told).toBe(1);
  });
});

test('what is parked is no work until it goes on, however it ends', async () => {
  const marks: string[] = [];
  const clock = Object.assign(new HandClock(), {
    beginWork: () => void marks.push('begin'),
    endWork: () => void marks.push('end'),
  });

  expect(await parked(clock, Promise.resolve(1))).toBe(1);
  await expect(parked(clock, Promise.reject(enough))).rejects.toBe(enough);

  expect(marks).toEqual(['end', 'begin', 'end', 'begin']);
});
