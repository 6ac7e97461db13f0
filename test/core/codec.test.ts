import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeMessage, encodeMessage } from '../../lib/core/codec.ts';
import type { Message } from '../../lib/core/message.ts';
import { gemstoneIds, messages, messageWith, topics } from './arbitraries.ts';
import { isDeepFrozen } from './deep-frozen.ts';

/** The table of design 4, in its order. */
const FIELD_ORDER = [
  'v',
  'topics',
  'sender',
  'format',
  'formatVersion',
  'encoding',
  'payload',
  'attachment',
  'key',
  'recipients',
  'inReplyTo',
  'thread',
  'conversationId',
  'correlationId',
  'replyTo',
  'forwardHeader',
  'steps',
  'sessionState',
  'enrichWithHistory',
  'expiresAt',
  'deliverAt',
  'status',
  'hops',
  'deadlineAt',
  'budget',
  'idempotencyKey',
  'traceparent',
  'tracestate',
  'headers',
];

const decodeLike = (wire: string | Uint8Array, message: Message) => decodeMessage(wire, message.namespace, message);
const bodyOf = (message: Message): Record<string, unknown> => JSON.parse(encodeMessage(message));

describe('any valid message', () => {
  test('decodes from what it was encoded to, as text or as bytes, deeply frozen', () => {
    fc.assert(
      fc.property(messages, (message) => {
        const wire = encodeMessage(message);

        const decoded = decodeLike(wire, message);
        const fromBytes = decodeLike(new TextEncoder().encode(wire), message);

        expect(isDeepStrictEqual(decoded, message)).toBe(true);
        expect(isDeepStrictEqual(fromBytes, message)).toBe(true);
        expect(isDeepFrozen(decoded)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test('has one wire form, however its fields are ordered, and again after decoding', () => {
    fc.assert(
      fc.property(messages, (message) => {
        const wire = encodeMessage(message);
        const reversed = Object.fromEntries(Object.entries(message).toReversed()) as unknown as Message;

        expect(encodeMessage(reversed)).toBe(wire);
        expect(encodeMessage(decodeLike(wire, message))).toBe(wire);
      }),
    );
  });

  test('is written in the order of the table, without its key and without null', () => {
    fc.assert(
      fc.property(messages, (message) => {
        const body = bodyOf(message);

        const fields = Object.keys(body);
        expect(fields).toEqual(FIELD_ORDER.filter((field) => fields.includes(field)));
        expect(fields.filter((field) => body[field] === null && field !== 'payload')).toEqual([]);
      }),
    );
  });

  test('is the same message under another of its topics, but for the topic', () => {
    fc.assert(
      fc.property(messages, topics, gemstoneIds, (message, topic, id) => {
        const elsewhere = decodeMessage(encodeMessage(message), 'elsewhere', { topic, id });
        const named = message.topics.length === 1 && message.topics[0] === message.topic ? [topic] : message.topics;

        expect(elsewhere).toEqual({ ...message, namespace: 'elsewhere', topic, id, topics: named });
      }),
    );
  });
});

describe('the wire form', () => {
  test('leaves out everything that is at its default', () => {
    expect(encodeMessage(messageWith())).toBe('{"v":1,"sender":{"id":"writer"},"payload":null}');
  });

  test('writes what is not at its default, however small', () => {
    const fields: Partial<Message> = {
      topics: ['doc.tasks', 'doc.other'],
      format: 'doc.task',
      formatVersion: 2,
      encoding: 'jwe',
      recipients: ['a'],
      sessionState: { a: null },
      enrichWithHistory: 1,
      hops: 1,
      headers: { '': '' },
      expiresAt: 0,
      tracestate: '',
      budget: {},
    };

    expect(bodyOf(messageWith(fields))).toEqual({ v: 1, sender: { id: 'writer' }, payload: null, ...fields });
  });

  test('names the topic if the message lies under another one than it names', () => {
    expect(bodyOf(messageWith({ topic: 'doc.a', topics: ['doc.b'] })).topics).toEqual(['doc.b']);
  });

  test('leaves out fields that are undefined', () => {
    const message = { ...messageWith(), key: undefined, unknownToUs: undefined } as unknown as Message;

    expect(encodeMessage(message)).toBe('{"v":1,"sender":{"id":"writer"},"payload":null}');
  });

  test('leaves out a payload that was set aside, which then decodes as null until it is fetched', () => {
    const attachment = { bytes: 300_000, sha256: 'a'.repeat(64), location: 'there' };
    const message = messageWith({ payload: 'large', attachment });

    const wire = encodeMessage(message, { setAside: true });

    expect(JSON.parse(wire)).toEqual({ v: 1, sender: { id: 'writer' }, attachment });
    expect(decodeLike(wire, message)).toEqual({ ...message, payload: null });
    expect(decodeLike(encodeMessage(message), message)).toEqual(message);
  });

  test('is taken with a byte order mark', () => {
    const bytes = new Uint8Array([0xef, 0xbb, 0xbf, ...new TextEncoder().encode(encodeMessage(messageWith()))]);

    expect(decodeLike(bytes, messageWith())).toEqual(messageWith());
  });
});

describe('fields that this version does not know', () => {
  const unknownFields = fc.dictionary(
    fc.string({ minLength: 1 }).filter((field) => field !== '__proto__' && !(field in messageWith())),
    fc.jsonValue(),
    { minKeys: 1, maxKeys: 4, noNullPrototype: true },
  );

  test('are kept, frozen, and written again behind the others', () => {
    fc.assert(
      fc.property(messages, unknownFields, (message, unknown) => {
        const fresh = Object.fromEntries(Object.entries(unknown).filter(([field]) => !FIELD_ORDER.includes(field)));
        const wire = JSON.stringify({ ...fresh, ...bodyOf(message) });

        const decoded = decodeLike(wire, message);

        expect(decoded).toMatchObject(JSON.parse(JSON.stringify(fresh)));
        expect(isDeepFrozen(decoded)).toBe(true);
        expect(JSON.parse(encodeMessage(decoded))).toEqual(JSON.parse(wire));
        expect(decodeLike(encodeMessage(decoded), message)).toEqual(decoded);
      }),
    );
  });

  test('come last, in their own order', () => {
    const wire = '{"z":1,"v":1,"originStack":[{"namespace":"a"}],"sender":{"id":"a"},"payload":0,"a":null}';

    const again = encodeMessage(decodeLike(wire, messageWith()));

    expect(again).toBe('{"v":1,"sender":{"id":"a"},"payload":0,"z":1,"originStack":[{"namespace":"a"}],"a":null}');
  });

  test('cannot say where the message lies: those of the key are ignored, even if they are no such thing', () => {
    const wire = '{"v":1,"namespace":"other","topic":7,"id":["x"],"sender":{"id":"writer"},"payload":null}';

    const decoded = decodeLike(wire, messageWith());

    expect(decoded).toEqual(messageWith());
    expect(encodeMessage(decoded)).toBe(encodeMessage(messageWith()));
  });
});
