import type { StandardSchemaV1 } from '@standard-schema/spec';
import { type } from 'arktype';
import * as v from 'valibot';
import { describe, expect, onTestFinished, test } from 'vitest';
import * as z from 'zod';
import { AsyncFormatError, InvalidDefinitionError, PayloadInvalidError } from '../../lib/core/errors.ts';
import { defineFormat, formatNameProblem, genericJson } from '../../lib/core/format.ts';
import type { Json } from '../../lib/core/json.ts';
import { isDeepFrozen } from './deep-frozen.ts';

interface Task {
  readonly text: string;
  readonly marks: number[];
}

const libraries = [
  { library: 'zod', format: defineFormat('doc.task', z.object({ text: z.string(), marks: z.array(z.number()) })) },
  { library: 'valibot', format: defineFormat('doc.task', v.object({ text: v.string(), marks: v.array(v.number()) })) },
  { library: 'arktype', format: defineFormat('doc.task', type({ text: 'string', marks: 'number[]' })) },
];

/** A schema of no library, which answers with what the test says. */
const schemaOf = (validate: (value: unknown) => unknown) =>
  ({ '~standard': { version: 1, vendor: 'test', validate } }) as unknown as StandardSchemaV1<string, string>;

function faultsOf(call: () => unknown): readonly (readonly [field: string, problem: string])[] {
  try {
    call();
  } catch (error) {
    if (error instanceof PayloadInvalidError || error instanceof InvalidDefinitionError)
      return error.faults.map(({ field, problem }) => [field, problem]);
    throw error;
  }
  return [];
}

describe.each(libraries)('a format of $library', ({ format }) => {
  test('stores a frozen copy of the payload that was validated', () => {
    const payload: Task = { text: 'Hello', marks: [1, 2] };

    const stored = format.encode(payload);
    payload.marks.push(3);

    expect(stored).toEqual({ text: 'Hello', marks: [1, 2] });
    expect(isDeepFrozen(stored)).toBe(true);
  });

  test('gives a handler what was stored', () => {
    expect(format.decode({ text: 'Hello', marks: [1, 2] })).toEqual({ text: 'Hello', marks: [1, 2] });
  });

  test.each(['encode', 'decode'] as const)('lists every issue with its path: %s', (call) => {
    const faults = faultsOf(() => format[call]({ text: 5, marks: [1, 'two', null] } as never));

    expect(faults.map(([field]) => field).toSorted()).toEqual(['payload.marks[1]', 'payload.marks[2]', 'payload.text']);
    expect(faults.every(([, problem]) => problem.length > 0)).toBe(true);
  });

  test('names itself and puts the fault at the payload if all of it is wrong', () => {
    expect(() => format.encode('text' as never)).toThrow(/^payload does not fit format "doc.task": payload: /);
  });
});

describe('a transform', () => {
  const Trimmed = defineFormat('doc.note', z.object({ text: z.string().trim(), line: z.int().default(1) }));

  test('is not stored: the validated input is', () => {
    expect(Trimmed.encode({ text: ' Hello ' })).toEqual({ text: ' Hello ' });
  });

  test('runs anew for each delivery, whose handler owns the payload', () => {
    const stored = Trimmed.encode({ text: ' Hello ' });

    const one = Trimmed.decode(stored);
    one.text = 'mine';
    const other = Trimmed.decode(stored);

    expect(other).toEqual({ text: 'Hello', line: 1 });
    expect(stored).toEqual({ text: ' Hello ' });
  });
});

