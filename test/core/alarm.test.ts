import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Alarm } from '../../lib/core/alarm.ts';
import { HandClock } from './hand-clock.ts';

/** An alarm, its clock, and the times at which it rang. */
function alarmThat(next: (rung: number) => number | undefined = () => undefined) {
  const clock = new HandClock();
  const rings: number[] = [];
  const alarm = new Alarm(clock, () => {
    rings.push(clock.now());
    return next(rings.length);
  });
  return { alarm, clock, rings };
}

describe('an alarm', () => {
  test('rings once, at the earliest time that it was set for', () => {
    const { alarm, clock, rings } = alarmThat();

    for (const at of [300, 100, 200]) alarm.set(at);
    clock.moveTo(1_000);

    expect(rings).toEqual([100]);
  });

  test('does not ring before its time', () => {
    const { alarm, clock, rings } = alarmThat();

    alarm.set(100);
    clock.moveTo(99);

    expect(rings).toEqual([]);
  });

  test('never holds more than one timer, and none for a time that is not earlier', () => {
    const { alarm, clock } = alarmThat();

    const held = [500, 500, 600, 400, 450, 100].map((at) => {
      alarm.set(at);
      return [...clock.armed.values()].map((timer) => timer.at);
    });

    expect(held).toEqual([[500], [500], [500], [400], [400], [100]]);
  });

  test('rings as soon as possible for a time that has passed', () => {
    const { alarm, clock, rings } = alarmThat();
    clock.moveTo(1_000);

    alarm.set(10);
    clock.moveTo(1_000);

    expect(rings).toEqual([1_000]);
  });

  test('rings again when its ring says so, and not before', () => {
    const { alarm, clock, rings } = alarmThat((rung) => (rung < 4 ? rung * 100 : undefined));

    alarm.set(50);
    clock.moveTo(1_000);

    expect(rings).toEqual([50, 100, 200, 300]);
    expect(clock.armed.size).toBe(0);
  });

  test('can be set while it rings, and the earlier of that and what the ring says counts', () => {
    const { alarm, clock, rings } = alarmThat((rung) => {
      if (rung === 1) alarm.set(70);
      return rung === 1 ? 90 : undefined;
    });

    alarm.set(50);
    clock.moveTo(1_000);

    expect(rings).toEqual([50, 70]);
  });

  test('does not ring once it is cancelled, and can be set again, also for later', () => {
    const { alarm, clock, rings } = alarmThat();

    alarm.set(100);
    alarm.cancel();
    clock.moveTo(200);
    alarm.set(500);
    clock.moveTo(1_000);

    expect(rings).toEqual([500]);
  });

  test('cancelled before it was set does nothing', () => {
    const { alarm, clock } = alarmThat();

    alarm.cancel();

    expect(clock.armed.size).toBe(0);
  });

  test('rings at the earliest of the times that are set, whatever comes between', () => {
    const moves = fc.oneof(
      fc.record({ set: fc.integer({ min: -5, max: 20 }) }),
      fc.record({ move: fc.integer({ min: 0, max: 20 }) }),
      fc.constant('cancel' as const),
    );
    fc.assert(
      fc.property(fc.array(moves, { maxLength: 40 }), (steps) => {
        const { alarm, clock, rings } = alarmThat();
        const expected: number[] = [];
        let pending = Number.POSITIVE_INFINITY;

        for (const step of steps) {
          if (step === 'cancel') {
            alarm.cancel();
            pending = Number.POSITIVE_INFINITY;
          } else if ('set' in step) {
            alarm.set(clock.now() + step.set);
            pending = Math.min(pending, clock.now() + step.set);
          } else {
            const from = clock.now();
            clock.moveTo(from + step.move);
            if (pending <= clock.now()) {
              expected.push(Math.max(pending, from));
              pending = Number.POSITIVE_INFINITY;
            }
          }
          expect(clock.armed.size).toBe(Number.isFinite(pending) ? 1 : 0);
        }

        expect(rings).toEqual(expected);
      }),
    );
  });
});
