/** @module D17, D18: pausing, draining, unsubscribing, closing. */
import { expect } from 'vitest';
import { genericJson } from '../../core/format.ts';
import type { ContractGroup } from './contract-test.ts';
import { freshNamespace, Recorder } from './stage.ts';

export const lifecycleGroup: ContractGroup = {
  title: 'life cycle',
  define(contract) {
    contract('D17 while an agent is paused nothing is handed out, and everything is kept', async (stage, { skip }) => {
      const [paused, other] = [
        new Recorder('paused', { subscribes: ['a'] }),
        new Recorder('other', { subscribes: ['a'] }),
      ];
      const backend = await stage.open([paused.agent, other.agent]);
      if (!backend.features.pausing) skip('the backend cannot pause');
      const running = await stage.start([paused.agent, other.agent], { backend });
      const settle = () => stage.advance(Math.ceil(backend.features.pauseDelayMs / stage.unitMs));

      await running.pause('paused');
      await settle();
      for (const n of [1, 2, 3]) await running.publish('a', genericJson, n);
      await stage.fence(running, other, 'a');

      expect(paused.payloads).toEqual([]);
      const stats = await running.stats();
      expect(stats.find(({ agent }) => agent === 'paused')).toMatchObject({ paused: true, waiting: 4 });
      await running.resume('paused');
      await settle();
      await paused.started(3);
      expect(paused.payloads).toEqual([1, 2, 3]);
      expect((await running.stats()).map((each) => each.paused)).toEqual([false, false]);
    });

    contract('D17 pausing an agent that has no subscription is an error, no silence', async (stage, { skip }) => {
      const { agent } = new Recorder('one', { subscribes: ['a'] });
      const backend = await stage.open([agent]);
      if (!backend.features.pausing) skip('the backend cannot pause');
      const running = await stage.start([agent], { backend });

      await expect(running.pause('another')).rejects.toMatchObject({ code: 'NOT_FOUND' });
      await expect(running.resume('another')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    });

    contract('D17 a backend that cannot pause says so', async (stage, { skip }) => {
      const { agent } = new Recorder('one', { subscribes: ['a'] });
      const backend = await stage.open([agent]);
      if (backend.features.pausing) skip('the backend can pause');
      const running = await stage.start([agent], { backend });

      await expect(running.pause('one')).rejects.toMatchObject({ code: 'UNSUPPORTED_FEATURE' });
    });

    contract('D17 D16 a pause outlives a restart, and is of one namespace', async (stage, { skip }) => {
      const elsewhere = freshNamespace();
      const [here, there] = [new Recorder('same', { subscribes: ['a'] }), new Recorder('same', { subscribes: ['a'] })];
      const backend = await stage.open([here.agent], [elsewhere]);
      if (!backend.features.pausing) skip('the backend cannot pause');
      const running = await stage.start([here.agent], { backend });
      const other = await stage.start([there.agent], { backend, namespace: elsewhere });

      await running.pause('same');
      await stage.advance(Math.ceil(backend.features.pauseDelayMs / stage.unitMs));
      await running.drain();
      const again = await stage.start([here.agent], { backend });
      await again.publish('a', genericJson, 'kept');
      await stage.fence(other, there, 'a');
      await stage.advance(1);

      expect(here.payloads).toEqual([]);
      await again.resume('same');
      await here.started(1);
      expect(here.payloads).toEqual(['kept']);
    });

    contract('D17 draining takes nothing new and lets what runs finish', async (stage) => {
      const finished: unknown[] = [];
      const recorder = new Recorder('worker', { subscribes: ['a'], concurrency: 2 }, async (payload, context) => {
        await context.sleep(2 * stage.unitMs);
        finished.push(payload);
      });
      const running = await stage.start([recorder.agent]);
      for (const n of [1, 2, 3]) await running.publish('a', genericJson, n);
      await recorder.started(2);

      const drained = running.drain(10 * stage.unitMs);
      await stage.advance(4);
      await drained;

      // Two at once may begin and end in any order.
      expect(finished.toSorted()).toEqual([1, 2]);
      expect(recorder.payloads.toSorted()).toEqual([1, 2]);
      expect(await running.stats()).toMatchObject([{ waiting: 1 }]);
    });

    contract(
      'D17 what still runs at the deadline of a drain is handed back, uncounted, and has no effect',
      async (stage) => {
        const stuck = new Recorder('worker', { subscribes: ['a'], publishes: ['out'] }, async (_, context) => {
          context.publish('out', genericJson, 'by the stuck one');
          await context.sleep(20 * stage.unitMs);
        });
        const quick = new Recorder('worker', { subscribes: ['a'], publishes: ['out'] }, (_, context) => {
          context.publish('out', genericJson, 'by the next');
        });
        const sink = new Recorder('sink', { subscribes: ['out'] });
        const backend = await stage.open([stuck.agent, sink.agent]);
        const running = await stage.start([stuck.agent], { backend });
        const id = await running.publish('a', genericJson, 1);
        await stuck.started(1);

        const drained = running.drain(3 * stage.unitMs);
        await stage.advance(5);
        await drained;
        const next = await stage.start([quick.agent, sink.agent], { backend });
        await quick.started(1);
        await stage.advance(20);
        await stage.fence(next, sink, 'out');

        expect(quick.attempts).toMatchObject([{ attempt: 1, message: { id } }]);
        expect(sink.payloads).toEqual(['by the next']);
      },
    );

    contract('D18 unsubscribing stops deliveries at once, and touches nobody else', async (stage, { skip }) => {
      const [leaving, staying] = [
        new Recorder('leaving', { subscribes: ['a'] }),
        new Recorder('staying', { subscribes: ['a'] }),
      ];
      const backend = await stage.open([leaving.agent, staying.agent]);
      if (!backend.features.runtimeSubscriptions) skip('subscriptions are declared by a deployment');
      const running = await stage.start([leaving.agent, staying.agent], { backend });
      await running.publish('a', genericJson, 1);
      await Promise.all([leaving.started(1), staying.started(1)]);

      await running.unsubscribe('leaving');
      await running.publish('a', genericJson, 2);
      await stage.fence(running, staying, 'a');

      expect(leaving.payloads).toEqual([1]);
      expect(staying.payloads).toEqual([1, 2]);
      expect((await running.stats()).map(({ agent }) => agent)).toEqual(['staying']);
    });

    contract('D18 an agent that subscribes again starts anew, at the place that it names', async (stage, { skip }) => {
      const recorder = new Recorder('again', { subscribes: ['a'] });
      const backend = await stage.open([recorder.agent]);
      if (!backend.features.runtimeSubscriptions) skip('subscriptions are declared by a deployment');
      const running = await stage.start([recorder.agent], { backend });
      await running.publish('a', genericJson, 1);
      await recorder.started(1);
      await running.drain();
      await running.publish('a', genericJson, 'waiting, then forgotten');
      await running.unsubscribe('again');
      await running.publish('a', genericJson, 'while away');

      const next = await stage.start([recorder.agent], { backend });
      await next.publish('a', genericJson, 2);
      await stage.fence(next, recorder, 'a');

      expect(recorder.payloads).toEqual([1, 2]);
    });

    contract('D18 closing one bus never touches the work of another', async (stage) => {
      const [one, other] = [new Recorder('one', { subscribes: ['a'] }), new Recorder('other', { subscribes: ['a'] })];
      const backend = await stage.open([one.agent, other.agent]);
      const leaving = await stage.start([one.agent], { backend });
      const staying = await stage.start([other.agent], { backend });

      await leaving[Symbol.asyncDispose]();
      await staying.publish('a', genericJson, 1);
      await other.started(1);
      await stage.start([one.agent], { backend });
      await one.started(1);

      expect(one.payloads).toEqual([1]);
      expect(other.payloads).toEqual([1]);
    });
  },
};
