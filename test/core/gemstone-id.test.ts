import fc from 'fast-check';
import { decodeTime, isValid, ulid } from 'ulid';
import { describe, expect, test } from 'vitest';
import { InvalidArgumentError } from '../../lib/core/errors.ts';
import {
  createGemstoneIdGenerator,
  firstIdOf,
  gemstoneIdProblem,
  isGemstoneId,
  isPriority,
  lastIdOf,
  MAX_ID_TIME_MS,
  Priority,
  parseGemstoneId,
  priorityOf,
  timeOf,
} from '../../lib/core/gemstone-id.ts';
import { gemstoneIds, priorities, times } from './arbitraries.ts';

describe('a gemstone ID', () => {
  test('tells its time and priority, and parses as itself', () => {
    fc.assert(
      fc.property(times, priorities, (ms, priority) => {
        const id = createGemstoneIdGenerator(() => ms).next(priority);

        expect(parseGemstoneId(id)).toBe(id);
        expect(timeOf(id)).toBe(ms);
        expect(priorityOf(id)).toBe(priority);
      }),
    );
  });

  test('is a ULID, whose time the ulid package reads', () => {
    fc.assert(
      fc.property(gemstoneIds, (id) => {
        expect(isValid(id)).toBe(true);
        expect(decodeTime(id)).toBe(timeOf(id));
      }),
    );
  });

  test('is any ULID of the ulid package whose last character is a digit', () => {
    fc.assert(
      // The ulid package takes a time of 0 for none.
      fc.property(
        times.filter((ms) => ms > 0),
        priorities,
        (ms, priority) => {
          const id = `${ulid(ms).slice(0, 25)}${priority}`;

          expect(timeOf(parseGemstoneId(id))).toBe(ms);
          expect(priorityOf(parseGemstoneId(id))).toBe(priority);
        },
      ),
    );
  });

  test.each([
    ['text of 26 characters that is no id', '01HF7YAT-0000000-000000-04', /26 characters of 0-9 and A-Z without/],
    ['lower case', '01hf7yat000000000000000004', /upper case/],
    ['a time beyond 48 bits', '81HF7YAT000000000000000004', /the first character is 0 to 7/],
    ['a letter first', 'Z1HF7YAT000000000000000004', /the first character is 0 to 7/],
    ['an I', '01HF7YAT0000000000000000I4', /without I, L, O, U/],
    ['an L', '01HF7YAT0000000000000000L4', /without I, L, O, U/],
    ['an O', '01HF7YAT0000000000000000O4', /without I, L, O, U/],
    ['a U', '01HF7YAT0000000000000000U4', /without I, L, O, U/],
    ['a last character that is no digit', '01HF7YAT00000000000000000Z', /the last character is the priority, 0 to 9/],
    ['25 characters', '01HF7YAT00000000000000004', /26 characters/],
    ['27 characters', '01HF7YAT0000000000000000004', /26 characters/],
    ['a line end behind it', '01HF7YAT000000000000000004\n', /26 characters/],
    ['no text', '', /26 characters/],
    ['digits beyond ASCII', '01HF7YAT00000000000000000٤', /the last character is the priority/],
    ['undefined', undefined, /26 characters/],
    ['null', null, /26 characters/],
    ['a number', 42, /26 characters/],
    ['an array that reads like one', ['01HF7YAT000000000000000004'], /26 characters/],
    ['an object', { id: '01HF7YAT000000000000000004' }, /26 characters/],
  ])('is not %s, and the error says what came and what is allowed', (_, value, allowed) => {
    const parse = () => parseGemstoneId(value as string);

    expect(isGemstoneId(value)).toBe(false);
    expect(parse).toThrow(InvalidArgumentError);
    expect(parse).toThrow(allowed);
    expect(gemstoneIdProblem(value)).toContain(typeof value === 'string' ? JSON.stringify(value) : 'got ');
  });
});

describe('the bounds of a millisecond', () => {
  test('hold every id of it, and none of its neighbours', () => {
    fc.assert(
      fc.property(gemstoneIds, (id) => {
        const ms = timeOf(id);

        expect(firstIdOf(ms) <= id && id <= lastIdOf(ms)).toBe(true);
        expect([firstIdOf(ms), lastIdOf(ms)].map(timeOf)).toEqual([ms, ms]);
        expect([firstIdOf(ms), lastIdOf(ms)].every(isGemstoneId)).toBe(true);
        if (ms < MAX_ID_TIME_MS) expect(lastIdOf(ms) < firstIdOf(ms + 1)).toBe(true);
      }),
    );
  });

  test('stay within what an id can say, and let a fraction begin at the next whole millisecond', () => {
    expect([-1, Number.NEGATIVE_INFINITY, 0].map((ms) => timeOf(firstIdOf(ms)))).toEqual([0, 0, 0]);
    expect([MAX_ID_TIME_MS + 1, Number.POSITIVE_INFINITY].map((ms) => timeOf(lastIdOf(ms)))).toEqual(
      Array(2).fill(MAX_ID_TIME_MS),
    );
    expect(timeOf(firstIdOf(1.5))).toBe(2);
  });
});

test('a priority is a whole number from 0 to 9, and the named ones go from the most urgent down', () => {
  const valid = Array.from({ length: 10 }, (_, index) => index);

  expect(valid.every(isPriority)).toBe(true);
  expect([-1, 10, 1.5, Number.NaN, '4', null, undefined, true].some(isPriority)).toBe(false);
  expect(Object.values(Priority)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
});
