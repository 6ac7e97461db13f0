import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { copyJson, type Json, sameJson } from '../../lib/core/json.ts';

describe('two JSON values are the same', () => {
  const json = fc.jsonValue().map((value) => copyJson(value, 'value', []));
  const sorted = (value: Json): Json => {
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map(sorted);
    const entries = Object.entries(value).map(([key, item]) => [`:${key}`, sorted(item)] as const);
    return Object.fromEntries(entries.toSorted(([one], [other]) => (one < other ? -1 : 1)));
  };
  const reversed = (value: Json): Json => {
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map(reversed);
    const entries = Object.entries(value).map(([key, item]): readonly [string, Json] => [key, reversed(item)]);
    return Object.fromEntries(entries.toReversed());
  };

  test('exactly if they read the same with their keys sorted', () => {
    const small = fc.oneof(
      json,
      fc.constantFrom<Json>(null, 0, '', [], {}, [0], [null], { a: 1 }, { b: 1 }, { length: 0 }),
    );
    fc.assert(
      fc.property(small, small, (one, other) => {
        expect(sameJson(one, other)).toBe(JSON.stringify(sorted(one)) === JSON.stringify(sorted(other)));
        expect(sameJson(one, other)).toBe(sameJson(other, one));
      }),
      { numRuns: 1_000 },
    );
  });

  test('whatever the order of their keys, but not of their items', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(sameJson(value, reversed(value))).toBe(true);
        expect(sameJson(value, [value])).toBe(false);
      }),
    );
    expect(sameJson([1, 2], [2, 1])).toBe(false);
  });

  test.each<[Json, Json]>([
    [{ a: 1 }, { a: 1, b: 1 }],
    [
      { a: 1, b: 1 },
      { a: 1, c: 1 },
    ],
    [{ toString: 1 }, {}],
    [{}, []],
    [[], { length: 0 }],
    [null, {}],
    [0, false],
    ['1', 1],
    [[null], [[]]],
    [JSON.parse('{"__proto__":1}'), {}],
    [JSON.parse('{"__proto__":{}}'), { a: {} }],
  ])('but not %j and %j', (one, other) => {
    expect(sameJson(one, other)).toBe(false);
    expect(sameJson(other, one)).toBe(false);
  });
});
