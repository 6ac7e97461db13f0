import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeMessage, encodeMessage } from '../../lib/core/codec.ts';
import { UndecodableError } from '../../lib/core/errors.ts';
import type { Message } from '../../lib/core/message.ts';
import { messages, messageWith } from './arbitraries.ts';
import { wrongFields } from './wrong-fields.ts';

/** The message, or the fields that were named when it was refused; any other error is a failure. */
function decoded(wire: string | Uint8Array): Message | string[] {
  try {
    return decodeMessage(wire, 'default', messageWith());
  } catch (error) {
    if (error instanceof UndecodableError) return error.faults.map(({ field }) => field);
    throw error;
  }
}
const plain = { v: 1, sender: { id: 'writer' }, payload: null };
const inBody = wrongFields.filter(({ field }) => field !== 'namespace');

describe('a stored message with one wrong field', () => {
  test.each(inBody)('is refused, naming $field as $shown', ({ field, value }) => {
    expect(decoded(JSON.stringify({ ...plain, [field]: value }))).toEqual([field]);
  });

  test('is refused, naming that field alone, whatever else it holds', () => {
    fc.assert(
      fc.property(messages, fc.constantFrom(...inBody), (message, { field, value }) => {
        const body = { ...JSON.parse(encodeMessage(message)), [field]: value };

        expect(decoded(JSON.stringify(body))).toEqual([field]);
      }),
      { numRuns: 300 },
    );
  });

  test('is refused if the field is null, for every field but the payload', () => {
    for (const field of new Set(inBody.map(({ field }) => field))) {
      expect(decoded(JSON.stringify({ ...plain, [field]: null })), field).toEqual([field]);
    }
  });

  test.each([[undefined], [0], [2], ['1'], [null], [true], [{}]])('is refused for the version %j', (v) => {
    expect(decoded(JSON.stringify({ ...plain, v }))).toEqual(['v']);
  });

  test('is refused without a sender, or without both payload and attachment', () => {
    expect(decoded('{"v":1,"payload":1}')).toEqual(['sender']);
    expect(decoded('{"v":1,"sender":{"id":"writer"}}')).toEqual(['payload']);
  });
});

test('all wrong fields are named at once, in the order of the wire', () => {
  const wire = JSON.stringify({ hops: -1, headers: 5, formatVersion: 'x', v: 9, topics: [] });

  expect(decoded(wire)).toEqual(['v', 'topics', 'sender', 'formatVersion', 'payload', 'hops', 'headers']);
});

describe('bytes that are no message', () => {
  test.each<[string, Uint8Array | string]>([
    ['nothing', new Uint8Array()],
    ['no UTF-8', Buffer.from('{"v":1,"sender":{"id":"é"},"payload":1}', 'latin1')],
    ['a cut character', new TextEncoder().encode('{"v":1,"x":"€"}').slice(0, -3)],
    ['UTF-16', Buffer.from('{"v":1}', 'utf16le')],
    ['no JSON', '{"v":1,}'],
    ['half of the JSON', '{"v":1,"sender":{"id"'],
    ['two values', '{"v":1}{"v":1}'],
    ['text in JSON', '"message"'],
    ['a number', '5'],
    ['null', 'null'],
    ['an array', '[{"v":1}]'],
  ])('are refused as a whole: %s', (_, wire) => {
    expect(decoded(wire)).toEqual(['body']);
  });

  test('show nothing of what they hold in the error', () => {
    const read = () => decodeMessage('["secret", {"text": "secret"}]', 'default', messageWith());

    expect(read).toThrow('an array of 2');
    expect(read).not.toThrow('secret');
  });

  test('throw nothing else, whatever they are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(decoded(bytes)).toEqual(['body']);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('any JSON in the place of a message', () => {
  const fields = [...new Set(inBody.map(({ field }): string => field)), 'v', 'payload', 'id', 'topic', 'priority'];
  const bodies = fc.dictionary(
    fc.constantFrom(...fields),
    fc.oneof(fc.jsonValue(), fc.constantFrom(...inBody.map(({ value }) => value))),
    { noNullPrototype: true },
  );

  test('is a message or an UndecodableError, and nothing else', () => {
    fc.assert(
      fc.property(fc.oneof(bodies, fc.jsonValue()), (body) => {
        const result = decoded(JSON.stringify(body));

        if (Array.isArray(result)) expect(result.length).toBeGreaterThan(0);
        else expect(decoded(encodeMessage(result))).toEqual(result);
      }),
      { numRuns: 1_000 },
    );
  });

  test('is a message or an UndecodableError if one field of a message is replaced', () => {
    fc.assert(
      fc.property(messages, fc.constantFrom(...fields), fc.jsonValue(), (message, field, value) => {
        const body = { ...JSON.parse(encodeMessage(message)), [field]: value };

        const result = decoded(JSON.stringify(body));

        if (Array.isArray(result)) expect(result).toEqual([field]);
        else expect(decoded(encodeMessage(result))).toEqual(result);
      }),
      { numRuns: 1_000 },
    );
  });
});