describe('an asynchronous schema', () => {
  const asynchronous = [
    { kind: 'of zod', schema: z.string().refine(async () => false) },
    {
      kind: 'of valibot',
      schema: v.pipeAsync(
        v.string(),
        v.checkAsync(async () => Promise.reject(new Error('late'))),
      ),
    },
    { kind: 'that answers later', schema: schemaOf(async (value) => ({ value })) },
    { kind: 'that fails later', schema: schemaOf(async () => Promise.reject(new Error('late'))) },
  ];

  test.each(asynchronous)('is refused at its first use, without an unhandled rejection: $kind', async ({ schema }) => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown) => void unhandled.push(reason);
    process.on('unhandledRejection', note);
    onTestFinished(() => void process.off('unhandledRejection', note));
    const format = defineFormat('doc.task', schema);

    expect(() => format.encode('text')).toThrow(AsyncFormatError);
    expect(() => format.decode('text')).toThrow(AsyncFormatError);
    // Rejections that nobody took are announced before the next turn of the event loop.
    await new Promise(setImmediate);

    expect(unhandled).toEqual([]);
  });
});

describe('a payload', () => {
  test('is refused before the schema sees it if it is not JSON, every place named', () => {
    const seen: unknown[] = [];
    const format = defineFormat(
      'doc.task',
      schemaOf((value) => ({ value: seen.push(value) })),
    );

    const faults = faultsOf(() => format.encode({ at: new Date(0), items: [1, Number.NaN] } as never));

    expect(faults.map(([field]) => field)).toEqual(['payload.at', 'payload.items[1]']);
    expect(seen).toEqual([]);
  });

  test('that is missing is refused, with what to send instead', () => {
    const task = libraries.map(({ format }) => faultsOf(() => format.encode(undefined as never))[0]);
    const generic = faultsOf(() => genericJson.encode(undefined as never))[0];

    expect([...task, generic]).toEqual(
      Array(4).fill(['payload', 'is missing: send JSON, null or {} if there is nothing to say']),
    );
  });

  test('of any shape fits genericJson, and its handlers share the frozen copy', () => {
    const payloads: Json[] = [null, 0, '', [], {}, { deep: [{ er: true }] }];

    const stored = payloads.map((payload) => genericJson.encode(payload));

    expect(stored).toEqual(payloads);
    expect(stored.every(isDeepFrozen)).toBe(true);
    expect(stored.every((payload) => genericJson.decode(payload) === payload)).toBe(true);
  });
});

test('issues are placed by keys, indexes, symbols and path segments, and at the payload without a path', () => {
  const issues = [
    { message: 'no path' },
    { message: 'empty path', path: [] },
    { message: 'plain', path: ['items', 0, Symbol('mark')] },
    { message: 'segments', path: [{ key: 'items' }, { key: 2 }, { key: 'at' }] },
  ];
  const format = defineFormat(
    'doc.task',
    schemaOf(() => ({ issues })),
  );

  expect(faultsOf(() => format.encode('text'))).toEqual([
    ['payload', 'no path'],
    ['payload', 'empty path'],
    ['payload.items[0].Symbol(mark)', 'plain'],
    ['payload.items[2].at', 'segments'],
  ]);
});

describe('a definition', () => {
  test('has a name of 3 to 128 characters without space around it, and a version from 1', () => {
    const names = ['abc', 'doc.task', 'n'.repeat(128), 'in between'];

    expect(names.map(formatNameProblem)).toEqual(names.map(() => undefined));
    expect(defineFormat('doc.task', z.string()).version).toBe(1);
    expect(defineFormat('doc.task', z.string(), { version: 7 })).toMatchObject({ name: 'doc.task', version: 7 });
  });

  test.each(['', 'ab', 'n'.repeat(129), ' abc', 'abc\n', undefined, null, 5])('is refused for the name %j', (name) => {
    const define = () => defineFormat(name as string, z.string());

    expect(define).toThrow(InvalidDefinitionError);
    expect(faultsOf(define).map(([field]) => field)).toEqual(['name']);
  });

  test('is refused with all of its faults at once', () => {
    for (const version of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '1' as unknown as number]) {
      const faults = faultsOf(() => defineFormat('a', z.string(), { version }));

      expect(faults.map(([field]) => field)).toEqual(['name', 'version']);
    }
  });
});
