/** @module D9: what a handler publishes, and when that is stored. */
import { expect } from 'vitest';
import type { DeadLetter } from '../../core/dead-letter.ts';
import { type InvalidMessageError, NoReplyAddressError, TooManyOutputsError } from '../../core/errors.ts';
import { genericJson } from '../../core/format.ts';
import { FAILURE_FORMAT } from '../../guild/attempt.ts';
import type { ContractGroup } from './contract-test.ts';
import { Recorder } from './stage.ts';

const retry = { attempts: 3, baseMs: 0, maxMs: 0 };

export const outputsGroup: ContractGroup = {
  title: 'outputs',
  define(contract) {
    contract(
      'D9 outputs are stored when the attempt commits, each with a fresh id, in the order of the calls',
      async (stage) => {
        const inside: number[] = [];
        const worker = new Recorder('worker', { subscribes: ['a'], publishes: ['out.*'] }, async (_, context) => {
          context.publish('out.x', genericJson, 1);
          context.publish(['out.x', 'out.y'], genericJson, 2);
          inside.push((await context.read({ pattern: 'out.*' })).items.length);
        });
        const sink = new Recorder('sink', { subscribes: ['out.*'], concurrency: 1 });
        const running = await stage.start([worker.agent, sink.agent]);

        const id = await running.publish('a', genericJson, 'go', {
          conversationId: 'c',
          priority: 1,
          sessionState: { a: 1 },
        });
        await sink.started(3);

        expect(inside).toEqual([0]);
        expect(sink.messages.map(({ topic, payload }) => [topic, payload])).toEqual([
          ['out.x', 1],
          ['out.x', 2],
          ['out.y', 2],
        ]);
        expect(new Set(sink.messages.map((message) => message.id)).size).toBe(2);
        for (const message of sink.messages) {
          expect(message).toMatchObject({
            sender: { id: 'worker' },
            hops: 1,
            conversationId: 'c',
            thread: [`a/${id}`],
            sessionState: { a: 1 },
          });
          expect(message.id.at(-1)).toBe('1');
          expect(message.id > id).toBe(true);
        }
      },
    );

    contract('D9 the outputs of an attempt that threw are never published', async (stage) => {
      const worker = new Recorder('worker', { subscribes: ['a'], publishes: ['out'], retry }, (_, context) => {
        context.publish('out', genericJson, context.attempt);
        if (context.attempt < 3) throw new Error('again');
      });
      const sink = new Recorder('sink', { subscribes: ['out'] });
      const running = await stage.start([worker.agent, sink.agent]);

      await running.publish('a', genericJson, 1);
      await worker.started(3);
      await stage.fence(running, sink, 'out');

      expect(sink.payloads).toEqual([3]);
    });

    contract(
      'D9 an output is checked when it is published: payload, options, and that its topic is declared',
      async (stage) => {
        const errors: unknown[] = [];
        const worker = new Recorder('worker', { subscribes: ['a'], publishes: ['out'] }, (_, context) => {
          const attempts = [
            () => context.publish('elsewhere', genericJson, 1),
            () => context.publish('out', genericJson, Number.NaN),
            () => context.publish('out', genericJson, 1, { priority: -1 as never }),
            () => context.later(-5, genericJson, 1),
          ];
          for (const attempt of attempts) {
            try {
              attempt();
            } catch (error) {
              errors.push(error);
            }
          }
        });
        const running = await stage.start([worker.agent]);

        await running.publish('a', genericJson, 1);
        await stage.fence(running, worker, 'a');

        expect(errors.map((error) => (error as { code: string }).code)).toEqual([
          'INVALID_MESSAGE',
          'INVALID_MESSAGE',
          'INVALID_MESSAGE',
          'INVALID_MESSAGE',
        ]);
        expect((errors[0] as InvalidMessageError).message).toContain(
          'agent "worker" publishes out; add it to `publishes`',
        );
        expect((await running.topics()).map(({ topic }) => topic)).toEqual(['a']);
      },
    );

    contract(
      'D9 publishNow is stored at once, is not undone, and the next attempt finds the same message',
      async (stage) => {
        const ids: string[] = [];
        const worker = new Recorder('worker', { subscribes: ['a'], publishes: ['out'], retry }, async (_, context) => {
          ids.push(await context.publishNow('out', genericJson, `first of attempt ${context.attempt}`));
          ids.push(await context.publishNow('out', genericJson, 'second'));
          if (context.attempt < 2) throw new Error('again');
        });
        const sink = new Recorder('sink', { subscribes: ['out'], concurrency: 1 });
        const running = await stage.start([worker.agent, sink.agent]);

        await running.publish('a', genericJson, 1);
        await worker.started(2);
        await stage.fence(running, sink, 'out');

        expect(ids.slice(2)).toEqual(ids.slice(0, 2));
        expect(sink.payloads).toEqual(['first of attempt 1', 'second']);
        await running.publish('a', genericJson, 2);
        await worker.started(4);
        await stage.fence(running, sink, 'out');
        expect(sink.attempts).toHaveLength(4);
      },
    );
    contract('D9 reply goes to replyTo, else to the inbox of an agent that sent, else it is refused', async (stage) => {
      const refused: unknown[] = [];
      const answerer = new Recorder('answerer', { subscribes: ['ask'] }, (payload, context) => {
        try {
          context.reply(genericJson, { answer: payload });
        } catch (error) {
          refused.push(error);
        }
      });
      const asker = new Recorder('asker', { subscribes: ['start'], publishes: ['ask'] }, (payload, context) => {
        if (context.message.topic === 'start') context.publish('ask', genericJson, payload, { correlationId: 'x1' });
      });
      const listener = new Recorder('listener', { subscribes: ['answers'] });
      const running = await stage.start([answerer.agent, asker.agent, listener.agent]);

      await running.publish('start', genericJson, 'by agent');
      await running.publish('ask', genericJson, 'by address', { replyTo: 'answers' });
      await running.publish('ask', genericJson, 'by nobody');
      await Promise.all([asker.started(2), listener.started(1), answerer.started(3)]);
      await stage.quiet();

      expect(asker.messages[1]).toMatchObject({
        topic: '$inbox.asker',
        payload: { answer: 'by agent' },
        correlationId: 'x1',
      });
      expect(asker.messages[1]?.inReplyTo).toBe(
        `ask/${answerer.messages.find(({ payload }) => payload === 'by agent')?.id}`,
      );
      expect(listener.payloads).toEqual([{ answer: 'by address' }]);
      expect(refused).toEqual([expect.any(NoReplyAddressError)]);
    });

    contract('D9 an answer cannot be asked for where only the platform writes', async (stage) => {
      const victim = new Recorder('victim', { subscribes: ['a'] });
      const answerer = new Recorder('answerer', { subscribes: ['ask'] }, (_, context) =>
        context.reply(genericJson, 'forged'),
      );
      const running = await stage.start([victim.agent, answerer.agent]);

      for (const replyTo of ['$self.victim', '$dead.victim', '$errors', '$topics', 'not a topic']) {
        await expect(running.publish('ask', genericJson, 1, { replyTo })).rejects.toMatchObject({
          code: 'INVALID_MESSAGE',
        });
      }
      await stage.fence(running, victim, 'a');

      expect([victim.attempts, answerer.attempts]).toEqual([[], []]);
    });

    contract(
      'D9 outputs keep their idempotency key: published before they are stored once, and a conflict fails the attempt',
      async (stage) => {
        const worker = new Recorder(
          'worker',
          { subscribes: ['a'], publishes: ['out'], retry: { attempts: 1 } },
          (payload, context) => {
            for (const value of payload as unknown[])
              context.publish('out', genericJson, value as never, { idempotencyKey: 'k' });
          },
        );
        const sink = new Recorder('sink', { subscribes: ['out'] });
        const running = await stage.start([worker.agent, sink.agent]);

        await running.publish('a', genericJson, ['x', 'x']);
        await running.publish('a', genericJson, ['x']);
        await running.publish('a', genericJson, ['y']);
        await stage.fence(running, worker, 'a');
        await stage.fence(running, sink, 'out');

        expect(sink.payloads).toEqual(['x']);
        const { items } = await running.read({ deadLettersOf: 'worker' });
        expect(items.map(({ payload }) => (payload as unknown as DeadLetter).errors[0]?.code)).toEqual([
          'IDEMPOTENCY_CONFLICT',
        ]);
      },
    );

    contract('D9 fail answers with status error, and the attempt completes', async (stage) => {
      const answerer = new Recorder('answerer', { subscribes: ['ask'] }, (_, context) =>
        context.fail('NO_SUCH_DOCUMENT', 'gone'),
      );
      const listener = new Recorder('listener', { subscribes: ['answers'] });
      const running = await stage.start([answerer.agent, listener.agent]);

      await running.publish('ask', genericJson, 1, { replyTo: 'answers' });
      await listener.started(1);
      await stage.fence(running, answerer, 'ask');

      const expected = {
        status: 'error',
        format: FAILURE_FORMAT,
        payload: { code: 'NO_SUCH_DOCUMENT', message: 'gone' },
      };
      expect(listener.messages[0]).toMatchObject(expected);
      expect(answerer.attempts).toHaveLength(1);
    });

    contract('D9 forward sends the message on as it is, and says where it came from', async (stage) => {
      const desk = new Recorder('desk', { subscribes: ['a'], publishes: ['b'] }, (_, context) =>
        context.forward('b', { reason: 'not mine' }),
      );
      const next = new Recorder('next', { subscribes: ['b'], publishes: ['c'] }, (_, context) => context.forward('c'));
      const last = new Recorder('last', { subscribes: ['c'] });
      const running = await stage.start([desk.agent, next.agent, last.agent]);

      const options = { headers: { h: '1' }, replyTo: 'answers', correlationId: 'x', recipients: ['desk'] };
      const id = await running.publish('a', genericJson, { text: 'x' }, options);
      await last.started(1);

      const [message] = last.messages;
      expect(message).toMatchObject({
        payload: { text: 'x' },
        headers: { h: '1' },
        replyTo: 'answers',
        correlationId: 'x',
        hops: 2,
      });
      expect(message?.forwardHeader).toEqual({ origin: `a/${id}`, onBehalfOf: { id: 'user:local' } });
      expect(message?.recipients).toEqual([]);
      expect(message?.steps.map(({ agent, topics, reason }) => [agent, topics, reason])).toEqual([
        ['desk', ['b'], 'not mine'],
        ['next', ['c'], undefined],
      ]);
    });

    contract('D9 as many outputs as the backend commits at once are all stored', async (stage) => {
      const worker = new Recorder('worker', { subscribes: ['a'], publishes: ['out'] }, (count, context) => {
        for (let n = 0; n < Number(count); n++) context.publish('out', genericJson, n);
      });
      const backend = await stage.open([worker.agent]);
      const running = await stage.start([worker.agent], { backend });
      const count = Math.min(backend.features.maxOutputs, 2_000);

      await running.publish('a', genericJson, count);
      await stage.fence(running, worker, 'a');

      expect((await running.read({ deadLettersOf: 'worker' })).items).toEqual([]);
      const [last] = (await running.read({ topic: 'out', order: 'desc', limit: 1 })).items;
      expect(last?.payload).toBe(count - 1);
    });

    contract('D9 more outputs than the backend commits at once are refused, and none is stored', async (stage) => {
      const errors: unknown[] = [];
      const worker = new Recorder(
        'worker',
        { subscribes: ['a'], publishes: ['out'], retry: { attempts: 1 } },
        (_, context) => {
          for (let n = 0; n < 10_000; n++) {
            try {
              context.publish('out', genericJson, n);
            } catch (error) {
              errors.push(error);
              throw error;
            }
          }
        },
      );
      const running = await stage.start([worker.agent]);

      await running.publish('a', genericJson, 1);
      await stage.fence(running, worker, 'a');

      expect(errors).toEqual([expect.any(TooManyOutputsError)]);
      expect((await running.read({ topic: 'out' })).items).toEqual([]);
      expect((await running.read({ deadLettersOf: 'worker' })).items).toHaveLength(1);
    });
  },
};
