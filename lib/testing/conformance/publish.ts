/** @module P: what a publisher is promised. */
import { expect } from 'vitest';
import {
  IdempotencyConflictError,
  InvalidArgumentError,
  InvalidMessageError,
  PayloadInvalidError,
  PayloadTooLargeError,
} from '../../core/errors.ts';
import { genericJson } from '../../core/format.ts';
import { priorityOf } from '../../core/gemstone-id.ts';
import type { Json } from '../../core/json.ts';
import { toReference } from '../../core/message.ts';
import type { ContractGroup } from './contract-test.ts';
import { Recorder } from './stage.ts';

export const publishGroup: ContractGroup = {
  title: 'publish',
  define(contract) {
    contract(
      'P1 a message is stored when publish resolves, and reaches every subscription that matches',
      async (stage) => {
        const [one, other] = [
          new Recorder('one', { subscribes: ['a.*'] }),
          new Recorder('other', { subscribes: ['a.b'] }),
        ];
        const running = await stage.start([one.agent, other.agent]);

        const id = await running.publish('a.b', genericJson, { text: 'hello' }, { priority: 2 });
        const stored = await running.get([{ topic: 'a.b', id }]);

        expect(stored.map(({ payload }) => payload)).toEqual([{ text: 'hello' }]);
        expect(priorityOf(id)).toBe(2);
        await Promise.all([one.started(1), other.started(1)]);
        expect(one.messages[0]).toEqual(stored[0]);
        expect(other.messages[0]).toEqual(stored[0]);
      },
    );

    contract('P1 a message is delivered and read as it was published, field by field', async (stage) => {
      const recorder = new Recorder('one', { subscribes: ['a'] });
      const running = await stage.start([recorder.agent]);
      const origin = await running.publish('origin', genericJson, null);
      const payload = {
        empty: [{}, [], '', null],
        text: 'ü 🎉 "\\\n',
        numbers: [0, -1.5, 1e21, 2 ** 53],
        nested: [[[]]],
      };
      const deadlineAt = stage.harness.clock.now() + 1_000 * stage.unitMs;
      const given = {
        key: 'k',
        recipients: ['one', 'other'],
        headers: { h: '1', ü: '' },
        idempotencyKey: 'i',
        conversationId: 'c',
        correlationId: 'x',
        replyTo: 'answers',
        inReplyTo: toReference({ topic: 'origin', id: origin }),
        enrichWithHistory: 2,
        sessionState: { list: [], deep: { n: 1 } },
        deadlineAt,
        budget: { usd: 0.5, tokens: 10 },
        status: 'running',
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
        tracestate: 'vendor=1',
      } as const;

      const note = { ...genericJson, name: 'note', version: 3 };
      const id = await running.publish('a', note, payload, { ...given, ttlMs: 1_000 * stage.unitMs });
      await recorder.started(1);

      const about = { namespace: stage.namespace, topic: 'a', id, topics: ['a'], sender: { id: 'user:local' } };
      const message = { ...about, ...given, payload, format: 'note', formatVersion: 3, encoding: 'json', hops: 0 };
      expect(recorder.messages[0]).toEqual({ ...message, thread: [], steps: [], expiresAt: expect.any(Number) });
      expect(await running.get([{ topic: 'a', id }])).toEqual(recorder.messages);
    });

    contract('P1 a message reaches a subscription that no agent was serving when it was published', async (stage) => {
      const recorder = new Recorder('late', { subscribes: ['a'] });
      const backend = await stage.open([recorder.agent]);
      const first = await stage.start([recorder.agent], { backend });
      await first.drain();

      await first.publish('a', genericJson, 1);
      await stage.start([recorder.agent], { backend });

      await recorder.started(1);
      expect(recorder.payloads).toEqual([1]);
    });

    contract(
      'P1 a topic that is used for the first time is announced, once, and a reserved one is not',
      async (stage) => {
        const watcher = new Recorder('watcher', { subscribes: ['$topics', 'a'], concurrency: 1 });
        const running = await stage.start([watcher.agent]);

        for (const topic of ['a.x', '$inbox.nobody', 'b', 'a.x', 'a'])
          await running.publish(topic, genericJson, 'said');
        await stage.fence(running, watcher, 'a');

        const announced = ['a.x', 'b', 'a'].map((topic) => ({ topic }));
        expect(watcher.payloads.filter((payload) => payload !== 'said')).toEqual(announced);
        const { items } = await running.read({ topic: '$topics' });
        expect(items.map(({ payload, sender }) => [payload, sender])).toEqual(
          announced.map((payload) => [payload, { id: 'platform:topics' }]),
        );
      },
    );

    contract('P2 the same idempotency key stores and delivers nothing new and returns the first id', async (stage) => {
      const recorder = new Recorder('one', { subscribes: ['a'] });
      const running = await stage.start([recorder.agent]);

      const first = await running.publish('a', genericJson, { n: 1, m: [2] }, { idempotencyKey: 'k' });
      const again = await running.publish('a', genericJson, { m: [2], n: 1 }, { idempotencyKey: 'k' });
      const other = await running.publish('a', genericJson, { n: 1 }, { idempotencyKey: 'other' });

      expect(again).toBe(first);
      expect(other).not.toBe(first);
      await stage.fence(running, recorder, 'a');
      expect(recorder.messages.map(({ id }) => id)).toEqual([first, other]);
    });

    contract('P2 fails when the same key comes with another payload', async (stage) => {
      const recorder = new Recorder('one', { subscribes: ['a'] });
      const running = await stage.start([recorder.agent]);
      await running.publish('a', genericJson, 1, { idempotencyKey: 'k' });

      const second = running.publish('a', genericJson, 2, { idempotencyKey: 'k' });

      await expect(second).rejects.toBeInstanceOf(IdempotencyConflictError);
      await stage.fence(running, recorder, 'a');
      expect(recorder.payloads).toEqual([1]);
    });

    contract('P2 two publishers that race under one key store one message', async (stage) => {
      const recorder = new Recorder('one', { subscribes: ['a'] });
      const running = await stage.start([recorder.agent]);

      const ids = await Promise.all(
        Array.from({ length: 10 }, () => running.publish('a', genericJson, 1, { idempotencyKey: 'k' })),
      );

      expect(new Set(ids).size).toBe(1);
      await stage.fence(running, recorder, 'a');
      expect(recorder.payloads).toEqual([1]);
    });

    contract(
      'P3 a message for several topics has one id, lies under each, and comes once per topic that matches',
      async (stage) => {
        const both = new Recorder('both', { subscribes: ['a', 'b'] });
        const one = new Recorder('one', { subscribes: ['b', '*'], concurrency: 1 });
        const running = await stage.start([both.agent, one.agent]);

        const id = await running.publish(['a', 'b', 'a'] as never, genericJson, 'x');
        await both.started(2);
        await one.started(2);

        const stored = await running.get([
          { topic: 'a', id },
          { topic: 'b', id },
        ]);
        expect(stored.map(({ topic, topics, id: each }) => ({ topic, topics, each }))).toEqual([
          { topic: 'a', topics: ['a', 'b'], each: id },
          { topic: 'b', topics: ['a', 'b'], each: id },
        ]);
        await stage.fence(running, both, 'a');
        await stage.fence(running, one, 'a');
        expect(both.messages.map(({ topic }) => topic).toSorted()).toEqual(['a', 'b']);
        expect(one.messages.map(({ topic }) => topic).toSorted()).toEqual(['a', 'b']);
      },
    );

    contract('P3 a message with one topic that is refused is stored under none', async (stage) => {
      const recorder = new Recorder('one', { subscribes: ['a'] });
      const running = await stage.start([recorder.agent]);

      const refused = running.publish(['a', 'other:b'], genericJson, 1);

      await expect(refused).rejects.toBeInstanceOf(InvalidMessageError);
      await stage.fence(running, recorder, 'a');
      expect(recorder.payloads).toEqual([]);
      expect((await running.read({ topic: 'a' })).items.map(({ payload }) => payload)).toEqual([null]);
    });

    contract(
      'P4 a batch gives an outcome for each entry, in order, and a bad entry keeps no other back',
      async (stage) => {
        const recorder = new Recorder('one', { subscribes: ['a'], concurrency: 1 });
        const running = await stage.start([recorder.agent]);
        await running.publish('a', genericJson, 'first', { idempotencyKey: 'k' });

        const entry = (payload: Json, options = {}) => ({
          topics: 'a',
          format: genericJson,
          payload: payload as never,
          options,
        });
        const outcomes = await running.publishMany([
          entry(1),
          entry(2, { priority: 11 }),
          entry('changed', { idempotencyKey: 'k' }),
          entry('first', { idempotencyKey: 'k' }),
          entry(3),
        ]);

        expect(outcomes.map((outcome) => (outcome.ok ? outcome.duplicate : outcome.error.code))).toEqual([
          false,
          'INVALID_MESSAGE',
          'IDEMPOTENCY_CONFLICT',
          true,
          false,
        ]);
        await stage.fence(running, recorder, 'a');
        expect(recorder.payloads).toEqual(['first', 1, 3]);
      },
    );

    contract('P4 a malformed batch is refused whole', async (stage) => {
      const recorder = new Recorder('one', { subscribes: ['a'] });
      const running = await stage.start([recorder.agent]);
      const tooMany = Array.from({ length: 101 }, () => ({ topics: 'a', format: genericJson, payload: 1 as never }));

      await expect(running.publishMany(tooMany)).rejects.toBeInstanceOf(InvalidArgumentError);
      await expect(running.publishMany({ length: 1 } as never)).rejects.toBeInstanceOf(InvalidArgumentError);
      const nothing = await running.publishMany([]);

      expect(nothing).toEqual([]);
      await stage.fence(running, recorder, 'a');
      expect(recorder.payloads).toEqual([]);
    });

    contract('P5 invalid input is refused with every fault, and nothing is stored', async (stage) => {
      const recorder = new Recorder('one', { subscribes: ['a'] });
      const running = await stage.start([recorder.agent]);
      const options = { priority: 10, ttlMs: -1, colour: 'red' };

      const refused = running.publish(['bad topic', '$dead.one'], genericJson, new Date(0) as never, options as never);

      const error = await refused.catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(InvalidMessageError);
      const { faults } = error as InvalidMessageError;
      expect(faults.map(({ field }) => field).toSorted()).toEqual(
        ['colour', 'payload', 'priority', 'topics', 'topics', 'ttlMs'].toSorted(),
      );
      await stage.fence(running, recorder, 'a');
      expect(recorder.payloads).toEqual([]);
      expect((await running.topics()).map(({ topic }) => topic)).toEqual(['a']);
    });

    contract(
      'P5 a payload beyond the limit is refused with both numbers, one below it arrives whole',
      async (stage) => {
        const recorder = new Recorder('one', { subscribes: ['a'] });
        const running = await stage.start([recorder.agent]);
        const limit = (await stage.open([])).features.maxPayloadBytes;
        const largest = 'x'.repeat(limit - 2);

        const refused = await running.publish('a', genericJson, `${largest}x`).catch((error: unknown) => error);
        await running.publish('a', genericJson, largest);
        await recorder.started(1);

        expect(refused).toBeInstanceOf(PayloadTooLargeError);
        expect(refused).toMatchObject({ bytes: limit + 1, maxBytes: limit });
        expect(recorder.payloads[0] === largest).toBe(true);
      },
    );

    contract('P5 a payload above the inline limit is set aside and comes back with its digest', async (stage) => {
      const recorder = new Recorder('one', { subscribes: ['a'] });
      const running = await stage.start([recorder.agent]);
      const payload = { text: 'ü'.repeat(300_000) };

      const id = await running.publish('a', genericJson, payload);
      await recorder.started(1);

      const [stored] = await running.get([{ topic: 'a', id }]);
      expect(stored?.attachment).toMatchObject({ bytes: 600_011, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
      expect(recorder.messages[0]?.payload).toEqual(payload);
      expect(stored?.payload).toEqual(payload);
    });

    contract('P5 what was published cannot be changed afterwards by anybody', async (stage) => {
      const recorder = new Recorder('one', { subscribes: ['a'] });
      const running = await stage.start([recorder.agent]);
      const payload = { list: [{ n: 1 }] };

      await running.publish('a', genericJson, payload);
      payload.list.push({ n: 2 });
      await recorder.started(1);

      const received = recorder.messages[0]?.payload as unknown as typeof payload;
      expect(received).toEqual({ list: [{ n: 1 }] });
      expect(() => received.list.push({ n: 3 })).toThrow(TypeError);
      expect(() => genericJson.encode(undefined as never)).toThrow(PayloadInvalidError);
    });
  },
};
