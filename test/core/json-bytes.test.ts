import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { copyJson, type Json, jsonBytes } from '../../lib/core/json.ts';

const exactly = (value: Json) => Buffer.byteLength(JSON.stringify(value));
/** With every kind of character: one to four bytes in UTF-8, and those that JSON escapes in six. */
const texts = fc.string({ unit: 'binary' });

describe('the bytes of a JSON value', () => {
  test('are exact above 40,000 characters', () => {
    const fillers = fc.constantFrom('x', 'é', '€', '😀', '"', '\n', '\u0000', '\ud800');
    fc.assert(
      fc.property(fc.jsonValue(), fillers, fc.integer({ min: 40_000, max: 60_000 }), (value, filler, length) => {
        const large = { value, text: filler.repeat(length) } as Json;

        expect(jsonBytes(large)).toBe(exactly(large));
      }),
      { numRuns: 50 },
    );
  });

  test('are exact above 40,000 characters in many small parts, and in keys', () => {
    const items = Array.from({ length: 5_000 }, (_, index) => ({ index, text: '€' }));
    const keys = Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`schlüssel ${index}`, null]));

    expect([items, keys].map(jsonBytes)).toEqual([items, keys].map(exactly));
  });

  test('are the characters of a text below that, with its quotes', () => {
    fc.assert(
      fc.property(texts, (text) => {
        expect(jsonBytes(text)).toBe(text.length + 2);
        expect(jsonBytes([text, text])).toBe(2 * (text.length + 3) + 2);
        expect(jsonBytes({ [`k${text}`]: text })).toBe(2 * text.length + 9);
      }),
    );
  });

  test('are never more than six times the estimate, so that what is estimated fits inline', () => {
    const values = fc.oneof(
      fc.jsonValue({ stringUnit: 'binary' }),
      fc.array(fc.double({ noNaN: true, noDefaultInfinity: true })),
      fc.dictionary(texts, texts, { noNullPrototype: true }),
    );
    fc.assert(
      fc.property(values, (value) => {
        const json = value as Json;

        expect(exactly(json)).toBeLessThanOrEqual(6 * jsonBytes(json));
        expect(jsonBytes(json)).toBeLessThanOrEqual(5 * exactly(json));
      }),
      { numRuns: 500 },
    );
    expect(exactly('\u0000'.repeat(39_997))).toBeLessThan(256 * 1024);
  });

  test('are the same right after the copy, for text, numbers and arrays', () => {
    const flat = fc.oneof(texts, fc.double(), fc.boolean(), fc.constant(null));
    const values = fc.oneof(flat, fc.array(fc.oneof(flat, fc.array(flat))));
    fc.assert(
      fc.property(values, (value) => {
        const copied = copyJson(value, 'payload', []);
        const remembered = jsonBytes(copied);
        copyJson('something else', 'payload', []);

        expect(jsonBytes(copied)).toBe(remembered);
      }),
    );
  });

  test('are not those of the value before, if its copy was refused', () => {
    copyJson('a'.repeat(100), 'payload', []);
    const refused = copyJson(['b'.repeat(1_000), Number.NaN], 'payload', []);

    expect(jsonBytes(refused)).toBe(jsonBytes(null));
    expect(jsonBytes('a'.repeat(100))).toBe(102);
  });
});
