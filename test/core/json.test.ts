import { isDeepStrictEqual } from 'node:util';
import { createContext, runInContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { FieldFault } from '../../lib/core/errors.ts';
import { copyJson, freezeJson } from '../../lib/core/json.ts';
import { isDeepFrozen } from './deep-frozen.ts';

/** Values that JSON holds, with everything in them that a copy may stumble over. */
const jsonLike = fc.letrec<{ readonly value: unknown }>((tie) => {
  const keys = fc.oneof(
    fc.string({ maxLength: 5 }),
    fc.constantFrom('__proto__', 'constructor', 'toJSON', 'length', '0'),
  );
  const objects = (noNullPrototype: boolean) =>
    fc.array(fc.tuple(keys, fc.oneof(tie('value'), fc.constant(undefined))), { maxLength: 4 }).map((entries) => {
      const object: unknown = noNullPrototype ? {} : Object.create(null);
      for (const [key, value] of entries) {
        Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true });
      }
      return object;
    });
  return {
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom(null, true, false, 0, -0, '', 5e-324, Number.MAX_VALUE),
      fc.jsonValue(),
      fc.array(tie('value'), { maxLength: 4 }),
      objects(true),
      objects(false),
    ),
  };
}).value;

const copied = (value: unknown) => {
  const faults: FieldFault[] = [];
  return { copy: copyJson(value, 'payload', faults), faults };
};
const fieldsOf = (value: unknown) => copied(value).faults.map(({ field }) => field);

/** Every object within a value, the value included. */
const partsOf = (value: unknown): object[] =>
  typeof value === 'object' && value !== null ? [value, ...Object.values(value).flatMap(partsOf)] : [];

