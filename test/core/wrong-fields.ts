/** @module For each field of a message, values that it must not have. */
import type { messageRules } from '../../lib/core/message-rules.ts';
import { show } from '../../lib/core/show.ts';

type RuledField = keyof typeof messageRules;

const ID = '01HF7YAT000000000000000004';
const step = { agent: 'writer', origin: `doc/${ID}`, topics: ['doc'] };
const sha256 = 'a'.repeat(64);
const nested = (levels: number): unknown => (levels === 0 ? 1 : { in: nested(levels - 1) });
const notText = [5, true, {}, [], '', 'x'.repeat(257)];
const notTime = [-1, 1.5, '1700000000000', true, {}, 2 ** 53];
const notReference = [5, '', 'doc', `doc/${ID}/x`, `/${ID}`, `d c/${ID}`, { topic: 'doc', id: ID }];

/** JSON all of it, so that each can be read from a store. */
const wrong: Readonly<Record<RuledField, readonly unknown[]>> = {
  namespace: ['', 'a.b', 'a/b', 'n'.repeat(65), 5],
  topics: ['doc', [], [5], ['doc', 'a b'], ['doc.*'], { 0: 'doc' }],
  sender: ['writer', [], {}, { id: '' }, { id: 5 }, { id: 'writer', name: 5 }, { id: 'writer', name: '' }],
  format: ['', 'ab', 'n'.repeat(129), ' abc', 5, ['abc']],
  formatVersion: [0, -1, 1.5, '1', 2 ** 53],
  encoding: ['', 'xml', 'JSON', 1],
  attachment: [
    'there',
    [],
    {},
    { bytes: -1, sha256, location: 'there' },
    { bytes: 1, sha256: sha256.toUpperCase(), location: 'there' },
    { bytes: 1, sha256: sha256.slice(1), location: 'there' },
    { bytes: 1, sha256, location: '' },
    { bytes: 1, sha256, location: 'x'.repeat(1025) },
    { bytes: 1, sha256 },
  ],
  key: notText,
  recipients: ['writer', [5], ['a.b'], ['user:ada'], {}],
  inReplyTo: notReference,
  thread: [`doc/${ID}`, ...notReference.map((reference) => [reference]), {}],
  conversationId: notText,
  correlationId: notText,
  replyTo: [5, '', 'a b', 'doc.*', '$mine', ['doc'], '$self.a', '$dead.a', '$errors', '$topics'],
  forwardHeader: ['x', [], {}, { origin: `doc/${ID}` }, { origin: 'x', onBehalfOf: { id: 'a' } }],
  steps: [
    {},
    [5],
    [{}],
    [{ ...step, agent: '' }],
    [{ ...step, origin: 'x' }],
    [{ ...step, topics: [] }],
    [{ ...step, reason: 5 }],
  ],
  sessionState: [5, 'x', [], { text: 'x'.repeat(16_384) }, nested(101)],
  enrichWithHistory: [-1, 0.5, '1', true],
  expiresAt: notTime,
  deliverAt: notTime,
  status: ['', 'done', 1, true],
  hops: [-1, 1.5, '0', 2 ** 53],
  deadlineAt: notTime,
  budget: [5, [], { usd: -1 }, { usd: '1' }, { tokens: true }],
  idempotencyKey: [...notText, '$effect'],
  traceparent: [5, '', 'x', `00-${'g'.repeat(32)}-${'b'.repeat(16)}-01`, `00-${'A'.repeat(32)}-${'B'.repeat(16)}-01`],
  tracestate: [5, {}, 't'.repeat(513)],
  headers: [5, 'x', [], { h: 5 }, { h: { deep: 'x' } }, { h: 'x'.repeat(2_048) }],
};

export const wrongFields = Object.entries(wrong).flatMap(([field, values]) =>
  values.map((value) => ({ field: field as RuledField, value, shown: `${show(value)}` })),
);
