import { describe, expect, test } from 'vitest';
import { MemoryBackend } from '../../lib/backends/memory/memory-backend.ts';
import { Drafts } from '../../lib/bus/drafts.ts';
import type { PublishOptions } from '../../lib/bus/publish-options.ts';
import { genericJson } from '../../lib/core/format.ts';
import type { GemstoneId } from '../../lib/core/gemstone-id.ts';
import { type Message, toReference } from '../../lib/core/message.ts';
import { TopicFamilies } from '../../lib/core/topic-family.ts';
import { messageWith } from '../core/arbitraries.ts';
import { isDeepFrozen } from '../core/deep-frozen.ts';

const { features } = new MemoryBackend();
const drafts = new Drafts({
  namespace: 'default',
  sender: { id: 'grammar' },
  families: new TopicFamilies([], true),
  features,
  now: () => 1_700_000_000_000,
});
const childOf = (parent: Message, options?: PublishOptions) =>
  drafts.create('doc.done', genericJson, 'Hello', options, parent);
const TRACE = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;

describe('a message that is published while another is handled', () => {
  test('is one generation further, in the same thread, with a step that says who, on what and why', () => {
    const root = messageWith();
    const parent = messageWith({ topic: 'doc.b', thread: [toReference(root)], hops: 1, topics: ['doc.a', 'doc.b'] });

    const { message } = childOf(parent, { reason: 'because' });

    expect(message.hops).toBe(2);
    expect(message.thread).toEqual([toReference(root), toReference(parent)]);
    expect(message.steps).toEqual([
      { agent: 'grammar', origin: toReference(parent), topics: ['doc.done'], reason: 'because' },
    ]);
  });

  test('keeps the last 16 steps', () => {
    let parent = messageWith();
    for (let generation = 1; generation <= 20; generation++) {
      const { message } = childOf(parent, { reason: `step ${generation}` });
      parent = { ...message, topic: 'doc.done', id: parent.id };
    }

    expect(parent.steps.map(({ reason }) => reason)).toEqual(
      Array.from({ length: 16 }, (_, index) => `step ${index + 5}`),
    );
  });

  test('inherits priority, conversation and trace, unless the options say otherwise', () => {
    const id = '01HF7YAT000000000000000002' as GemstoneId;
    const parent = messageWith({ id, conversationId: 'c', traceparent: TRACE, tracestate: 'v=1' });
    const own = { conversationId: 'other', traceparent: TRACE.replace('01', '00'), tracestate: 'v=2' };

    const inherited = childOf(parent);
    const chosen = childOf(parent, { ...own, priority: 9 });

    expect(inherited.priority).toBe(2);
    expect(inherited.message).toMatchObject({ conversationId: 'c', traceparent: TRACE, tracestate: 'v=1' });
    expect(chosen.priority).toBe(9);
    expect(chosen.message).toMatchObject(own);
  });

  test('does not inherit what belongs to one message or one exchange', () => {
    const parent = messageWith({
      key: 'k',
      recipients: ['grammar'],
      headers: { h: 'x' },
      status: 'running',
      idempotencyKey: 'i',
      correlationId: 'x',
      replyTo: 'doc.answers',
      inReplyTo: toReference(messageWith()),
      enrichWithHistory: 3,
      expiresAt: 1,
      deliverAt: 1,
      attachment: { bytes: 1, sha256: 'a'.repeat(64), location: 'there' },
      forwardHeader: { origin: toReference(messageWith()), onBehalfOf: { id: 'writer' } },
    });

    const { message } = childOf(parent);

    expect(message).toMatchObject({ recipients: [], headers: {}, enrichWithHistory: 0 });
    for (const field of ['key', 'status', 'idempotencyKey', 'correlationId', 'replyTo', 'inReplyTo', 'expiresAt']) {
      expect(message).not.toHaveProperty(field);
    }
    for (const field of ['deliverAt', 'attachment', 'forwardHeader']) expect(message).not.toHaveProperty(field);
  });

  test.each([
    { inherited: 2_000, option: undefined, deadlineAt: 2_000 },
    { inherited: 2_000, option: 1_000, deadlineAt: 1_000 },
    { inherited: 2_000, option: 3_000, deadlineAt: 2_000 },
    { inherited: undefined, option: 3_000, deadlineAt: 3_000 },
    { inherited: undefined, option: undefined, deadlineAt: undefined },
    { inherited: 0, option: 3_000, deadlineAt: 0 },
  ])('has the deadline $deadlineAt for $inherited and the option $option: it only comes nearer', (one) => {
    const parent = messageWith(one.inherited === undefined ? {} : { deadlineAt: one.inherited });

    const { message } = childOf(parent, one.option === undefined ? {} : { deadlineAt: one.option });

    expect(message.deadlineAt).toBe(one.deadlineAt);
  });

  test("has the root's budget, and one of its own only where there is none", () => {
    expect(childOf(messageWith({ budget: { usd: 1 } }), { budget: { usd: 99 } }).message.budget).toEqual({ usd: 1 });
    expect(childOf(messageWith(), { budget: { tokens: 5 } }).message.budget).toEqual({ tokens: 5 });
    expect(childOf(messageWith()).message).not.toHaveProperty('budget');
  });

  test('merges session state over what travels along, at the first level', () => {
    const parent = messageWith({ sessionState: { user: { name: 'Ada', age: 36 }, kept: [1] } });

    const { message } = childOf(parent, { sessionState: { user: { name: 'Grace' }, added: null } });

    expect(message.sessionState).toEqual({ user: { name: 'Grace' }, kept: [1], added: null });
    expect(parent.sessionState).toEqual({ user: { name: 'Ada', age: 36 }, kept: [1] });
    expect(childOf(parent).message.sessionState).toBe(parent.sessionState);
  });

  test('is refused if session state grows beyond 16 KB on the way, though each part is smaller', () => {
    const parent = messageWith({ sessionState: { one: 'x'.repeat(9_000) } });

    const create = () => childOf(parent, { sessionState: { two: 'y'.repeat(9_000) } });

    expect(create).toThrow(/sessionState: with what travels along already got 18\d{3} bytes/);
  });

  test('leaves its parent as it was, and is frozen itself', () => {
    const parent = messageWith({ thread: [toReference(messageWith())], sessionState: { a: 1 } });
    const before = structuredClone(parent);

    const { message } = childOf(parent, { sessionState: { b: 2 }, reason: 'because' });

    expect(parent).toEqual(before);
    expect([message.thread, message.steps, message.sessionState, message.topics].every(isDeepFrozen)).toBe(true);
  });
});
