/** @module D7: plans that hand what was said to an agent once more. */
import { expect } from 'vitest';
import { genericJson } from '../../core/format.ts';
import type { ContractGroup } from './contract-test.ts';
import { Recorder } from './stage.ts';

export const replaysGroup: ContractGroup = {
  title: 'replays',
  define(contract) {
    contract('D7 a replay hands a stretch of history to one agent, as a replay, in order', async (stage, { skip }) => {
      const replays: unknown[] = [];
      const wanted = new Recorder('wanted', { subscribes: ['a', 'b'] }, (payload, context) => {
        if (context.isReplay) replays.push([payload, context.attempt, context.deliveryKey]);
      });
      const other = new Recorder('other', { subscribes: ['a'] });
      const backend = await stage.open([wanted.agent, other.agent]);
      if (!backend.features.plans) skip('the backend has no plans');
      const running = await stage.start([wanted.agent, other.agent], { backend });
      const ids = [];
      for (const n of [1, 2, 3, 4]) ids.push(await running.publish('a', genericJson, n));
      await running.publish('b', genericJson, 'another topic');
      await wanted.started(5);
      await stage.quiet();

      const messages = { topic: 'a', since: ids[1] as never, until: ids[2] as never };
      const plan = await running.plan({ action: 'replay', agent: 'wanted', messages });
      await running.publish('a', genericJson, 'later');
      await running.runPlan(plan.id);
      await wanted.started(8);
      await stage.fence(running, other, 'a');

      expect(plan.total).toBe(2);
      expect(replays.map((each) => (each as unknown[]).slice(0, 2))).toEqual([
        [2, 1],
        [3, 1],
      ]);
      const first = wanted.attempts.map(({ deliveryKey }) => deliveryKey).slice(0, 4);
      expect(replays.filter((each) => first.includes((each as string[])[2] as string))).toEqual([]);
      expect(other.payloads).toEqual([1, 2, 3, 4, 'later']);
    });

    contract('D7 a replay of what has state commits once more, on an exactly-once agent', async (stage, { skip }) => {
      const agent = new Recorder(
        'once',
        { subscribes: ['a'], publishes: ['out'], guarantee: 'exactly-once' },
        (n, context) => context.publish('out', genericJson, n),
      );
      const sink = new Recorder('sink', { subscribes: ['out'] });
      const backend = await stage.open([agent.agent, sink.agent]);
      const { plans, guarantees } = backend.features;
      if (!plans || !guarantees.includes('exactly-once')) skip('the backend lacks what this needs');
      const running = await stage.start([agent.agent, sink.agent], { backend });
      await running.publish('a', genericJson, 1);
      await sink.started(1);

      const plan = await running.plan({ action: 'replay', agent: 'once', messages: { topic: 'a' } });
      await running.runPlan(plan.id);
      await sink.started(2);
      await stage.fence(running, sink, 'out');

      expect(sink.payloads).toEqual([1, 1]);
    });
  },
};
