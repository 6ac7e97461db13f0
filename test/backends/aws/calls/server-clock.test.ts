import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MAX_SKEW_MS, ServerClock } from '../../../../lib/backends/aws/calls/server-clock.ts';
import { systemClock } from '../../../../lib/core/clock.ts';

const START = 1_800_000_000_000;
/** A machine whose clock is `skewMs` ahead of AWS, and answers that take 40 ms. */
function machine(skewMs: number) {
  let trueTime = START;
  const clock = new ServerClock({ ...systemClock, now: () => trueTime + skewMs });
  return {
    clock,
    /** An answer comes `ms` later. */
    answer(ms: number, askedAgo = 40) {
      trueTime += ms;
      clock.saw(new Date(trueTime - askedAgo / 2).toUTCString(), trueTime - askedAgo + skewMs, trueTime + skewMs);
    },
    get error() {
      return clock.now() - trueTime;
    },
  };
}

test('before any answer the time is that of this machine, and not known', () => {
  const { clock, error } = machine(700);

  expect([clock.isKnown, error]).toEqual([false, 700]);
});

test('a clock that may be right is left as it is', () => {
  const { clock, answer } = machine(0);

  for (let n = 0; n < 20; n++) answer(137);

  expect([clock.isKnown, clock.offsetMs]).toEqual([true, 0]);
});

test('answers of whole seconds correct any skew that is allowed to within the time that an answer takes', () => {
  fc.assert(
    fc.property(fc.integer({ min: -MAX_SKEW_MS + 50, max: MAX_SKEW_MS - 50 }), (skewMs) => {
      const observed = machine(skewMs);
      for (let n = 0; n < 200; n++) observed.answer(97);

      // A small skew may be none; a larger one is corrected by as much as is sure.
      expect(Math.abs(observed.error)).toBeLessThanOrEqual(Math.abs(skewMs));
      expect(Math.abs(observed.error)).toBeLessThanOrEqual(140);
      expect(() => observed.clock.nowForIds()).not.toThrow();
    }),
  );
});

test('a clock that is off by more than is allowed is corrected, but mints no ids', () => {
  for (const skewMs of [-5_000, 5_000]) {
    const { clock, answer } = machine(skewMs);
    answer(0);

    expect(() => clock.nowForIds()).toThrow(
      expect.objectContaining({
        code: 'CLOCK_SKEW',
        retryable: false,
        message: expect.stringMatching(/2000 are allowed/),
      }),
    );
  }
});

test('when the clock is set, the next answer counts and not what was seen before', () => {
  let skewMs = 0;
  const clock = new ServerClock({ ...systemClock, now: () => START + skewMs });
  clock.saw(new Date(START).toUTCString(), START, START);
  skewMs = 60_000;
  clock.saw(new Date(START).toUTCString(), START + skewMs, START + skewMs);

  expect(clock.offsetMs).toBe(-59_000);
});

test('what is known is looked at anew after five minutes, and a header that is no date says nothing', () => {
  let now = START;
  const clock = new ServerClock({ ...systemClock, now: () => now });
  clock.saw('no date', START, START);
  expect(clock.isKnown).toBe(false);
  clock.saw(new Date(START).toUTCString(), START, START);
  now += 299_999;
  expect(clock.isKnown).toBe(true);
  now += 2;
  expect(clock.isKnown).toBe(false);
});

test('a clock that was refused and then set is believed with the next answer, and not after five minutes', () => {
  for (const skewMs of [4_000, 3_600_000, -4_000, -3_600_000]) {
    let offMs = skewMs;
    const clock = new ServerClock({ ...systemClock, now: () => START + offMs });
    const answer = () => clock.saw(new Date(START).toUTCString(), START + offMs, START + offMs);
    answer();
    expect(() => clock.nowForIds()).toThrow(expect.objectContaining({ code: 'CLOCK_SKEW' }));
    offMs = 0;

    // Who publishes asks for the time then, and nothing else does.
    expect(clock.isKnown).toBe(false);
    answer();

    expect([clock.isKnown, clock.nowForIds()]).toEqual([true, START]);
  }
});

test('a clock that was set back is looked at anew, whatever was seen at a time that is yet to come', () => {
  let offMs = 1_500;
  const clock = new ServerClock({ ...systemClock, now: () => START + offMs });
  clock.saw(new Date(START).toUTCString(), START + offMs, START + offMs);
  expect(clock.isKnown).toBe(true);

  offMs -= 3_600_000;

  expect(clock.isKnown).toBe(false);
});
