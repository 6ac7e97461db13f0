import fc from 'fast-check';
import { expect, test } from 'vitest';
import { shrink } from '../../lib/testing/shrink.ts';

const ENOUGH = 10_000;

test('what is left are those that break it together, in their order', async () => {
  const items = fc.uniqueArray(fc.nat(1_000), { minLength: 1, maxLength: 40 });
  const cases = items.chain((all) => fc.tuple(fc.constant(all), fc.subarray(all)));

  await fc.assert(
    fc.asyncProperty(cases, async ([all, culprits]) => {
      const fails = async (part: readonly number[]) => culprits.every((culprit) => part.includes(culprit));

      expect(await shrink(all, fails, ENOUGH)).toEqual(all.filter((item) => culprits.includes(item)));
    }),
  );
});

test('of several ways to break it one is left, and nothing can be left out of it', async () => {
  const ways = [
    [1, 2, 3],
    [4, 9],
    [7, 8, 9],
  ];
  const fails = async (part: readonly number[]) => ways.some((way) => way.every((item) => part.includes(item)));

  expect(ways).toContainEqual(await shrink([1, 2, 3, 4, 5, 6, 7, 8, 9], fails, ENOUGH));
});

test('no more runs are spent than there are, and the smallest so far is kept', async () => {
  const all = Array.from({ length: 100 }, (_, n) => n);
  for (const most of [0, 1, 5, 20]) {
    let runs = 0;
    const fails = async (part: readonly number[]) => {
      runs++;
      return part.includes(0) && part.includes(99);
    };

    const left = await shrink(all, fails, most);

    expect(runs).toBeLessThanOrEqual(most);
    expect(left).toContain(0);
    expect(left).toContain(99);
  }
});

test('nothing is left where nothing is needed', async () => {
  expect(await shrink(['a', 'b'], async () => true, ENOUGH)).toEqual([]);
  expect(await shrink([], async () => true, ENOUGH)).toEqual([]);
});
