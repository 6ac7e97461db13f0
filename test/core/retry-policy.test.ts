import fc from 'fast-check';
import { expect, test } from 'vitest';
import { defaultRetryPolicy, retryDelayMs } from '../../lib/core/retry-policy.ts';

const ALMOST_ONE = 1 - Number.EPSILON / 2;
const policies = fc.record({
  attempts: fc.integer({ min: 1, max: 100 }),
  baseMs: fc.integer({ min: 1, max: 100_000 }),
  maxMs: fc.nat(10_000_000),
});
const fractions = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

test('the defaults are five attempts, from one second up to five minutes', () => {
  expect(defaultRetryPolicy).toEqual({ attempts: 5, baseMs: 1_000, maxMs: 300_000 });
});

test('the bound of the delay doubles with each failure until it is at the most', () => {
  const bounds = Array.from({ length: 11 }, (_, index) =>
    retryDelayMs(defaultRetryPolicy, index + 1, () => ALMOST_ONE),
  );

  expect(bounds).toEqual(
    [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000, 256_000, 300_000, 300_000].map((bound) => bound - 1),
  );
});

test('the delay is a whole number of ms from 0 to below the bound, spread evenly', () => {
  fc.assert(
    fc.property(policies, fc.integer({ min: 1, max: 2_000 }), fractions, (policy, failed, fraction) => {
      const delay = retryDelayMs(policy, failed, () => fraction);
      const bound = Math.min(policy.maxMs, policy.baseMs * 2 ** (failed - 1));

      expect(delay).toBe(Math.floor(fraction * bound));
      expect(Number.isSafeInteger(delay)).toBe(true);
      expect(delay).toBeLessThanOrEqual(policy.maxMs);
    }),
  );
});

test('a base or a most of 0 retries at once', () => {
  expect(retryDelayMs({ attempts: 5, baseMs: 0, maxMs: 1_000 }, 3, () => ALMOST_ONE)).toBe(0);
  expect(retryDelayMs({ attempts: 5, baseMs: 1_000, maxMs: 0 }, 3, () => ALMOST_ONE)).toBe(0);
});