describe('the copy of a JSON value', () => {
  test('is what JSON.parse(JSON.stringify(value)) gives', () => {
    fc.assert(
      fc.property(jsonLike, (value) => {
        const expected: unknown = JSON.parse(JSON.stringify(value));

        const { copy, faults } = copied(value);

        expect(faults).toEqual([]);
        expect(JSON.stringify(copy)).toBe(JSON.stringify(expected));
        expect(isDeepStrictEqual(copy, expected)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  test('is deeply frozen, shares nothing with the value and leaves it as it was', () => {
    fc.assert(
      fc.property(jsonLike, (value) => {
        const before = JSON.stringify(value);
        const parts = new Set(partsOf(value));

        const { copy } = copied(value);

        expect(isDeepFrozen(copy)).toBe(true);
        expect(partsOf(copy).some((part) => parts.has(part))).toBe(false);
        expect(JSON.stringify(value)).toBe(before);
        expect([...parts].some((part) => Object.isFrozen(part) && Object.keys(part).length > 0)).toBe(false);
      }),
    );
  });

  test('turns -0 to 0, leaves out undefined properties, and gives every object the usual prototype', () => {
    const value = Object.assign(Object.create(null), { zero: -0, zeros: [-0], gone: undefined, kept: null });

    const { copy } = copied(value);

    expect(isDeepStrictEqual(copy, { zero: 0, zeros: [0], kept: null })).toBe(true);
  });

  test('keeps a __proto__ key as a property, and never as a prototype', () => {
    const { copy } = copied(JSON.parse('{"__proto__":{"admin":true},"deep":{"__proto__":[-0]}}'));

    expect(JSON.stringify(copy)).toBe('{"__proto__":{"admin":true},"deep":{"__proto__":[0]}}');
    expect(partsOf(copy).map((part) => Object.getPrototypeOf(part))).toEqual([
      Object.prototype,
      Object.prototype,
      Object.prototype,
      Array.prototype,
    ]);
    expect(isDeepFrozen(copy)).toBe(true);
  });

  test('copies a value twice that lies at two places', () => {
    const shared = { at: 1 };

    const { copy, faults } = copied({ one: shared, two: [shared, shared] });

    expect(faults).toEqual([]);
    expect(copy).toEqual({ one: { at: 1 }, two: [{ at: 1 }, { at: 1 }] });
  });

  test('takes plain objects of another realm', () => {
    const foreign: unknown = runInContext('({ items: [1, { at: null }] })', createContext());

    expect(JSON.stringify(copied(foreign).copy)).toBe('{"items":[1,{"at":null}]}');
  });

  test('takes 100 levels, and is refused at the place that is deeper', () => {
    const nested = (levels: number): unknown => (levels === 0 ? 'core' : { in: nested(levels - 1) });

    expect(fieldsOf(nested(100))).toEqual([]);
    expect(fieldsOf(nested(101))).toEqual([`payload${'.in'.repeat(100)}`]);
    expect(fieldsOf([nested(100), 1])).toEqual([`payload[0]${'.in'.repeat(99)}`]);
  });
});

describe('a value that JSON would change or drop', () => {
  class Invoice {
    readonly total = 1;
  }
  const cycle: Record<string, unknown> = { name: 'loop', list: [] };
  cycle.self = cycle;
  (cycle.list as unknown[]).push(cycle);

  test.each([
    ['undefined', undefined, 'undefined'],
    ['NaN', Number.NaN, 'NaN'],
    ['Infinity', Number.POSITIVE_INFINITY, 'Infinity'],
    ['-Infinity', Number.NEGATIVE_INFINITY, '-Infinity'],
    ['a bigint', 10n, '10n'],
    ['a function', () => 'secret', 'a function'],
    ['a symbol', Symbol('mark'), 'Symbol(mark)'],
    ['a Date', new Date(0), 'a Date'],
    ['a Map', new Map([['key', 'secret']]), 'a Map'],
    ['a Set', new Set(['secret']), 'a Set'],
    ['a RegExp', /secret/, 'a RegExp'],
    ['an Error', new Error('secret'), 'a Error'],
    ['a Promise', Promise.resolve('secret'), 'a Promise'],
    ['bytes', new Uint8Array(3), 'a Uint8Array'],
    ['a boxed string', new String('secret'), 'a String'],
    ['a class instance', new Invoice(), 'a Invoice'],
    ['a Date of another realm', runInContext('new Date(0)', createContext()), 'a Date'],
  ])('is refused where it lies: %s', (_, value, shown) => {
    const { faults } = copied({ items: [{ at: value ?? [value] }] });

    expect(faults).toHaveLength(1);
    expect(faults[0]?.field).toMatch(/^payload\.items\[0\]\.at/);
    expect(faults[0]?.problem).toContain(`is ${shown}, which is not JSON`);
    expect(faults[0]?.problem).not.toContain('secret');
  });

  test('is refused with the path of every fault, in order', () => {
    const sparse = [1];
    sparse[3] = 4;

    const fields = fieldsOf({
      when: new Date(0),
      ok: { text: 'fine', none: undefined },
      items: [1, Number.NaN, { at: 1n }, undefined, [new Map()]],
      sparse,
      nested: { call: () => 1, mark: Symbol('mark') },
    });

    expect(fields).toEqual([
      'payload.when',
      'payload.items[1]',
      'payload.items[2].at',
      'payload.items[3]',
      'payload.items[4][0]',
      'payload.sparse[1]',
      'payload.sparse[2]',
      'payload.nested.call',
      'payload.nested.mark',
    ]);
  });

  test('is refused at every place where it contains itself, beside its other faults', () => {
    const { faults } = copied({ cycle, when: new Date(0) });

    expect(faults.map(({ field }) => field)).toEqual(['payload.cycle.list[0]', 'payload.cycle.self', 'payload.when']);
    expect(faults[0]?.problem).toBe('contains itself: JSON cannot hold a cycle');
  });

  test('adds its faults to those that are known already', () => {
    const faults: FieldFault[] = [{ field: 'topics', problem: 'is missing' }];

    copyJson({ at: Number.NaN }, 'payload', faults);

    expect(faults.map(({ field }) => field)).toEqual(['topics', 'payload.at']);
  });
});

test('freezing freezes JSON through and through, and returns the value itself', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const frozen = freezeJson(value);

      expect(frozen).toBe(value);
      expect(isDeepFrozen(frozen)).toBe(true);
    }),
  );
});
