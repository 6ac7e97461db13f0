/** @module H5: the history that a message brings along. */
import { expect } from 'vitest';
import { genericJson } from '../../core/format.ts';
import type { ContractGroup } from './contract-test.ts';
import { Recorder } from './stage.ts';

export const enrichmentGroup: ContractGroup = {
  title: 'enrichment',
  define(contract) {
    contract('H5 enrichment delivers the last origins, oldest first, and is not copied downstream', async (stage) => {
      const history: unknown[] = [];
      const asked = new Recorder('asked', { subscribes: ['c'], publishes: ['d'], concurrency: 1 }, (_, context) => {
        history.push(context.history.map(({ payload }) => payload));
        context.publish('d', genericJson, 'after');
      });
      const after = new Recorder(
        'after',
        { subscribes: ['d'] },
        (_, context) => void history.push(context.history.length),
      );
      const first = new Recorder('first', { subscribes: ['a'], publishes: ['b'] }, (_, context) =>
        context.publish('b', genericJson, 'answer'),
      );
      const second = new Recorder('second', { subscribes: ['b'], publishes: ['c'] }, (payload, context) => {
        context.publish('c', genericJson, payload, { enrichWithHistory: 1 });
        context.publish('c', genericJson, payload, { enrichWithHistory: 9 });
      });
      const running = await stage.start([asked.agent, after.agent, first.agent, second.agent]);

      await running.publish('a', genericJson, 'root');
      await after.started(2);

      expect(history.filter(Array.isArray)).toEqual([['answer'], ['root', 'answer']]);
      expect(history.filter((entry) => typeof entry === 'number')).toEqual([0, 0]);
      expect(after.messages[0]).toMatchObject({ enrichWithHistory: 0, sessionState: {} });
    });

    contract('H5 an origin that is missing is left out, and the message is delivered all the same', async (stage) => {
      const history: unknown[] = [];
      const middle = new Recorder(
        'middle',
        { subscribes: ['a', 'b'], publishes: ['b', 'c'] },
        async (payload, context) => {
          await context.sleep(8 * stage.unitMs);
          context.publish('c', genericJson, payload, { enrichWithHistory: 5 });
        },
      );
      const last = new Recorder(
        'last',
        { subscribes: ['c'] },
        (_, context) => void history.push(context.history.length),
      );
      const running = await stage.start([middle.agent, last.agent]);

      await running.publish('a', genericJson, 'short-lived', { ttlMs: 5 * stage.unitMs });
      await middle.started(1);
      await stage.advance(9);
      await last.started(1);

      expect(history).toEqual([0]);
    });

    contract('H5 enrichment has at most 256 KB, the newest kept', async (stage) => {
      const history: unknown[] = [];
      const big = 'x'.repeat(100 * 1024);
      const relay = (name: string, from: string, to: string) =>
        new Recorder(name, { subscribes: [from], publishes: [to] }, (payload, context) => {
          context.publish(
            to,
            genericJson,
            [Number((payload as number[])[0]) + 1, big],
            to === 'e' ? { enrichWithHistory: 9 } : {},
          );
        });
      const chain = [relay('one', 'a', 'b'), relay('two', 'b', 'c'), relay('three', 'c', 'd'), relay('four', 'd', 'e')];
      const last = new Recorder('last', { subscribes: ['e'] }, (_, context) => {
        for (const { payload } of context.history) history.push((payload as unknown[])[0]);
      });
      const running = await stage.start([...chain, last].map(({ agent }) => agent));

      await running.publish('a', genericJson, [0, big]);
      await last.started(1);

      expect(history).toEqual([2, 3]);
    });
  },
};
