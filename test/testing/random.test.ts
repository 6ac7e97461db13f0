import fc from 'fast-check';
import { seededRandom } from 'guildwire/testing';
import { expect, test } from 'vitest';

const draw = (seed: number, count: number) => {
  const random = seededRandom(seed);
  return Array.from({ length: count }, random);
};

test('the same seed gives the same numbers, in every process', () => {
  fc.assert(
    fc.property(fc.nat(2 ** 32 - 1), (seed) => {
      expect(draw(seed, 20)).toEqual(draw(seed, 20));
    }),
  );
  expect(draw(1, 3)).toEqual([0.6270739405881613, 0.002735721180215478, 0.5274470399599522]);
});

test('different seeds give different numbers', () => {
  const firsts = Array.from({ length: 1_000 }, (_, seed) => draw(seed, 4).join());

  expect(new Set(firsts).size).toBe(1_000);
});

test('numbers lie in [0, 1), and fill it evenly', () => {
  const numbers = draw(7, 10_000);
  const tenths = Array.from({ length: 10 }, (_, n) => numbers.filter((value) => Math.floor(value * 10) === n).length);

  expect(numbers.every((value) => value >= 0 && value < 1)).toBe(true);
  expect(Math.min(...tenths)).toBeGreaterThan(900);
  expect(Math.max(...tenths)).toBeLessThan(1_100);
});
