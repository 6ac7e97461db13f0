import { describe, expect, test } from 'vitest';
import * as general from '../../lib/core/errors.ts';
import * as handling from '../../lib/core/handler-errors.ts';

const exported = { ...general, ...handling };

const { GuildwireError: _base, ...classes } = exported;
const faults = [{ field: 'priority', problem: 'got 10: allowed is a whole number from 0 to 9' }];
const cause = new Error('why');

/** One of each class, so that a new one has to be listed. */
const samples: Readonly<Record<keyof typeof classes, general.GuildwireError>> = {
  InvalidMessageError: new exported.InvalidMessageError(faults, { cause }),
  PayloadInvalidError: new exported.PayloadInvalidError('doc.task', faults, { cause }),
  PayloadTooLargeError: new exported.PayloadTooLargeError(2, 1, { cause }),
  AsyncFormatError: new exported.AsyncFormatError('doc.task'),
  InvalidDefinitionError: new exported.InvalidDefinitionError('format', faults),
  InvalidArgumentError: new exported.InvalidArgumentError(faults),
  UndecodableError: new exported.UndecodableError(faults, { cause }),
  IdempotencyConflictError: new exported.IdempotencyConflictError('order-1'),
  UnsupportedFeatureError: new exported.UnsupportedFeatureError('memory', 'pausing'),
  BackendFullError: new exported.BackendFullError(10, 1_000, { messages: 5, bytes: 500 }),
  BackendUnavailableError: new exported.BackendUnavailableError('the backend was closed', { cause }),
  DelayTooLongError: new exported.DelayTooLongError(2, 1),
  TooManyOutputsError: new exported.TooManyOutputsError(2, 1),
  StateTooLargeError: new exported.StateTooLargeError('count', 2, 1),
  LeaseLostError: new exported.LeaseLostError('grammar'),
  StateConflictError: new exported.StateConflictError('grammar', 'count'),
  NotFoundError: new exported.NotFoundError('plan 1'),
  EmptyPlanError: new exported.EmptyPlanError('redrive', 'grammar'),
  NoReplyAddressError: new exported.NoReplyAddressError('user:ada'),
  AttemptEndedError: new exported.AttemptEndedError('grammar', 'context.publish'),
  HandlerTimeoutError: new exported.HandlerTimeoutError('grammar', 30_000),
  HandlerCrashedError: new exported.HandlerCrashedError('grammar', 6),
  HopLimitError: new exported.HopLimitError(33, 32),
  DeadlineExceededError: new exported.DeadlineExceededError(0),
  BudgetExceededError: new exported.BudgetExceededError({ usd: 2, tokens: 0 }, { usd: 1 }),
  RequestTimeoutError: new exported.RequestTimeoutError(500),
  RemoteError: new exported.RemoteError('prices', 'NO_SUCH_PRICE', 'never heard of it'),
  PermanentError: new exported.PermanentError('no use', { cause }),
  RetryLater: new exported.RetryLater(5_000, undefined, { cause }),
  Postponed: new exported.Postponed(5_000, undefined, { cause }),
  FilteredError: new exported.FilteredError(undefined, { cause }),
  CircuitOpenError: new exported.CircuitOpenError(5_000),
  MiddlewareFailedError: new exported.MiddlewareFailedError('a middleware gave no id: return what next gives', {
    cause,
  }),
};
const list = Object.entries(samples).map(([name, error]) => ({ name, error }));

test('every exported class of errors is covered here, and nothing else is exported', () => {
  expect(Object.keys(classes).toSorted()).toEqual(Object.keys(samples).toSorted());
});

test('no two errors have the same code', () => {
  const codes = list.map(({ error }) => error.code);

  expect(codes.filter((code, index) => codes.indexOf(code) !== index)).toEqual([]);
});

describe.each(list)('$name', ({ name, error }) => {
  test('is an Error of its own class and name', () => {
    expect(error).toBeInstanceOf(Error);
    expect(error).toBeInstanceOf(exported.GuildwireError);
    expect(error.name).toBe(name);
    expect(error.stack).toContain(error.message);
  });

  test('has a code in SCREAMING_SNAKE, and says whether repeating can help', () => {
    expect(error.code).toMatch(/^[A-Z]+(_[A-Z]+)*$/);
    expect(typeof error.retryable).toBe('boolean');
  });

  test('speaks in lower case, on one line, without a full stop', () => {
    expect(error.message).toMatch(/^[^A-Z\n][^\n]*[^.\s]$/);
  });
});

test('every fault is in the message, and in the data', () => {
  const two = [...faults, { field: 'topics', problem: 'is missing' }];
  const errors = [
    new exported.InvalidMessageError(two),
    new exported.PayloadInvalidError('doc.task', two),
    new exported.InvalidDefinitionError('format', two),
    new exported.InvalidArgumentError(two),
    new exported.UndecodableError(two),
  ];

  for (const error of errors) {
    expect(error.faults).toEqual(two);
    expect(error.message).toContain('priority: got 10: allowed is a whole number from 0 to 9; topics: is missing');
  }
});

test('causes are kept where there can be one', () => {
  const caused = list.filter(({ error }) => error.cause === cause).map(({ name }) => name);

  expect(caused).toEqual([
    'InvalidMessageError',
    'PayloadInvalidError',
    'PayloadTooLargeError',
    'UndecodableError',
    'BackendUnavailableError',
    'PermanentError',
    'RetryLater',
    'Postponed',
    'FilteredError',
    'MiddlewareFailedError',
  ]);
});

test('both numbers are named where something is beyond a limit', () => {
  const { PayloadTooLargeError, DelayTooLongError, TooManyOutputsError, StateTooLargeError, HopLimitError } = exported;
  const errors = [
    new PayloadTooLargeError(4321, 1234),
    new DelayTooLongError(4321, 1234),
    new TooManyOutputsError(4321, 1234),
    new StateTooLargeError('count', 4321, 1234),
    new HopLimitError(4321, 1234),
  ];

  expect(errors.map(({ message }) => message.match(/\d+/g))).toEqual(errors.map(() => ['4321', '1234']));
});

test('only what can succeed unchanged is retryable', () => {
  const retryable = list.filter(({ error }) => error.retryable).map(({ name }) => name);

  expect(retryable).toEqual([
    'BackendFullError',
    'BackendUnavailableError',
    'StateConflictError',
    'HandlerTimeoutError',
    'RequestTimeoutError',
    'RetryLater',
    'Postponed',
    'CircuitOpenError',
  ]);
});
