import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  durationRule,
  MAX_HEADERS_BYTES,
  MAX_SESSION_STATE_BYTES,
  messageRules,
  priorityRule,
} from '../../lib/core/message-rules.ts';
import { messages } from './arbitraries.ts';
import { wrongFields } from './wrong-fields.ts';

type RuledField = keyof typeof messageRules;
const ruledFields = Object.keys(messageRules) as RuledField[];
const REFERENCE = 'doc.tasks/01HF7YAT000000000000000004';
const SPAN = `${'a'.repeat(32)}-${'b'.repeat(16)}`;

test('every field of any valid message passes its rule', () => {
  fc.assert(
    fc.property(messages, (message) => {
      const given = ruledFields.filter((field) => field in message);

      const problems = given
        .map((field) => messageRules[field](message[field]))
        .filter((problem) => problem !== undefined);

      expect(problems).toEqual([]);
    }),
  );
});

test.each(wrongFields)('$field is refused as $shown, saying what came', ({ field, value }) => {
  const problem = messageRules[field](value);

  expect(problem).toMatch(/got |is unknown|is .+, which is not JSON|nested more than/);
});

test('null and undefined satisfy no rule', () => {
  for (const field of ruledFields) {
    expect(messageRules[field](null), field).toBeDefined();
    expect(messageRules[field](undefined), field).toBeDefined();
  }
});

describe('at its limit, and not beyond it', () => {
  const times = <T>(count: number, item: T) => Array<T>(count).fill(item);
  const step = { agent: 'writer', origin: REFERENCE, topics: ['doc.tasks'] };
  const textOf = (bytes: number, overhead: number) => 'x'.repeat(bytes - overhead);

  test.each<{ field: RuledField; most: unknown; more: unknown }>([
    { field: 'namespace', most: 'n'.repeat(64), more: 'n'.repeat(65) },
    { field: 'topics', most: times(100, 'a'), more: times(101, 'a') },
    { field: 'sender', most: { id: 's'.repeat(256) }, more: { id: 's'.repeat(257) } },
    { field: 'format', most: 'f'.repeat(128), more: 'f'.repeat(129) },
    { field: 'formatVersion', most: Number.MAX_SAFE_INTEGER, more: Number.MAX_SAFE_INTEGER + 1 },
    { field: 'key', most: 'k'.repeat(256), more: 'k'.repeat(257) },
    { field: 'recipients', most: times(100, 'a'.repeat(48)), more: times(101, 'a') },
    { field: 'thread', most: times(8, REFERENCE), more: times(9, REFERENCE) },
    { field: 'steps', most: times(16, step), more: times(17, step) },
    { field: 'conversationId', most: 'c', more: '' },
    { field: 'correlationId', most: 'c'.repeat(256), more: '' },
    { field: 'idempotencyKey', most: 'a$', more: '$a' },
    { field: 'hops', most: 0, more: -1 },
    { field: 'expiresAt', most: Number.MAX_SAFE_INTEGER, more: Number.MAX_SAFE_INTEGER + 1 },
    { field: 'tracestate', most: 't'.repeat(512), more: 't'.repeat(513) },
    { field: 'traceparent', most: `00-${SPAN}-01`, more: `00-${SPAN}-0` },
    {
      field: 'sessionState',
      most: { text: textOf(MAX_SESSION_STATE_BYTES, 11) },
      more: { text: textOf(MAX_SESSION_STATE_BYTES + 1, 11) },
    },
    {
      field: 'headers',
      most: { h: textOf(MAX_HEADERS_BYTES, 8) },
      more: { h: textOf(MAX_HEADERS_BYTES + 1, 8) },
    },
  ])('$field', ({ field, most, more }) => {
    expect(messageRules[field](most)).toBeUndefined();
    expect(messageRules[field](more)).toMatch(/got /);
  });

  test('the limits of session state and headers are in bytes, not characters', () => {
    expect(messageRules.sessionState({ text: '€'.repeat(MAX_SESSION_STATE_BYTES / 3) })).toMatch(/^got 16\d{3} bytes/);
    expect(messageRules.headers({ h: '€'.repeat(MAX_HEADERS_BYTES / 3) })).toMatch(/^got 20\d\d bytes/);
  });
});

test('the place within a field is named', () => {
  const step = { agent: 'writer', origin: 'nowhere', topics: ['a'] };

  expect(messageRules.topics(['a', 'b', 'c d'])).toMatch(/^\[2\] got "c d"/);
  expect(messageRules.sender({ id: 5 })).toMatch(/^\.id got 5/);
  expect(messageRules.steps([{ ...step, origin: REFERENCE }, step])).toMatch(/^\[1\] \.origin got "nowhere"/);
  expect(messageRules.forwardHeader({ origin: REFERENCE, onBehalfOf: {} })).toMatch(/^\.onBehalfOf \.id got undefined/);
  expect(messageRules.headers({ fine: 'text', wrong: 7 })).toBe('.wrong got 7: allowed is text');
  expect(messageRules.sessionState({ at: { when: new Date(0) } })).toMatch(/^\.at\.when is a Date, which is not JSON/);
});

test('a priority is 0 to 9, and a duration a whole number of ms', () => {
  expect([0, 4, 9].map(priorityRule)).toEqual([undefined, undefined, undefined]);
  expect([0, 1, 100 * 365 * 86_400_000].map(durationRule)).toEqual([undefined, undefined, undefined]);
  for (const value of [-1, 10, 4.5, '4', null]) expect(priorityRule(value)).toMatch(/^got /);
  for (const value of [-1, 0.5, Number.MAX_SAFE_INTEGER, Number.NaN, Number.POSITIVE_INFINITY, '1', null]) {
    expect(durationRule(value)).toMatch(/^got /);
  }
});
