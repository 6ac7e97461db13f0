import { describe, expect, test } from 'vitest';
import { Priority } from '../../lib/core/gemstone-id.ts';
import { freezeJson, jsonBytes } from '../../lib/core/json.ts';
import { toReference } from '../../lib/core/message.ts';
import { messageRules } from '../../lib/core/message-rules.ts';
import { platformDraft } from '../../lib/core/platform-draft.ts';
import { MAX_AGENT_NAME, nameProblem } from '../../lib/core/topic.ts';
import { messageWith } from './arbitraries.ts';
import { isDeepFrozen } from './deep-frozen.ts';

const key = { namespace: 'guild-123', topic: '$dead.grammar' };
const content = { format: 'guildwire.dead-letter', payload: { reason: 'failed', errors: [{ code: 'X' }] } };

describe('a message from the platform', () => {
  test('is a root of normal priority if it is about no message', () => {
    const { message, priority, payloadBytes } = platformDraft('topics', key, content);

    expect(message).toMatchObject({
      namespace: 'guild-123',
      topics: ['$dead.grammar'],
      format: 'guildwire.dead-letter',
      payload: content.payload,
      thread: [],
      steps: [],
      hops: 0,
    });
    expect(priority).toBe(Priority.NORMAL);
    expect(payloadBytes).toBe(jsonBytes(content.payload));
  });

  test('continues the thread and conversation of the message that it is about, at its priority', () => {
    const step = { agent: 'writer', origin: toReference(messageWith()), topics: ['doc.tasks'] };
    const parent = messageWith({
      conversationId: 'c',
      hops: 4,
      steps: [step],
      sessionState: { a: 1 },
      thread: [toReference(messageWith())],
    });

    const { message, priority } = platformDraft('dead-letters', key, { ...content, status: 'error' }, parent);

    expect(message).toMatchObject({
      conversationId: 'c',
      hops: 5,
      steps: [step],
      sessionState: { a: 1 },
      status: 'error',
    });
    expect(message.thread).toEqual([...parent.thread, toReference(parent)]);
    expect(priority).toBe(Priority.NORMAL);
  });

  test('has none of the limits, addresses and tags of the message that it is about', () => {
    const parent = messageWith({
      deadlineAt: 1,
      budget: { usd: 0 },
      expiresAt: 1,
      recipients: ['grammar'],
      replyTo: 'doc.answers',
      correlationId: 'x',
      idempotencyKey: 'y',
      key: 'z',
      headers: { h: 'secret' },
      enrichWithHistory: 3,
    });

    const { message } = platformDraft('dead-letters', key, content, parent);

    expect(message).toMatchObject({ recipients: [], headers: {}, enrichWithHistory: 0 });
    for (const field of ['deadlineAt', 'budget', 'expiresAt', 'replyTo', 'correlationId', 'idempotencyKey', 'key']) {
      expect(message).not.toHaveProperty(field);
    }
  });

  test('is valid in every field, and deeply frozen in each', () => {
    const { message } = platformDraft('dead-letters', key, structuredClone(content), freezeJson(messageWith()));

    for (const [field, value] of Object.entries(message)) {
      expect(isDeepFrozen(value), field).toBe(true);
      if (field !== 'payload') expect(messageRules[field as keyof typeof messageRules](value), field).toBeUndefined();
    }
  });

  test('comes from a sender that no agent can be called', () => {
    const { message } = platformDraft('dead-letters', key, content);

    expect(message.sender).toEqual({ id: 'platform:dead-letters' });
    expect(nameProblem(message.sender.id, MAX_AGENT_NAME)).toBeDefined();
  });
});
