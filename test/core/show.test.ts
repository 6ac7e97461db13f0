import fc from 'fast-check';
import { expect, test } from 'vitest';
import { show } from '../../lib/core/show.ts';

test.each([
  ['text', '"text"'],
  ['', '""'],
  ['two\nlines "quoted"', '"two\\nlines \\"quoted\\""'],
  [0, '0'],
  [-0.5, '-0.5'],
  [Number.NaN, 'NaN'],
  [true, 'true'],
  [null, 'null'],
  [undefined, 'undefined'],
  [7n, '7n'],
  [Symbol('mark'), 'Symbol(mark)'],
  [() => 'secret', 'a function'],
  [class Secret {}, 'a function'],
  [[1, 2, 3], 'an array of 3'],
  [{ secret: 1 }, 'an object'],
  [Object.create(null), 'an object'],
  [new Date(0), 'a Date'],
  [new Map([['secret', 1]]), 'a Map'],
  [new Error('secret'), 'a Error'],
])('%o is shown as %s', (value, shown) => {
  expect(show(value)).toBe(shown);
});

test('text is shown whole up to 60 characters, and cut beyond, on one line either way', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
      const shown = show(text);

      expect(JSON.parse(shown)).toBe(text.length > 60 ? `${text.slice(0, 60)}…` : text);
      expect(shown).not.toMatch(/[\n\r]/);
    }),
  );
});

test('nothing of what an object holds is shown, however deep it lies', () => {
  const secrets = fc.stringMatching(/^secret-[0-9]{8}$/);
  const holders = secrets.chain((secret) =>
    fc
      .constantFrom<(inner: unknown) => object>(
        (inner) => [inner],
        (inner) => ({ inner }),
        (inner) => ({ [secret]: inner }),
        (inner) => new Map([[inner, secret]]),
        (inner) => new Set([inner]),
        (inner) => new Error(secret, { cause: inner }),
        (inner) => ({ toString: () => secret, toJSON: () => secret, inner }),
        (inner) => ({ constructor: secret, [Symbol.toStringTag]: secret, inner }),
      )
      .chain((hold) => fc.record({ secret: fc.constant(secret), value: fc.constant(hold(hold(secret))) })),
  );
  fc.assert(
    fc.property(holders, ({ secret, value }) => {
      expect(show(value)).not.toContain(secret);
      expect(show(value).length).toBeLessThan(70);
    }),
  );
});
