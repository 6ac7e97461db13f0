import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { MemoryBackend } from '../../lib/backends/memory/memory-backend.ts';
import { Drafts, type Publisher } from '../../lib/bus/drafts.ts';
import type { PublishOptions } from '../../lib/bus/publish-options.ts';
import {
  AsyncFormatError,
  DelayTooLongError,
  InvalidMessageError,
  PayloadTooLargeError,
} from '../../lib/core/errors.ts';
import { defineFormat, genericJson } from '../../lib/core/format.ts';
import { Priority } from '../../lib/core/gemstone-id.ts';
import { TopicFamilies, type TopicFamily } from '../../lib/core/topic-family.ts';
import { isDeepFrozen } from '../core/deep-frozen.ts';

const NOW = 1_700_000_000_000;
const Task = defineFormat('doc.task', z.object({ text: z.string() }), { version: 3 });
const Note = defineFormat('doc.note', z.string());
const { features } = new MemoryBackend();

function draftsOf(publisher: Partial<Publisher> = {}): Drafts {
  const families = new TopicFamilies([], true);
  return new Drafts({
    namespace: 'default',
    sender: { id: 'user:ada' },
    families,
    features,
    now: () => NOW,
    ...publisher,
  });
}
const family = (pattern: string, formats: TopicFamily['formats'] = []) => ({ pattern, formats, retentionDays: 30 });

function fieldsOf(call: () => unknown): readonly string[] {
  try {
    call();
  } catch (error) {
    if (error instanceof InvalidMessageError) return error.faults.map(({ field }) => field);
    throw error;
  }
  return [];
}

describe('a draft', () => {
  test('of topic and payload alone is a root at its defaults', () => {
    const { message, priority, payloadBytes } = draftsOf().create('doc.tasks', Task, { text: 'Hello' });

    expect(message).toStrictEqual({
      namespace: 'default',
      topics: ['doc.tasks'],
      sender: { id: 'user:ada' },
      format: 'doc.task',
      formatVersion: 3,
      encoding: 'json',
      payload: { text: 'Hello' },
      recipients: [],
      thread: [],
      steps: [],
      sessionState: {},
      enrichWithHistory: 0,
      hops: 0,
      headers: {},
    });
    expect(priority).toBe(Priority.NORMAL);
    expect(payloadBytes).toBeGreaterThan(0);
  });

  test('shares nothing with what the publisher still holds', () => {
    const payload = { text: 'Hello' };
    const topics: [string, ...string[]] = ['doc.a', 'doc.b'];
    const options = {
      recipients: ['grammar'],
      headers: { h: 'x' },
      sessionState: { deep: { er: 1 } },
      budget: { usd: 1 },
    };

    const draft = draftsOf().create(topics, Task, payload, options);
    const before = JSON.stringify(draft);
    payload.text = 'changed';
    topics.push('doc.c');
    options.recipients.push('other');
    options.headers.h = 'changed';
    options.sessionState.deep.er = 2;
    options.budget.usd = 2;

    expect(JSON.stringify(draft)).toBe(before);
    expect(
      Object.values(draft.message)
        .filter((value) => typeof value === 'object')
        .filter(isDeepFrozen),
    ).toHaveLength(Object.values(draft.message).filter((value) => typeof value === 'object').length - 1);
  });

  test('says when to deliver and when to expire from the clock, and nothing for a delay of 0', () => {
    const { message } = draftsOf().create('a', genericJson, 1, { delayMs: 500, ttlMs: 2_000 });
    const { message: plain } = draftsOf().create('a', genericJson, 1, { delayMs: 0, ttlMs: 0 });

    expect(message).toMatchObject({ deliverAt: NOW + 500, expiresAt: NOW + 2_000 });
    expect(plain).not.toHaveProperty('deliverAt');
    expect(plain.expiresAt).toBe(NOW);
  });

  test('has the priority of the options, the most urgent and the least too', () => {
    const priorities = [0, 9] as const;

    expect(priorities.map((priority) => draftsOf().create('a', genericJson, 1, { priority }).priority)).toEqual([0, 9]);
  });

  test('keeps a reason to itself if nothing is being handled', () => {
    const { message } = draftsOf().create('a', genericJson, 1, { reason: 'because' });

    expect(message.steps).toEqual([]);
    expect(message).not.toHaveProperty('reason');
  });
});

