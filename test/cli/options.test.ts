import { describe, expect, test } from 'vitest';
import { ExitCode, exitCodeOf, UsageError } from '../../lib/cli/failure.ts';
import { duration, keyValue, list, pointInTime, refuseReversed, wholeNumber } from '../../lib/cli/options.ts';
import { payloadOf } from '../../lib/cli/payload-input.ts';
import { BackendFullError, InvalidArgumentError, NotFoundError } from '../../lib/core/errors.ts';
import { firstIdOf } from '../../lib/core/gemstone-id.ts';

describe('what flags say', () => {
  test('lengths of time have a unit', () => {
    expect(['500ms', '1.5s', '5m', '5min', '2h', '7d'].map(duration)).toEqual([
      ...[500, 1_500, 300_000, 300_000, 7_200_000, 604_800_000],
    ]);
    for (const wrong of ['', '5', 'm', '-1s', '1 s', '1y', '1e3s']) expect(() => duration(wrong)).toThrow(/Allowed is/);
  });

  test('a point in time is a time, how long ago, or an id', () => {
    const id = firstIdOf(1_700_000_000_000);
    const before = Date.now();

    const ago = pointInTime('5m') as number;

    expect(before - 300_000 - ago).toBeLessThanOrEqual(0);
    expect(pointInTime('2026-11-21T10:00:00Z')).toBe(Date.UTC(2026, 10, 21, 10));
    expect(pointInTime(id)).toBe(id);
    for (const wrong of ['', 'yesterday', '1', '2026-13-45', '10:00'])
      expect(() => pointInTime(wrong)).toThrow(/Allowed/);
  });

  test('a stretch of time does not end before it begins', () => {
    refuseReversed(1, 1);
    refuseReversed(undefined, 1);
    refuseReversed(firstIdOf(5), 6);

    expect(() => refuseReversed(2, 1)).toThrow('exchange them');
    expect(() => refuseReversed(firstIdOf(7), 6)).toThrow('exchange them');
  });

  test('numbers have limits, headers a name, and lists no empty parts', () => {
    expect(wholeNumber(0, 9)('9')).toBe(9);
    for (const wrong of ['10', '-1', '1.5', 'x', '']) expect(() => wholeNumber(1, 9)(wrong)).toThrow('from 1 to 9');
    expect(keyValue('c=d=e', keyValue('a=b'))).toEqual({ a: 'b', c: 'd=e' });
    expect(() => keyValue('=b')).toThrow('name=value');
    expect(list('a,,b,')).toEqual(['a', 'b']);
  });

  test('a payload is JSON, or else text', () => {
    expect(['{"a":1}', '[1]', '3', 'null', '"x"', 'hello', '"x" she said', 'two\n'].map(payloadOf)).toEqual([
      ...[{ a: 1 }, [1], 3, null, 'x', 'hello', '"x" she said', 'two'],
    ]);
    for (const wrong of ['{"a":', ' [1', '{a}']) expect(() => payloadOf(wrong)).toThrow('begins like JSON');
    for (const nothing of ['', ' \n']) expect(() => payloadOf(nothing)).toThrow('the payload is empty');
  });
});

test('an error has an exit code that scripts can rely on', () => {
  const later = Object.assign(new UsageError('later'), { code: 'SOMETHING_NEW', retryable: true });
  const never = Object.assign(new UsageError('never'), { code: 'SOMETHING_ELSE' });

  expect(exitCodeOf(new UsageError('wrong'))).toBe(ExitCode.USAGE);
  expect(exitCodeOf(new InvalidArgumentError([]))).toBe(2);
  expect(exitCodeOf(new NotFoundError('it'))).toBe(3);
  expect(exitCodeOf(new BackendFullError(1, 1, { messages: 1, bytes: 1 }))).toBe(4);
  expect([exitCodeOf(later), exitCodeOf(never), exitCodeOf(new Error('other')), exitCodeOf('text')]).toEqual([
    4, 1, 1, 1,
  ]);
});
