/** @module G1, G2: what keeps a guild from running away. */
import { expect } from 'vitest';
import type { DeadLetter } from '../../core/dead-letter.ts';
import { genericJson } from '../../core/format.ts';
import type { ContractGroup } from './contract-test.ts';
import { Recorder } from './stage.ts';

export const guardGroup: ContractGroup = {
  title: 'guard',
  define(contract) {
    contract('G1 two agents that answer each other handle exactly 33 messages of one root', async (stage) => {
      const ping = new Recorder('ping', { subscribes: ['ping'], publishes: ['pong'] }, (_, context) =>
        context.publish('pong', genericJson, 1),
      );
      const pong = new Recorder('pong', { subscribes: ['pong'], publishes: ['ping'] }, (_, context) =>
        context.publish('ping', genericJson, 1),
      );
      const watcher = new Recorder('watcher', { subscribes: ['$dead.*'] });
      const running = await stage.start([ping.agent, pong.agent, watcher.agent]);

      await running.publish('ping', genericJson, 1);
      await watcher.started(1);
      await stage.quiet();

      expect(ping.attempts.length + pong.attempts.length).toBe(33);
      const letter = watcher.payloads[0] as unknown as DeadLetter;
      expect(letter).toMatchObject({ agent: 'pong', reason: 'hops', errors: [{ code: 'HOP_LIMIT' }] });
    });

    contract('G1 a watcher that answers dead letters does not keep a circle going', async (stage) => {
      const loop = new Recorder('loop', { subscribes: ['a', 'b'], publishes: ['a', 'b'] }, (_, context) => {
        throw new Error(`always, at hop ${context.message.hops}`);
      });
      const agent = { ...loop.agent, retry: { attempts: 1, baseMs: 0, maxMs: 0 } };
      const reviver = new Recorder('reviver', { subscribes: ['$dead.loop'], publishes: ['a'] }, (_, context) => {
        context.publish('a', genericJson, 'again');
      });
      const running = await stage.start([agent, reviver.agent], { maxHops: 6 });

      await running.publish('a', genericJson, 1);
      await stage.quiet();

      expect(loop.attempts.length).toBe(4);
      expect((await running.read({ deadLettersOf: 'loop' })).items.length).toBe(5);
    });

    contract("G2 past the root's deadline nothing that descends from it is started", async (stage) => {
      const slow = new Recorder('slow', { subscribes: ['a'], publishes: ['b'] }, async (payload, context) => {
        context.publish('b', genericJson, payload, { deadlineAt: context.now() + 1_000 * stage.unitMs });
        await context.sleep(5 * stage.unitMs);
      });
      const next = new Recorder('next', { subscribes: ['b'] });
      const running = await stage.start([slow.agent, next.agent]);
      const deadlineAt = stage.harness.clock.now() + 3 * stage.unitMs;

      await running.publish('a', genericJson, 'has a deadline', { deadlineAt });
      await running.publish('a', genericJson, 'has none');
      await slow.started(2);
      await stage.advance(7);
      await next.started(1);
      await stage.fence(running, next, 'b');

      expect(next.payloads).toEqual(['has none']);
      const { items } = await running.read({ deadLettersOf: 'next' });
      expect(items.map(({ payload }) => payload as unknown as DeadLetter)).toMatchObject([
        { reason: 'deadline', attempts: 0, errors: [{ code: 'DEADLINE_EXCEEDED' }] },
      ]);
    });

    contract('G2 all that descends from a root shares its budget, failed attempts included', async (stage) => {
      const retry = { attempts: 2, baseMs: 0, maxMs: 0 };
      const fan = new Recorder('fan', { subscribes: ['a'], publishes: ['b'], retry }, (_, context) => {
        context.spend({ usd: 1 });
        if (context.attempt === 1) throw new Error('spent for nothing');
        for (let n = 0; n < 6; n++) context.publish('b', genericJson, n, { budget: { usd: 100 } });
      });
      const worker = new Recorder('worker', { subscribes: ['b'], concurrency: 1 }, (_, context) =>
        context.spend({ usd: 1, tokens: 10 }),
      );
      const running = await stage.start([fan.agent, worker.agent]);

      await running.publish('a', genericJson, 1, { budget: { usd: 5 } });
      await worker.started(3);
      await stage.fence(running, worker, 'b');

      expect(worker.attempts).toHaveLength(3);
      const { items } = await running.read({ deadLettersOf: 'worker' });
      expect(items.map(({ payload }) => (payload as unknown as DeadLetter).reason)).toEqual([
        'budget',
        'budget',
        'budget',
      ]);
      const tokens = await running.publish('b', genericJson, 'another root', { budget: { tokens: 10 } });
      await worker.started(4);
      expect(worker.messages[3]?.id).toBe(tokens);
    });
  },
};
