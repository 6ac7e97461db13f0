import { describe, expect, test } from 'vitest';
import { faultOf } from '../../lib/core/fault.ts';
import { HandlerTimeoutError, PermanentError } from '../../lib/core/handler-errors.ts';

describe('a fault keeps', () => {
  test('code, class, text and stack of an error of Guildwire, and whether a retry can help', () => {
    const error = new HandlerTimeoutError('grammar', 30_000);

    expect(faultOf(error)).toEqual({
      code: 'HANDLER_TIMEOUT',
      name: 'HandlerTimeoutError',
      message: error.message,
      stack: error.stack,
      retryable: true,
    });
    expect(faultOf(new PermanentError('no use')).retryable).toBe(false);
  });

  test('the code of an error that has one in text, and HANDLER_FAILED else', () => {
    const refused = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });
    const numbered = Object.assign(new Error('status'), { code: 503 });

    expect([refused, numbered, new TypeError('x')].map((error) => faultOf(error).code)).toEqual([
      'ECONNREFUSED',
      'HANDLER_FAILED',
      'HANDLER_FAILED',
    ]);
  });

  test('the class of an error of the handler, which may be retried', () => {
    class QuotaError extends Error {
      override readonly name = 'QuotaError';
    }

    expect(faultOf(new QuotaError('used up'))).toMatchObject({
      name: 'QuotaError',
      message: 'used up',
      retryable: true,
    });
    expect(faultOf(new RangeError('far')).name).toBe('RangeError');
  });

  test('at most 4 KB of a long stack and of a long message', () => {
    const long = new Error('x'.repeat(100_000));
    long.stack = `Error: here\n${'    at call (file.ts:1:1)\n'.repeat(10_000)}`;

    const { message, stack = '' } = faultOf(long);

    expect(message).toBe('x'.repeat(4_096));
    expect(stack).toHaveLength(4_096);
    expect(stack).toMatch(/^Error: here\n {4}at call/);
  });

  test('an error without a stack', () => {
    const bare = new Error('bare');
    delete bare.stack;

    expect(faultOf(bare)).toEqual({ code: 'HANDLER_FAILED', name: 'Error', message: 'bare', retryable: true });
  });

  test('only what JSON holds, so that it can be stored', () => {
    const error = Object.assign(new Error('x', { cause: new Error('why') }), { code: 'E_X', response: () => 1 });

    const fault = faultOf(error);

    expect(JSON.parse(JSON.stringify(fault))).toStrictEqual(fault);
  });
});

test.each([
  ['text', 'boom', 'threw "boom"'],
  ['long text', 'x'.repeat(5_000), `threw "${'x'.repeat(60)}…"`],
  ['undefined', undefined, 'threw undefined'],
  ['null', null, 'threw null'],
  ['a number', 404, 'threw 404'],
  ['a symbol', Symbol('stop'), 'threw Symbol(stop)'],
  ['an object', { message: 'secret', code: 'E_SECRET' }, 'threw an object'],
  ['a rejected response', new Response('secret'), 'threw a Response'],
])('what is no Error is a fault that says so: %s', (_, thrown, said) => {
  const fault = faultOf(thrown);

  expect(fault).toMatchObject({ code: 'HANDLER_FAILED', retryable: true });
  expect(fault.message).toContain(said);
  expect(fault.message).toContain('throw an Error');
  expect(fault.message).not.toContain('secret');
});
