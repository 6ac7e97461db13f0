import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OpenList } from '../../lib/core/open-list.ts';

test('a list holds what was added and has not ended, in the order of adding, however many end', () => {
  const steps = fc.array(fc.oneof({ weight: 1, arbitrary: fc.constant('add') }, { weight: 1, arbitrary: fc.nat() }), {
    maxLength: 600,
    size: 'max',
  });
  fc.assert(
    fc.property(steps, (moves) => {
      const list = new OpenList<{ isOpen: boolean; readonly number: number }>();
      const expected: { isOpen: boolean; readonly number: number }[] = [];

      for (const [number, move] of moves.entries()) {
        if (typeof move === 'string') {
          const item = { isOpen: true, number };
          list.add(item);
          expected.push(item);
        } else {
          const [item] = expected.splice(move % Math.max(expected.length, 1), 1);
          if (item !== undefined) expect(list.close(item)).toBe(true);
        }
        expect(list.size).toBe(expected.length);
        expect(list.first()).toBe(expected[0]);
      }

      expect(list.open()).toEqual(expected);
    }),
  );
});

test('an item ends once', () => {
  const list = new OpenList();
  const [one, other] = [{ isOpen: true }, { isOpen: true }];
  list.add(one);
  list.add(other);

  const ended = [list.close(one), list.close(one)];

  expect(ended).toEqual([true, false]);
  expect(list.open()).toEqual([other]);
  expect(one.isOpen).toBe(false);
});

test('all may be ended while going through what is open', () => {
  const list = new OpenList();
  for (let index = 0; index < 200; index++) list.add({ isOpen: true });

  for (const item of list.open()) list.close(item);

  expect([list.size, list.first(), list.open()]).toEqual([0, undefined, []]);
});
