import { describe, expect, test } from 'vitest';
import { checkOptions, messageFields, type PublishOptions } from '../../lib/bus/publish-options.ts';
import type { FieldFault } from '../../lib/core/errors.ts';
import { isDeepFrozen } from '../core/deep-frozen.ts';

const REFERENCE = 'doc.tasks/01HF7YAT000000000000000004' as NonNullable<PublishOptions['inReplyTo']>;
const every: Required<PublishOptions> = {
  key: 'customer-1',
  priority: 2,
  delayMs: 1_000,
  ttlMs: 60_000,
  recipients: ['grammar'],
  headers: { h: 'x' },
  idempotencyKey: 'order-1',
  conversationId: 'c',
  correlationId: 'x',
  replyTo: 'doc.answers',
  inReplyTo: REFERENCE,
  enrichWithHistory: 3,
  sessionState: { a: [1] },
  deadlineAt: 1_700_000_000_000,
  budget: { usd: 0.5, tokens: 1_000 },
  status: 'running',
  traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
  tracestate: 'vendor=x',
  reason: 'because',
};

function faultsOf(options: object): readonly FieldFault[] {
  const faults: FieldFault[] = [];
  checkOptions(options, faults);
  return faults;
}
const fieldsOf = (options: object) => faultsOf(options).map(({ field }) => field);

describe('options', () => {
  test('are fine all together, each alone, and none', () => {
    expect(faultsOf(every)).toEqual([]);
    expect(faultsOf({})).toEqual([]);
    expect(Object.entries(every).flatMap(([field, value]) => faultsOf({ [field]: value }))).toEqual([]);
  });

  test('that are undefined count as not given, known or not', () => {
    const unset = Object.fromEntries([...Object.keys(every), 'unheardOf'].map((field) => [field, undefined]));

    expect(faultsOf(unset)).toEqual([]);
    expect(messageFields(unset)).toEqual({});
  });

  test('are refused if unknown, with those that there are', () => {
    const [fault] = faultsOf({ ttl: 5 });

    expect(fault?.field).toBe('ttl');
    expect(fault?.problem).toMatch(/^is unknown: allowed are /);
    for (const option of Object.keys(every)) expect(fault?.problem).toContain(option);
  });

  test.each([
    'topics',
    'sender',
    'hops',
    'thread',
    'steps',
    'id',
    'expiresAt',
    'deliverAt',
    'forwardHeader',
    'payload',
  ])('cannot set the field %s of the message', (field) => {
    expect(fieldsOf({ [field]: 1 })).toEqual([field]);
    expect(messageFields({ [field]: 1 } as PublishOptions)).toEqual({});
  });

  test('are refused by names that every object has', () => {
    const options = JSON.parse('{"constructor":1,"toString":1,"__proto__":1}');

    expect(fieldsOf(options)).toEqual(['constructor', 'toString', '__proto__']);
    expect(Object.keys(messageFields(options))).toEqual([]);
  });

  test('name all of their faults at once, in the order given', () => {
    const options = {
      priority: 10,
      colour: 'red',
      delayMs: -1,
      key: '',
      headers: { h: 5 },
      ttlMs: 0.5,
      replyTo: 'a b',
    };

    expect(fieldsOf(options)).toEqual(['priority', 'colour', 'delayMs', 'key', 'headers', 'ttlMs', 'replyTo']);
  });
});

const bad: Readonly<Record<keyof PublishOptions, readonly unknown[]>> = {
  key: ['', 5, 'k'.repeat(257), null],
  priority: [-1, 10, 1.5, '4', null],
  delayMs: [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, '1', null, new Date(0)],
  ttlMs: [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, '1', null],
  recipients: ['grammar', [5], ['a.b'], Array(101).fill('a'), null, new Set(['grammar'])],
  headers: [[], { h: 5 }, { h: undefined }, { h: 'x'.repeat(2_048) }, new Headers({ h: 'x' }), null],
  idempotencyKey: ['', 5, '$mine', null],
  conversationId: ['', 5, null],
  correlationId: ['', 5, null],
  replyTo: ['', 'a b', 'doc.*', '$mine', 5, null],
  inReplyTo: ['', 'doc.tasks', `${REFERENCE}/x`, 5, null],
  enrichWithHistory: [-1, 0.5, 17, '1', null],
  sessionState: [[], 'x', { at: new Date(0) }, { text: 'x'.repeat(16_384) }, null],
  deadlineAt: [-1, 0.5, new Date(0), '2026-01-01', null],
  budget: [5, { usd: -1 }, { usd: Number.NaN }, { tokens: Number.POSITIVE_INFINITY }, { eur: 1 }, null],
  status: ['done', '', 5, null],
  traceparent: ['', 'x', 5, null],
  tracestate: [5, 't'.repeat(513), null],
  reason: ['', 5, 'r'.repeat(257), null],
};

test.each(Object.entries(bad).flatMap(([option, values]) => values.map((value) => ({ option, value }))))(
  'the option $option is refused as $value, saying what came',
  ({ option, value }) => {
    const faults = faultsOf({ ...every, [option]: value });

    expect(faults.map(({ field }) => field)).toEqual([option]);
    expect(faults[0]?.problem).toMatch(/got |which is not JSON/);
  },
);

test('options become fields of their name, as frozen copies, but for those that mean something else', () => {
  const { priority, delayMs, ttlMs, sessionState, reason, ...fields } = every;

  const made = messageFields(every);

  expect(made).toEqual(fields);
  expect(isDeepFrozen(Object.values(made))).toBe(false);
  expect(Object.values(made).every(isDeepFrozen)).toBe(true);
  expect([made.recipients, made.headers, made.budget]).not.toContain(every.recipients);
  expect([every.recipients, every.headers, every.budget].some(Object.isFrozen)).toBe(false);
});
