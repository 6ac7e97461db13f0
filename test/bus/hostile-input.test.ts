import { type } from 'arktype';
import { expect, test, vi } from 'vitest';
import * as z from 'zod';
import { MemoryBackend } from '../../lib/backends/memory/memory-backend.ts';
import { openBus } from '../../lib/bus/bus.ts';
import { Drafts } from '../../lib/bus/drafts.ts';
import { toReadQuery } from '../../lib/bus/history-query.ts';
import { systemClock } from '../../lib/core/clock.ts';
import { decodeMessage, encodeMessage } from '../../lib/core/codec.ts';
import {
  type FieldFault,
  InvalidArgumentError,
  InvalidDefinitionError,
  InvalidMessageError,
  UndecodableError,
} from '../../lib/core/errors.ts';
import { faultOf } from '../../lib/core/fault.ts';
import { defineFormat, genericJson } from '../../lib/core/format.ts';
import { createGemstoneIdGenerator, isGemstoneId } from '../../lib/core/gemstone-id.ts';
import { copyJson, jsonBytes } from '../../lib/core/json.ts';
import { messageRules } from '../../lib/core/message-rules.ts';
import { retryDelayMs } from '../../lib/core/retry-policy.ts';
import { show } from '../../lib/core/show.ts';
import { TopicFamilies } from '../../lib/core/topic-family.ts';
import { messageWith } from '../core/arbitraries.ts';

const { features } = new MemoryBackend();
const drafts = new Drafts({
  namespace: 'n',
  sender: { id: 's' },
  families: new TopicFamilies([], true),
  features,
  now: () => 1_700_000_000_000,
});
const copied = (value: unknown) => {
  const faults: FieldFault[] = [];
  return { copy: copyJson(value, 'payload', faults) as never, faults };
};
// biome-ignore lint/suspicious/noThenProperty: the test is about one
const thenable = { then() {} };
const at = { topic: 'doc.tasks', id: messageWith().id };

test('a format whose library changes values can be published and decoded', () => {
  const F = defineFormat('doc.note', type({ text: 'string.trim' }));
  expect(F.decode(F.encode({ text: ' Hello ' }))).toEqual({ text: 'Hello' });
});

test('every handler owns its payload, also where the library gives back its input', () => {
  const F = defineFormat('doc.note', type({ marks: 'number[]' }));
  const stored = F.encode({ marks: [1] });
  (F.decode(stored) as { marks: number[] }).marks.push(2);
  expect(stored).toEqual({ marks: [1] });
});

test('every handler owns its payload, also the parts that may be any JSON', () => {
  const F = defineFormat('doc.note', z.object({ data: z.json() }));
  const stored = F.encode({ data: { a: 1 } });
  (F.decode(stored) as { data: { a: number } }).data.a = 2;
  expect(stored).toEqual({ data: { a: 1 } });
});

test('a payload weighs the same with and without having been copied just before', () => {
  for (const value of [{}, { a: 1 }, { a: { b: undefined } }, { a: undefined }]) {
    const { copy } = copied(value);
    const remembered = jsonBytes(copy);
    copied('else');
    expect(jsonBytes(copy), JSON.stringify(value)).toBe(remembered);
  }
});

test('a missing payload is one fault', () => {
  let faults: unknown;
  try {
    genericJson.encode(undefined as never);
  } catch (error) {
    faults = (error as InvalidMessageError).faults;
  }
  expect(faults).toHaveLength(1);
});

test('a declared family wins over one that is inferred from a subscription', () => {
  const families = TopicFamilies.of(
    [{ pattern: 'doc.**', formats: [genericJson], retentionDays: 7 }],
    ['*.review.grammar'],
    false,
  );
  expect(families.of('doc.review.grammar')?.pattern).toBe('doc.**');
});

test('stored bytes that are nested too deep are undecodable', () => {
  const wire = `{"v":1,"sender":{"id":"a"},"payload":${'['.repeat(1e5)}${']'.repeat(1e5)}}`;
  expect(() => decodeMessage(wire, 'n', at)).toThrow(UndecodableError);
});

test('a nested field that a newer version wrote is kept', () => {
  const wire = '{"v":1,"sender":{"id":"a","kind":"x"},"payload":1}';
  expect(encodeMessage(decodeMessage(wire, 'n', at))).toBe(wire);
});

test('a stored field called __proto__ cannot set the payload', () => {
  const wire = `{"v":1,"sender":{"id":"a"},"attachment":{"bytes":1,"sha256":"${'a'.repeat(64)}","location":"x"},"__proto__":{"payload":"evil"}}`;
  expect(decodeMessage(wire, 'n', at).payload).toBe(null);
});

test('a stored field called __proto__ is kept as a field', () => {
  const wire = `{"v":1,"sender":{"id":"a"},"payload":1,"__proto__":{"a":1}}`;
  expect(encodeMessage(decodeMessage(wire, 'n', at))).toBe(wire);
});

test('a fault keeps whatever odd error was thrown', () => {
  for (const odd of [{ message: { a: 1 } }, { stack: 5 }, { name: {} }, { message: undefined }])
    for (const value of Object.values(faultOf(Object.assign(new Error('x'), odd))))
      expect(['string', 'boolean']).toContain(typeof value);
});

test('a fault survives an error that cannot be read', () => {
  const error = Object.defineProperty(new Error('x'), 'message', {
    get() {
      throw new Error('no');
    },
  });
  expect(faultOf(error).code).toBe('HANDLER_FAILED');
});