describe('topics', () => {
  test('are named once each, in their order', () => {
    expect(draftsOf().create(['b', 'a', 'b', 'a'], genericJson, 1).message.topics).toEqual(['b', 'a']);
  });

  test('may be a hundred, repetitions not counted', () => {
    const topics = Array.from({ length: 101 }, (_, index) => `t.${index}`);

    expect(fieldsOf(() => draftsOf().create([...topics.slice(1), 't.1'], genericJson, 1))).toEqual([]);
    expect(fieldsOf(() => draftsOf().create(topics, genericJson, 1))).toEqual(['topics']);
  });

  test.each([
    [[]],
    [undefined],
    [null],
    [5],
    [{ topic: 'a' }],
    [new Set(['a'])],
    [''],
    ['a b'],
    ['doc.*'],
    [[undefined]],
  ])('are refused as %j', (topics) => {
    expect(fieldsOf(() => draftsOf().create(topics as string, genericJson, 1))).toEqual(['topics']);
  });

  test.each(['$self.grammar', '$dead.grammar', '$reply.x', '$errors', '$topics'])(
    'of the platform are refused: %s',
    (topic) => {
      expect(() => draftsOf().create(topic, genericJson, 1)).toThrow('only the platform publishes there');
    },
  );

  test('may be the inbox of an agent, undeclared, for any publisher and any format', () => {
    const families = new TopicFamilies([family('**', [Task])], false);

    const { message } = draftsOf({ families, publishes: [] }).create('$inbox.grammar', Note, 'Hello');

    expect(message.topics).toEqual(['$inbox.grammar']);
  });

  test('in no family are refused, with the families there are, unless undeclared ones are allowed', () => {
    const create = (allowUndeclared: boolean) => () =>
      draftsOf({ families: new TopicFamilies([family('doc.*')], allowUndeclared) }).create('mail', genericJson, 1);

    expect(create(true)).not.toThrow();
    expect(create(false)).toThrow('got "mail", which is in no topic family of the guild (doc.*)');
  });

  test('that an agent does not declare are refused, with those that it does, also at the second time', () => {
    const drafts = draftsOf({ sender: { id: 'grammar' }, publishes: ['doc.suggestions.*', 'doc.done'] });
    const create = () => drafts.create('doc.tasks', genericJson, 1);

    expect(create).toThrow('agent "grammar" publishes doc.suggestions.*, doc.done');
    expect(create).toThrow(InvalidMessageError);
    expect(() => drafts.create(['doc.done', 'doc.suggestions.a'], genericJson, 1)).not.toThrow();
  });

  test('take only the formats that their family names, by name', () => {
    const drafts = draftsOf({ families: new TopicFamilies([family('doc.*', [Task, Note]), family('mail')], true) });

    expect(() => drafts.create('doc.a', Task, { text: 'Hello' })).not.toThrow();
    expect(() => drafts.create(['mail', 'other'], genericJson, 1)).not.toThrow();
    expect(() => drafts.create(['mail', 'doc.a'], genericJson, 1)).toThrow(
      'format: got "generic_json": "doc.a" takes doc.task, doc.note only',
    );
  });
});

describe('what is refused', () => {
  test('names the faults of topics, payload and options at once, and nothing is drafted', () => {
    const options = { priority: 11, colour: 'red' } as unknown as PublishOptions;

    const fields = fieldsOf(() => draftsOf().create(['a b', '$errors', 'fine'], Task, { text: 5 } as never, options));

    expect(fields).toEqual(['topics', 'topics', 'payload.text', 'priority', 'colour']);
  });

  test.each([[undefined], [null], [{}], ['doc.task']])('is what is no format: %o', (format) => {
    expect(() => draftsOf().create('a', format as never, 1)).toThrow('pass what defineFormat gave, or genericJson');
    expect(fieldsOf(() => draftsOf().create('a', format as never, 1))).toContain('format');
  });

  test('is a payload beyond the limit, with both numbers, or as one fault among others', () => {
    const drafts = draftsOf({ features: { ...features, maxPayloadBytes: 50_000 } });
    const large = 'x'.repeat(50_000);

    expect(() => drafts.create('a', genericJson, large)).toThrow(new PayloadTooLargeError(50_002, 50_000));
    expect(fieldsOf(() => drafts.create('a b', genericJson, large))).toEqual(['topics', 'payload']);
    expect(() => drafts.create('a', genericJson, large.slice(2))).not.toThrow();
  });

  test('is a delay beyond what the backend holds', () => {
    const drafts = draftsOf({ features: { ...features, maxDelayMs: 1_000 } });

    expect(() => drafts.create('a', genericJson, 1, { delayMs: 1_000 })).not.toThrow();
    expect(() => drafts.create('a', genericJson, 1, { delayMs: 1_001 })).toThrow(DelayTooLongError);
  });

  test('is an asynchronous schema', () => {
    const later = defineFormat(
      'doc.later',
      z.string().refine(async () => true),
    );

    expect(() => draftsOf().create('a', later, 'text')).toThrow(AsyncFormatError);
  });
});
