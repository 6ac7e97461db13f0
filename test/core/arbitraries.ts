/** @module Random ids, topics and messages, every field of a message among them. */
import fc from 'fast-check';
import {
  createGemstoneIdGenerator,
  type GemstoneId,
  MAX_ID_TIME_MS,
  type Priority,
} from '../../lib/core/gemstone-id.ts';
import { copyJson, type Json } from '../../lib/core/json.ts';
import { MAX_STEPS, type Message, type Reference, toReference } from '../../lib/core/message.ts';

export const times = fc.integer({ min: 0, max: MAX_ID_TIME_MS });
export const priorities = fc.integer({ min: 0, max: 9 }).map((value) => value as Priority);

export const gemstoneIds: fc.Arbitrary<GemstoneId> = fc
  .tuple(times, fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 3, maxLength: 3 }))
  .chain(([ms, random]) =>
    priorities.map((priority) =>
      createGemstoneIdGenerator(
        () => ms,
        () => random.shift() ?? 0,
      ).next(priority),
    ),
  );

const segments = fc.stringMatching(/^[A-Za-z0-9_-]{1,20}$/);
export const topics = fc.oneof(
  fc.array(segments, { minLength: 1, maxLength: 8 }).map((parts) => parts.join('.')),
  segments.map((name) => `$inbox.${name}`),
);
export const references: fc.Arbitrary<Reference> = fc.record({ topic: topics, id: gemstoneIds }).map(toReference);

/** Text as fields take it. */
const texts = fc.string({ minLength: 1, maxLength: 256, unit: 'binary' }).filter((text) => text.length <= 256);
const names = fc.string({ minLength: 3, maxLength: 40 }).filter((text) => text.trim() === text);
const agents = fc.stringMatching(/^[A-Za-z0-9_-]{1,48}$/);
const wholes = fc.maxSafeNat();
const hex = (length: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`));

/** As the one copy of a payload leaves it: without -0. */
export const payloads: fc.Arbitrary<Json> = fc.jsonValue().map((value) => copyJson(value, 'payload', []));
const objects = fc
  .dictionary(fc.string({ maxLength: 10 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3, noNullPrototype: true })
  .map((value) => copyJson(value, 'payload', []))
  .filter((value) => Buffer.byteLength(JSON.stringify(value)) < 16_384);

const senders = fc.record({ id: texts, name: texts }, { requiredKeys: ['id'], noNullPrototype: true });
const topicLists = fc.array(topics, { minLength: 1, maxLength: 4 });
const steps = fc.record(
  { agent: texts, origin: references, topics: topicLists, reason: texts },
  { requiredKeys: ['agent', 'origin', 'topics'], noNullPrototype: true },
);
const amounts = fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);

/** Any message that may be stored, each optional field there or not, each defaulted field at its default or not. */
export const messages: fc.Arbitrary<Message> = fc
  .record(
    {
      namespace: agents,
      topic: topics,
      id: gemstoneIds,
      topics: topicLists,
      sender: senders,
      format: fc.oneof(fc.constant('generic_json'), names),
      formatVersion: fc.oneof(fc.constant(1), fc.integer({ min: 1 })),
      encoding: fc.constantFrom('json', 'base64', 'jwe'),
      payload: payloads,
      attachment: fc.record(
        { bytes: wholes, sha256: hex(64), location: fc.string({ minLength: 1, maxLength: 1024 }) },
        { noNullPrototype: true },
      ),
      key: texts,
      recipients: fc.array(agents, { maxLength: 4 }),
      inReplyTo: references,
      thread: fc.array(references, { maxLength: 8 }),
      conversationId: texts,
      correlationId: texts,
      replyTo: topics,
      forwardHeader: fc.record({ origin: references, onBehalfOf: senders }, { noNullPrototype: true }),
      steps: fc.array(steps, { maxLength: 3 }),
      sessionState: objects,
      enrichWithHistory: fc.integer({ min: 0, max: MAX_STEPS }),
      expiresAt: wholes,
      deliverAt: wholes,
      status: fc.constantFrom('running', 'error', 'completed'),
      hops: fc.oneof(fc.constant(0), wholes),
      deadlineAt: wholes,
      budget: fc.record({ usd: amounts, tokens: amounts }, { requiredKeys: [], noNullPrototype: true }),
      idempotencyKey: texts.filter((text) => !text.startsWith('$')),
      traceparent: fc.tuple(hex(32), hex(16)).map(([trace, span]) => `00-${trace.slice(1)}1-${span.slice(1)}1-01`),
      tracestate: fc.stringMatching(/^[a-z]{1,10}=[a-z]{1,10}$/),
      headers: fc.dictionary(fc.string({ maxLength: 10 }), fc.string({ maxLength: 20 }), {
        maxKeys: 3,
        noNullPrototype: true,
      }),
    },
    {
      requiredKeys: [
        'namespace',
        'topic',
        'id',
        'topics',
        'sender',
        'format',
        'formatVersion',
        'encoding',
        'payload',
        'recipients',
        'thread',
        'steps',
        'sessionState',
        'enrichWithHistory',
        'hops',
        'headers',
      ],
      noNullPrototype: true,
    },
  )
  .map((message) => message as Message);

/** The plainest message there is, with what the test is about. */
export function messageWith(fields: Partial<Message> = {}): Message {
  return {
    namespace: 'default',
    topic: 'doc.tasks',
    id: '01HF7YAT000000000000000004' as GemstoneId,
    topics: ['doc.tasks'],
    sender: { id: 'writer' },
    format: 'generic_json',
    formatVersion: 1,
    encoding: 'json',
    payload: null,
    recipients: [],
    thread: [],
    steps: [],
    sessionState: {},
    enrichWithHistory: 0,
    hops: 0,
    headers: {},
    ...fields,
  };
}
