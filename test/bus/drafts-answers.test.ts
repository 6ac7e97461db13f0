import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { MemoryBackend } from '../../lib/backends/memory/memory-backend.ts';
import { Drafts, type Publisher } from '../../lib/bus/drafts.ts';
import { decodeMessage } from '../../lib/core/codec.ts';
import { DelayTooLongError, InvalidMessageError } from '../../lib/core/errors.ts';
import { defineFormat, genericJson } from '../../lib/core/format.ts';
import { toReference } from '../../lib/core/message.ts';
import { TopicFamilies } from '../../lib/core/topic-family.ts';
import { messageWith } from '../core/arbitraries.ts';

const NOW = 1_700_000_000_000;
const Task = defineFormat('doc.task', z.object({ text: z.string() }));
const { features } = new MemoryBackend();
const families = new TopicFamilies(
  [
    { pattern: 'doc.**', formats: [], retentionDays: 30 },
    { pattern: 'tasks', formats: [Task], retentionDays: 30 },
  ],
  false,
);
const draftsOf = (publisher: Partial<Publisher> = {}) =>
  new Drafts({
    namespace: 'default',
    sender: { id: 'grammar' },
    families,
    features,
    now: () => NOW,
    publishes: [],
    ...publisher,
  });

describe('an answer', () => {
  test('goes where its publisher chose, declared or not, and descends from what it answers', () => {
    const question = messageWith({ hops: 2, conversationId: 'c' });

    const { message } = draftsOf().answer('doc.answers', genericJson, 'Hello', { correlationId: 'x' }, question);

    expect(message).toMatchObject({ topics: ['doc.answers'], hops: 3, conversationId: 'c', correlationId: 'x' });
    expect(message.thread).toEqual([toReference(question)]);
  });

  test('is refused with every fault of format, payload and options', () => {
    const create = () => draftsOf().answer('tasks', genericJson, Number.NaN, { key: '' }, messageWith());

    expect(create).toThrow(InvalidMessageError);
    expect(create).toThrow(/format: got "generic_json": "tasks" takes doc\.task only; payload: .+; key: got ""/);
  });
});

describe('a message of an agent to itself', () => {
  test('goes to its $self topic, after the delay', () => {
    const { message } = draftsOf().toSelf(Task, { text: 'later' }, 5_000, messageWith());

    expect(message).toMatchObject({ topics: ['$self.grammar'], deliverAt: NOW + 5_000, hops: 0, format: 'doc.task' });
  });

  test('is refused for a delay beyond what the backend holds, and for a payload that does not fit', () => {
    const drafts = draftsOf({ features: { ...features, maxDelayMs: 1_000 } });

    expect(() => drafts.toSelf(Task, { text: 'later' }, 1_001, messageWith())).toThrow(DelayTooLongError);
    expect(() => drafts.toSelf(Task, { text: 5 }, 1_000, messageWith())).toThrow(InvalidMessageError);
  });
});

describe('a forwarded message', () => {
  test('keeps payload, format and encoding as they are, and what a newer version wrote', () => {
    const wire = `{"v":1,"sender":{"id":"writer"},"format":"doc.secret","formatVersion":4,"encoding":"jwe","payload":"x","mark":[1]}`;
    const parent = decodeMessage(wire, 'default', messageWith());

    const { message } = draftsOf({ publishes: ['doc.*'] }).forward(['doc.a', 'doc.a', 'doc.b'], {}, parent);

    expect(message).toMatchObject({ format: 'doc.secret', formatVersion: 4, encoding: 'jwe', payload: 'x', mark: [1] });
    expect(message).toMatchObject({ topics: ['doc.a', 'doc.b'], sender: { id: 'grammar' }, hops: 1 });
    expect(message.payload).toBe(parent.payload);
  });

  test('is refused where the agent does not publish, and where its format is not taken', () => {
    const drafts = draftsOf({ publishes: ['tasks'] });

    expect(() => drafts.forward('doc.a', {}, messageWith())).toThrow('agent "grammar" publishes tasks');
    expect(() => drafts.forward('tasks', {}, messageWith())).toThrow('"tasks" takes doc.task only');
    expect(() => drafts.forward('tasks', {}, messageWith({ format: 'doc.task' }))).not.toThrow();
  });
});

test('an address to reply to must be in a family, so that an answer can reach it', () => {
  const create = (replyTo: string) => () =>
    draftsOf({ publishes: ['doc.*'] }).create('doc.a', genericJson, 1, { replyTo });

  expect(create('doc.answers')).not.toThrow();
  expect(create('$inbox.grammar')).not.toThrow();
  expect(create('$reply.x')).not.toThrow();
  expect(create('nowhere')).toThrow('replyTo: got "nowhere", which is in no topic family of the guild');
  expect(create('a b')).toThrow(/^message refused: replyTo: got "a b": [^;]+$/);
});
