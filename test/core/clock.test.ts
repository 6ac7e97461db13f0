import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { systemClock } from '../../lib/core/clock.ts';

const DAY_MS = 86_400_000;

describe("the system's clock", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('tells Unix time', () => {
    vi.useRealTimers();
    const before = Date.now();

    const now = systemClock.now();

    expect(now).toBeGreaterThanOrEqual(before);
    expect(now).toBeLessThanOrEqual(Date.now());
  });

  test('runs a callback once, after the delay and not before', () => {
    const rung: number[] = [];
    const started = Date.now();

    systemClock.setTimer(1_000, () => rung.push(Date.now() - started));
    vi.advanceTimersByTime(999);
    const before = [...rung];
    vi.advanceTimersByTime(10_000);

    expect(before).toEqual([]);
    expect(rung).toEqual([1_000]);
  });

  test('waits longer than the 25 days that a timer of Node can', () => {
    const rung: number[] = [];
    const started = Date.now();

    systemClock.setTimer(60 * DAY_MS, () => rung.push(Date.now() - started));
    vi.advanceTimersByTime(60 * DAY_MS - 1);
    const before = [...rung];
    vi.advanceTimersByTime(1);

    expect(before).toEqual([]);
    expect(rung).toEqual([60 * DAY_MS]);
  });

  test('runs a callback whose time has passed as soon as possible, but never within the call', () => {
    const rung: string[] = [];

    systemClock.setTimer(-5, () => rung.push('past'));
    systemClock.setTimer(0, () => rung.push('now'));
    const within = [...rung];
    vi.advanceTimersByTime(1);

    expect(within).toEqual([]);
    expect(rung).toEqual(['past', 'now']);
  });

  test('runs nothing that was cancelled, whether in its first 25 days or later, and holds no timer for it', () => {
    const rung: string[] = [];
    const short = systemClock.setTimer(1_000, () => rung.push('short'));
    const long = systemClock.setTimer(60 * DAY_MS, () => rung.push('long'));

    short.cancel();
    vi.advanceTimersByTime(30 * DAY_MS);
    long.cancel();

    expect(vi.getTimerCount()).toBe(0);
    expect(rung).toEqual([]);
  });
});