test('the stack of a fault has at most 4 KB, and its code is short', () => {
  expect(Buffer.byteLength(faultOf(new Error('€'.repeat(5_000))).stack ?? '')).toBeLessThanOrEqual(4_096);
  expect(faultOf(Object.assign(new Error('x'), { code: 'c'.repeat(1e5) })).code.length).toBeLessThan(300);
});

test('options that are null are refused by name', () => {
  expect(() => drafts.create('a', genericJson, 1, null as never)).toThrow(InvalidMessageError);
});

test('an entry of a batch whose options are null does not fail the others', async () => {
  const bus = openBus(new MemoryBackend(), { sender: 'user:ada' });
  const outcomes = await bus.publishMany([
    { topics: 'a', format: genericJson, payload: 1 as never },
    { topics: 'a', format: genericJson, payload: 1 as never, options: null as never },
  ]);
  expect(outcomes.map(({ ok }) => ok)).toEqual([true, false]);
});

test('an entry of a batch whose format breaks does not fail the others', async () => {
  const Odd = {
    ...genericJson,
    encode() {
      throw new TypeError('broke');
    },
  } as never;
  const bus = openBus(new MemoryBackend(), { sender: 'user:ada' });
  const outcomes = await bus.publishMany([
    { topics: 'a', format: genericJson, payload: 1 as never },
    { topics: 'a', format: Odd, payload: 'x' as never },
  ]);
  expect(outcomes.map(({ ok }) => ok)).toEqual([true, false]);
});

test('a query that is null is refused by name', () => {
  expect(() => toReadQuery('n', null as never)).toThrow(InvalidArgumentError);
});

test('a schema in place of a format is refused by name', () => {
  expect(() => drafts.create('a', z.string() as never, 1)).toThrow('pass what defineFormat gave');
});

test("a format of the user's own is checked", () => {
  expect(() =>
    drafts.create('a', { name: 'x', version: -3, encode: () => undefined as never, decode: (x) => x }, 1),
  ).toThrow(InvalidMessageError);
});

test('a format without a schema cannot be defined', () => {
  for (const schema of [undefined, null, {}, 5])
    expect(() => defineFormat('doc.x', schema as never)).toThrow(InvalidDefinitionError);
});

test('a schema that answers with any thenable is asynchronous', () => {
  const F = defineFormat('doc.x', { '~standard': { version: 1, vendor: 't', validate: () => thenable } } as never);
  expect(() => F.encode('x' as never)).toThrow('asynchronous');
});

test('a traceparent has an end, and neither version ff nor an id of zeros', () => {
  expect(messageRules.traceparent(`00-${'a'.repeat(32)}-${'b'.repeat(16)}-01\r\nx: y`)).toBeDefined();
  expect(messageRules.traceparent(`00-${'0'.repeat(32)}-${'b'.repeat(16)}-01`)).toBeDefined();
  expect(messageRules.traceparent(`ff-${'a'.repeat(32)}-${'b'.repeat(16)}-01`)).toBeDefined();
});

test('a tracestate has no line ends', () => {
  expect(messageRules.tracestate('a=b\r\nevil: 1')).toBeDefined();
});

test('a budget is a plain object, without what is undefined', () => {
  expect(drafts.create('a', genericJson, 1, { budget: { usd: undefined } as never }).message.budget).toStrictEqual({});
  expect(() => drafts.create('a', genericJson, 1, { budget: new Map() as never })).toThrow(InvalidMessageError);
});

test('a clock before 1970 makes valid ids', () => {
  expect(isGemstoneId(createGemstoneIdGenerator(() => -5).next(4))).toBe(true);
});

test('a clock with fractions makes valid ids', () => {
  expect(isGemstoneId(createGemstoneIdGenerator(() => 1_700_000_000_000.5).next(4))).toBe(true);
});

test('a clock that gives no number makes valid ids', () => {
  expect(isGemstoneId(createGemstoneIdGenerator(() => Number.NaN).next(4))).toBe(true);
});

test('a retry delay is a number after however many failures', () => {
  expect(retryDelayMs({ attempts: 5_000, baseMs: 0, maxMs: 1_000 }, 1_100, () => 0.5)).toBe(0);
});

test('a timer rings in time when the wall clock is set back', () => {
  vi.useFakeTimers();
  const rung: string[] = [];
  systemClock.setTimer(100, () => rung.push('x'));
  vi.setSystemTime(Date.now() - 3_600_000);
  vi.advanceTimersByTime(1_000);
  vi.useRealTimers();
  expect(rung).toEqual(['x']);
});

test('what is shown of a value is short, and nothing of its contents', () => {
  expect(show(Symbol('a\nb'.repeat(100))).length).toBeLessThan(80);
  expect(show(10n ** 1000n).length).toBeLessThan(80);
  class Odd {}
  Object.defineProperty(Odd, 'name', { value: () => 'secret' });
  expect(show(new Odd())).not.toContain('secret');
});

test('the faults of objects that refer to each other are found in reasonable work', () => {
  const friends = Array.from({ length: 8 }, () => ({ all: [] as unknown[] }));
  for (const friend of friends) friend.all = [...friends];
  expect(copied(friends).faults.length).toBeLessThan(10_000);
});

test('an array of a class of its own is copied as an array', () => {
  class Odd extends Array {}
  expect(copied(Odd.from([1])).copy).toStrictEqual([1]);
});

test('a message that would expire in its delay is refused', () => {
  expect(() => drafts.create('a', genericJson, 1, { delayMs: 100, ttlMs: 10 })).toThrow(InvalidMessageError);
});
