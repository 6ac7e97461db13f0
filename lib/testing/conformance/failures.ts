/** @module D6, D7, D15: what happens to a delivery whose handler fails, and to one that cannot be read. */
import { expect } from 'vitest';
import { DEAD_LETTER_FORMAT, type DeadLetter } from '../../core/dead-letter.ts';
import { genericJson } from '../../core/format.ts';
import { createGemstoneIdGenerator, timeOf } from '../../core/gemstone-id.ts';
import { PermanentError, RetryLater } from '../../core/handler-errors.ts';
import type { Message } from '../../core/message.ts';
import type { ContractGroup } from './contract-test.ts';
import { Recorder } from './stage.ts';

const letterOf = (message: Message | undefined) => message?.payload as unknown as DeadLetter;

export const failuresGroup: ContractGroup = {
  title: 'failures',
  define(contract) {
    contract('D6 a failed attempt is repeated within its backoff, and the message stays the same', async (stage) => {
      const times: number[] = [];
      const retry = { attempts: 4, baseMs: 2 * stage.unitMs, maxMs: 4 * stage.unitMs };
      const recorder = new Recorder('flaky', { subscribes: ['a'], retry }, (_, context) => {
        times.push(context.now());
        if (context.attempt < 4) throw new Error(`attempt ${context.attempt}`);
      });
      const running = await stage.start([recorder.agent]);

      const id = await running.publish('a', genericJson, 'x');
      await recorder.started(1);
      await stage.advance(2 + 4 + 4 + 3);
      await recorder.started(4);
      await stage.fence(running, recorder, 'a');

      expect(recorder.attempts.map(({ attempt, message }) => [attempt, message.id])).toEqual(
        [1, 2, 3, 4].map((n) => [n, id]),
      );
      expect(new Set(recorder.attempts.map(({ deliveryKey }) => deliveryKey)).size).toBe(1);
      expect((await running.read({ deadLettersOf: 'flaky' })).items).toEqual([]);
    });

    contract('D6 a waiting retry keeps no other message back', async (stage) => {
      const retry = { attempts: 2, baseMs: 1_000 * stage.unitMs, maxMs: 1_000 * stage.unitMs };
      const recorder = new Recorder('busy', { subscribes: ['a'], retry, concurrency: 1 }, (payload, { attempt }) => {
        if (payload === 'fails' && attempt === 1) throw new RetryLater(1_000 * stage.unitMs);
      });
      const running = await stage.start([recorder.agent]);

      await running.publish('a', genericJson, 'fails', { priority: 0 });
      await running.publish('a', genericJson, 'next');
      await recorder.started(2);

      expect(recorder.payloads).toEqual(['fails', 'next']);
    });

    contract(
      'D6 D7 RetryLater sets the delay, and counts; the dead letter tells the first and the last time',
      async (stage) => {
        const times: number[] = [];
        const recorder = new Recorder(
          'later',
          { subscribes: ['a'], retry: { attempts: 2, baseMs: 0, maxMs: 0 } },
          (_, context) => {
            times.push(context.now());
            throw new RetryLater(3 * stage.unitMs, 'not yet');
          },
        );
        const running = await stage.start([recorder.agent]);

        await running.publish('a', genericJson, 1);
        await recorder.started(1);
        await stage.advance(5);
        await recorder.started(2);
        await stage.fence(running, recorder, 'a');

        expect((times[1] as number) - (times[0] as number)).toBeGreaterThanOrEqual(3 * stage.unitMs);
        const { items } = await running.read({ deadLettersOf: 'later' });
        expect(items.map((item) => letterOf(item).errors.map(({ code }) => code))).toEqual([
          ['RETRY_LATER', 'RETRY_LATER'],
        ]);
        const { firstAttemptAt, lastAttemptAt } = letterOf(items[0]);
        expect(lastAttemptAt - firstAttemptAt).toBeGreaterThanOrEqual(3 * stage.unitMs);
      },
    );

    contract('D6 PermanentError skips the retries', async (stage) => {
      const recorder = new Recorder('strict', { subscribes: ['a'] }, () => {
        throw new PermanentError('no such document');
      });
      const running = await stage.start([recorder.agent]);

      await running.publish('a', genericJson, 1);
      await stage.fence(running, recorder, 'a');

      expect(recorder.attempts).toHaveLength(1);
      const { items } = await running.read({ deadLettersOf: 'strict' });
      expect(items.map((item) => letterOf(item).reason)).toEqual(['permanent']);
    });

    contract(
      'D6 a handler that is not done in time is a failed attempt, and what it does later has no effect',
      async (stage) => {
        const late: string[] = [];
        const options = {
          subscribes: ['a'],
          publishes: ['out'],
          timeoutMs: 2 * stage.unitMs,
          retry: { attempts: 1, baseMs: 0, maxMs: 0 },
        };
        const recorder = new Recorder('slow', options, async (_, context) => {
          context.publish('out', genericJson, 'too early');
          await context.sleep(10 * stage.unitMs).catch((error: Error) => late.push(error.name));
          try {
            context.publish('out', genericJson, 'too late');
          } catch (error) {
            late.push((error as Error).name);
          }
        });
        const running = await stage.start([recorder.agent]);

        await running.publish('a', genericJson, 1);
        await recorder.started(1);
        await stage.advance(4);
        await stage.fence(running, recorder, 'a');

        const { items } = await running.read({ deadLettersOf: 'slow' });
        expect(items.map((item) => letterOf(item).errors.map(({ code }) => code))).toEqual([['HANDLER_TIMEOUT']]);
        expect(late).toEqual(['HandlerTimeoutError', 'AttemptEndedError']);
        expect((await running.read({ topic: 'out' })).items).toEqual([]);
      },
    );

    contract('D7 after its last attempt a delivery is a dead letter that embeds everything', async (stage) => {
      const retry = { attempts: 3, baseMs: 0, maxMs: 0 };
      const recorder = new Recorder('doomed', { subscribes: ['a'], retry }, (_, { attempt }) => {
        const error = new TypeError(`attempt ${attempt} failed`);
        throw attempt === 2 ? 'not even an error' : error;
      });
      const watcher = new Recorder('watcher', { subscribes: ['$dead.*'] });
      const running = await stage.start([recorder.agent, watcher.agent]);

      const options = { headers: { h: '1' }, conversationId: 'c', priority: 2 } as const;
      const id = await running.publish('a', genericJson, { big: [1, 2, 3] }, options);
      await watcher.started(1);

      const [original] = await running.get([{ topic: 'a', id }]);
      const { items } = await running.read({ deadLettersOf: 'doomed' });
      const letter = letterOf(items[0]);
      expect(letter).toMatchObject({ agent: 'doomed', reason: 'failed', topic: 'a', id, epoch: 0, attempts: 3 });
      expect(letter.original).toEqual(original);
      expect(letter.errors.map(({ name, message }) => [name, message.slice(0, 18)])).toEqual([
        ['TypeError', 'attempt 1 failed'],
        [undefined, 'threw "not even an'],
        ['TypeError', 'attempt 3 failed'],
      ]);
      expect(letter.errors[0]?.stack).toContain('TypeError: attempt 1 failed');
      expect(letter.firstAttemptAt).toBeGreaterThanOrEqual(timeOf(id));
      expect(letter.lastAttemptAt).toBeGreaterThanOrEqual(letter.firstAttemptAt);
      expect(items[0]).toMatchObject({
        topic: '$dead.doomed',
        format: DEAD_LETTER_FORMAT,
        conversationId: 'c',
        thread: [`a/${id}`],
      });
      expect(watcher.messages).toEqual(items);
      expect((await running.read({ topic: '$dead.doomed' })).items).toEqual(items);
      expect((await running.stats()).find(({ agent }) => agent === 'doomed')).toMatchObject({ dead: 1, waiting: 0 });
    });

    contract(
      'D7 the failed consumer of a dead letter goes to $errors, and failures do not feed on each other',
      async (stage) => {
        const retry = { attempts: 1, baseMs: 0, maxMs: 0 };
        const fail = () => {
          throw new Error('as always');
        };
        const first = new Recorder('first', { subscribes: ['a'], retry }, fail);
        const second = new Recorder('second', { subscribes: ['$dead.*'], retry }, fail);
        const third = new Recorder('third', { subscribes: ['$errors'], retry }, fail);
        const running = await stage.start([first.agent, second.agent, third.agent]);

        await running.publish('a', genericJson, 1);
        await third.started(1);
        await stage.quiet();

        expect([first, second, third].map(({ attempts }) => attempts.length)).toEqual([1, 1, 1]);
        const errors = (await running.read({ topic: '$errors' })).items;
        expect(errors.map((item) => letterOf(item).agent)).toEqual(['second']);
        const last = (await running.read({ deadLettersOf: 'third' })).items;
        expect(last.map((item) => letterOf(item).topic)).toEqual(['$errors']);
      },
    );

    contract('D15 bytes that do not decode become a dead letter as they came, and block nothing', async (stage) => {
      const recorder = new Recorder('reader', { subscribes: ['a'], concurrency: 1 });
      const backend = await stage.open([recorder.agent]);
      const running = await stage.start([recorder.agent], { backend });
      const ids = createGemstoneIdGenerator(() => stage.harness.clock.now(), stage.harness.random);
      const key = { topic: 'a', id: ids.next(4) };
      const raw = new Uint8Array([0xff, 0x00, 0x7b]);

      await stage.harness.deliverRaw(backend, stage.namespace, key, raw);
      await running.publish('a', genericJson, 'next');
      await stage.fence(running, recorder, 'a');

      expect(recorder.payloads).toEqual(['next']);
      const { items } = await running.read({ deadLettersOf: 'reader' });
      expect(items.map(letterOf)).toMatchObject([
        { ...key, reason: 'undecodable', raw: Buffer.from(raw).toString('base64') },
      ]);
      expect(letterOf(items[0]).original).toBeUndefined();
    });

    contract('D15 a message without a handler is acknowledged and counted, and blocks nothing', async (stage) => {
      const recorder = new Recorder('picky', { subscribes: ['a'] });
      const other = { ...genericJson, name: 'something.else' };
      const handlers = recorder.agent.handlers.map((handler) => ({ ...handler, format: other }));
      const running = await stage.start([{ ...recorder.agent, handlers }]);

      await running.publish('a', genericJson, 'nobody takes it');
      await running.publish('a', other, 'taken');
      await recorder.started(1);
      await stage.quiet();

      expect(recorder.payloads).toEqual(['taken']);
      expect(await running.stats()).toMatchObject([
        { agent: 'picky', waiting: 0, dead: 0, dropped: { 'no-handler': 1 } },
      ]);
    });
  },
};
