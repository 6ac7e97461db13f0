import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createGemstoneIdGenerator, isGemstoneId, Priority, priorityOf, timeOf } from '../../lib/core/gemstone-id.ts';
import { priorities } from './arbitraries.ts';

const START = 1_700_000_000_000;
const ALMOST_ONE = 1 - Number.EPSILON / 2;

/** The 75 bits that count, as a number. */
const counterOf = (id: string) =>
  [...id.slice(10, 25)].reduce(
    (sum, character) => sum * 32n + BigInt('0123456789ABCDEFGHJKMNPQRSTVWXYZ'.indexOf(character)),
    0n,
  );

describe('a generator', () => {
  const clockSteps = fc.array(
    fc.tuple(
      fc.oneof(
        fc.constant(0),
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: -100_000, max: -1 }),
        fc.integer({ min: 4, max: 1_000_000_000 }),
      ),
      priorities,
    ),
    { maxLength: 200 },
  );

  test('gives strictly increasing ids while the clock steps back, stands still and jumps ahead', () => {
    fc.assert(
      fc.property(clockSteps, fc.constantFrom(0, 0.5, ALMOST_ONE), (steps, random) => {
        let now = START;
        let latest = START;
        const generator = createGemstoneIdGenerator(
          () => now,
          () => random,
        );
        let last = generator.next(Priority.NORMAL);

        for (const [step, priority] of steps) {
          now += step;
          latest = Math.max(latest, now);
          const id = generator.next(priority);

          expect(id > last).toBe(true);
          expect(isGemstoneId(id)).toBe(true);
          expect(priorityOf(id)).toBe(priority);
          expect(timeOf(id)).toBeGreaterThanOrEqual(latest);
          last = id;
        }
      }),
    );
  });

  test('keeps the last millisecond, and not a later one, while the clock steps back', () => {
    const clock = [START, START - 5_000, START - 1, START, START + 1];
    const generator = createGemstoneIdGenerator(() => clock.shift() ?? START + 1);

    const made = Array.from({ length: 6 }, () => timeOf(generator.next(Priority.NORMAL)));

    expect(made).toEqual([START, START, START, START, START + 1, START + 1]);
  });

  test('counts by one within a millisecond, whatever carries', () => {
    const limbs = fc.constantFrom(0, 0.3, ALMOST_ONE);
    fc.assert(
      fc.property(fc.tuple(fc.constantFrom(0, 0.3), limbs, limbs), fc.integer({ min: 1, max: 50 }), (random, count) => {
        const draws = [...random];
        const generator = createGemstoneIdGenerator(
          () => START,
          () => draws.shift() ?? 0,
        );
        const first = counterOf(generator.next(Priority.NORMAL));

        const rest = Array.from({ length: count }, () => counterOf(generator.next(Priority.NORMAL)));

        expect(rest).toEqual(rest.map((_, index) => first + BigInt(index) + 1n));
      }),
    );
  });

  test('begins the next millisecond early when the 75 bits of one are used up', () => {
    let now = START;
    const generator = createGemstoneIdGenerator(
      () => now,
      () => ALMOST_ONE,
    );

    const early = Array.from({ length: 3 }, () => generator.next(Priority.NORMAL));
    now = START + 1;
    const behind = generator.next(Priority.NORMAL);
    now = START + 10;
    const caughtUp = generator.next(Priority.NORMAL);

    expect(early.map((id) => id.slice(10, 25))).toEqual(Array(3).fill('Z'.repeat(15)));
    expect([...early, behind, caughtUp].map(timeOf)).toEqual([0, 1, 2, 3, 10].map((ms) => START + ms));
  });

  test('starts each millisecond at fresh randomness', () => {
    let now = START;
    const generator = createGemstoneIdGenerator(() => now++);

    const counters = Array.from({ length: 1_000 }, () => counterOf(generator.next(Priority.NORMAL)));

    expect(new Set(counters).size).toBe(1_000);
    expect(new Set(counters.map((counter) => counter >> 70n)).size).toBe(32);
  });

  test('meets no id of seven others, in threads of their own, over a million of one millisecond', async () => {
    const makeIds = async () => {
      const { promise, resolve, reject } = Promise.withResolvers<readonly string[]>();
      const worker = new Worker(new URL('./gemstone-id-worker.ts', import.meta.url), {
        execArgv: [],
        workerData: { count: 125_000 },
      });
      worker.once('message', resolve).once('error', reject);
      const ids = await promise;
      await worker.terminate();
      return ids;
    };

    const made = await Promise.all(Array.from({ length: 8 }, makeIds));

    expect(new Set(made.flat()).size).toBe(1_000_000);
  });
});
