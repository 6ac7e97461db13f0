/** @module G: what keeps a guild from running away, and what tells how far it is. */
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

    contract.todo('G2 deadline and budget are shared by all that descends from a root');
    contract.todo('G3 settled resolves once nothing that descends from the root is waiting, running, delayed or due');
    contract.todo('G4 explain says what became of a message for each agent');
  },
};
