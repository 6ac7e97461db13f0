/** @module D4: order by key. */
import { expect } from 'vitest';
import { genericJson } from '../../core/format.ts';
import { PermanentError, RetryLater } from '../../core/handler-errors.ts';
import type { ContractGroup, ContractTest } from './contract-test.ts';
import { Recorder, type Stage } from './stage.ts';

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);

/** The stage with a backend that orders by key, or the test is skipped. */
async function open(stage: Stage, recorder: Recorder, skip: (reason: string) => void) {
  const backend = await stage.open([recorder.agent]);
  if (!backend.features.orderingByKey) skip('the backend does not order by key');
  return backend;
}

export const orderingGroup: ContractGroup = {
  title: 'ordering',
  define(contract: ContractTest) {
    contract('D4 a backend that does not order by key says so', async (stage, { skip }) => {
      const { agent } = new Recorder('one', { subscribes: ['a'], ordering: 'key' });
      const backend = await stage.open([]);
      if (backend.features.orderingByKey) skip('the backend orders by key');

      await expect(stage.start([agent], { backend })).rejects.toMatchObject({ code: 'UNSUPPORTED_FEATURE' });
    });

    contract(
      'D4 deliveries of one key come one at a time, in the order of publishing, and other keys go on',
      async (stage, { skip }) => {
        const running: Record<string, number> = {};
        let most = 0;
        let atOnce = 0;
        const recorder = new Recorder(
          'one',
          { subscribes: ['a'], ordering: 'key', concurrency: 10 },
          async (_, context) => {
            const key = context.message.key as string;
            running[key] = (running[key] ?? 0) + 1;
            most = Math.max(most, running[key]);
            atOnce = Math.max(atOnce, Object.values(running).filter((count) => count > 0).length);
            await context.sleep(stage.unitMs);
            running[key]--;
          },
        );
        const guild = await stage.start([recorder.agent], { backend: await open(stage, recorder, skip) });

        for (const n of numbers(10))
          for (const key of ['x', 'y', 'z']) await guild.publish('a', genericJson, n, { key });
        for (const _ of numbers(12)) await stage.advance(1);
        await recorder.started(30);

        expect(most).toBe(1);
        expect(atOnce).toBe(3);
        for (const key of ['x', 'y', 'z']) {
          const payloads = recorder.messages.filter((message) => message.key === key).map(({ payload }) => payload);
          expect(payloads).toEqual(numbers(10));
        }
      },
    );

    contract(
      'D4 a failing delivery holds its key until it succeeds or is dead, and no other key',
      async (stage, { skip }) => {
        const recorder = new Recorder('one', { subscribes: ['a'], ordering: 'key' }, (payload, { attempt }) => {
          if (payload === 'fails once' && attempt === 1) throw new RetryLater(5 * stage.unitMs);
          if (payload === 'dies') throw new PermanentError('never');
        });
        const guild = await stage.start([recorder.agent], { backend: await open(stage, recorder, skip) });

        for (const payload of ['fails once', 'dies', 'after'])
          await guild.publish('a', genericJson, payload, { key: 'x' });
        await guild.publish('a', genericJson, 'other', { key: 'y' });
        await recorder.until(() => recorder.payloads.includes('other'));
        expect(recorder.payloads.filter((payload) => payload !== 'other')).toEqual(['fails once']);
        await stage.advance(6);
        await recorder.started(5);

        expect(recorder.payloads.filter((payload) => payload !== 'other')).toEqual([
          'fails once',
          'fails once',
          'dies',
          'after',
        ]);
      },
    );

    contract('D4 the instances of an agent share the order of a key', async (stage, { skip }) => {
      const seen: unknown[] = [];
      const make = () =>
        new Recorder('one', { subscribes: ['a'], ordering: 'key', concurrency: 1 }, async (payload, context) => {
          seen.push(payload);
          await context.sleep(stage.unitMs);
          seen.push(payload);
        });
      const [one, twin] = [make(), make()];
      const backend = await open(stage, one, skip);
      const guild = await stage.start([one.agent], { backend });
      await stage.start([twin.agent], { backend });

      for (const n of numbers(4)) await guild.publish('a', genericJson, n, { key: 'x' });
      for (let unit = 0; unit < 20 && seen.length < 8; unit++) await stage.advance(1);

      expect(seen).toEqual([0, 0, 1, 1, 2, 2, 3, 3]);
    });

    contract('D4 the key is the given one, else the conversation, else the root', async (stage, { skip }) => {
      const order: unknown[] = [];
      const recorder = new Recorder('one', { subscribes: ['a'], ordering: 'key' }, async (payload, context) => {
        if (payload === 'slow') await context.sleep(3 * stage.unitMs);
        order.push(payload);
      });
      const guild = await stage.start([recorder.agent], { backend: await open(stage, recorder, skip) });

      await guild.publish('a', genericJson, 'slow', { conversationId: 'c' });
      await guild.publish('a', genericJson, 'same conversation', { conversationId: 'c' });
      await guild.publish('a', genericJson, 'own key', { conversationId: 'c', key: 'k' });
      await guild.publish('a', genericJson, 'own root');
      await recorder.started(3);
      await stage.advance(4);
      await recorder.started(4);
      await stage.quiet();

      expect(order.slice(0, 2).toSorted()).toEqual(['own key', 'own root']);
      expect(order.slice(2)).toEqual(['slow', 'same conversation']);
    });

    contract('D4 a delayed message joins at the end of its key when it is due', async (stage, { skip }) => {
      const recorder = new Recorder('one', { subscribes: ['a'], ordering: 'key' });
      const guild = await stage.start([recorder.agent], { backend: await open(stage, recorder, skip) });

      await guild.publish('a', genericJson, 'delayed', { key: 'x', delayMs: 3 * stage.unitMs });
      await guild.publish('a', genericJson, 'at once', { key: 'x' });
      await recorder.started(1);
      await stage.advance(5);
      await recorder.started(2);

      expect(recorder.payloads).toEqual(['at once', 'delayed']);
    });

    contract('D4 the key of a consumer that died goes on where it was', async (stage, { skip }) => {
      const recorder = new Recorder('one', { subscribes: ['a'], ordering: 'key', concurrency: 1 });
      const backend = await open(stage, recorder, skip);
      const guild = await stage.start([recorder.agent], { backend });
      await guild.drain();
      for (const n of numbers(3)) await guild.publish('a', genericJson, n, { key: 'x' });
      const request = { agent: 'one', namespaces: [stage.namespace], max: 10, leaseMs: 2 * stage.unitMs, waitMs: 0 };

      const died = await backend.lease(request);
      await stage.advance(2 + Math.ceil(backend.features.takeoverMs / stage.unitMs));
      await stage.start([recorder.agent], { backend });
      await recorder.started(3);

      expect(died.map(({ message }) => message?.payload)).toEqual([0]);
      expect(recorder.payloads).toEqual([0, 1, 2]);
    });
  },
};
