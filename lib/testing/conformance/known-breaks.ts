/** @module What systems of this kind are known to lose, repeat or mix up, each held by a test of its own. */
import { expect } from 'vitest';
import { genericJson } from '../../core/format.ts';
import { RetryLater } from '../../core/handler-errors.ts';
import type { Json } from '../../core/json.ts';
import type { ContractGroup } from './contract-test.ts';
import { Recorder } from './stage.ts';

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);

export const knownBreaksGroup: ContractGroup = {
  title: 'what is known to break elsewhere',
  define(contract) {
    contract(
      'D2 D5 urgent messages of an absence are not behind the ordinary one that was read last',
      async (stage) => {
        const reader = new Recorder('reader', { subscribes: ['a'] });
        const backend = await stage.open([reader.agent]);
        const before = await stage.start([reader.agent], { backend });
        await before.publish('a', genericJson, 'ordinary', { priority: 9 });
        await reader.started(1);
        await before.drain();
        for (const priority of [0, 4, 9] as const) await before.publish('a', genericJson, priority, { priority });

        const after = await stage.start([reader.agent], { backend });
        await stage.fence(after, reader, 'a');

        expect(reader.payloads.toSorted()).toEqual([0, 4, 9, 'ordinary']);
        expect(reader.payloads[0]).toBe('ordinary');
      },
    );

    contract(
      'D2 progress is per message: what is old on one topic waits while newer ones of another are done',
      async (stage) => {
        let isBroken = true;
        const reader = new Recorder('reader', { subscribes: ['old', 'new'] }, (payload) => {
          if (payload === 'stuck' && isBroken) throw new RetryLater(10 * stage.unitMs);
        });
        const backend = await stage.open([reader.agent]);
        const before = await stage.start([reader.agent], { backend });
        await before.publish('old', genericJson, 'stuck');
        await reader.started(1);
        for (const n of numbers(3)) await before.publish('new', genericJson, n);
        await reader.started(4);
        await before.drain();

        isBroken = false;
        const after = await stage.start([reader.agent], { backend });
        await stage.advance(11);
        await stage.fence(after, reader, 'new');

        expect(reader.payloads).toEqual(['stuck', 0, 1, 2, 'stuck']);
      },
    );

    contract(
      'D3 D18 subscribing, unsubscribing and subscribing again under a publisher: no duplicate, no second worker, no gap since',
      async (stage, { skip }) => {
        let atOnce = 0;
        let most = 0;
        const reader = new Recorder('reader', { subscribes: ['a'], concurrency: 1 }, async (_, context) => {
          most = Math.max(most, ++atOnce);
          await Promise.resolve();
          context.now();
          atOnce--;
        });
        const { agent } = new Recorder('publisher', { subscribes: ['z'] });
        const backend = await stage.open([reader.agent, agent]);
        if (!backend.features.runtimeSubscriptions) skip('subscriptions are declared by a deployment');
        const publisher = await stage.start([agent], { backend });
        let published = 0;
        const publishSome = async (count: number) => {
          for (const _ of numbers(count)) await publisher.publish('a', genericJson, published++);
        };

        const first = await stage.start([reader.agent], { backend });
        await Promise.all([publishSome(20), first.drain()]);
        await Promise.all([publishSome(20), publisher.unsubscribe('reader')]);
        const subscribing = stage.start([reader.agent], { backend });
        await Promise.all([publishSome(20), subscribing]);
        const since = published;
        await publishSome(20);
        await stage.fence(await subscribing, reader, 'a');

        const got = reader.payloads as readonly number[];
        expect(got.filter((n, index) => got.indexOf(n) !== index)).toEqual([]);
        expect(got.filter((n) => n >= since)).toEqual(numbers(20).map((n) => since + n));
        expect(most).toBe(1);
      },
    );

    contract(
      'H1 messages of the same millisecond and of any priority are each seen once around a cursor',
      async (stage) => {
        const { agent } = new Recorder('idle', { subscribes: ['z'] });
        const running = await stage.start([agent]);
        const publishing = numbers(30).map((n) =>
          running.publish(n % 3 === 0 ? ['a.x', 'a.y'] : n % 3 === 1 ? 'a.x' : 'a.y', genericJson, n, {
            priority: (n % 10) as 0,
          }),
        );
        const ids = await Promise.all(publishing);
        const wanted = numbers(30).flatMap((n) => (n % 3 === 0 ? [n, n] : [n]));

        for (const order of ['asc', 'desc'] as const) {
          const got: Json[] = [];
          let after: { after?: never } = {};
          for (let pages = 0; pages < 50; pages++) {
            const page = await running.read({ pattern: 'a.*', order, limit: 1, ...after });
            got.push(...page.items.map(({ payload }) => payload));
            if (page.next === undefined) break;
            after = { after: page.next as never };
          }
          expect(got.toSorted((one, other) => Number(one) - Number(other))).toEqual(wanted);
        }
        const sorted = ids.toSorted();
        const since = await running.read({ topic: 'a.x', since: sorted[15] as never });
        const later = ids.filter((id, n) => id >= (sorted[15] as string) && n % 3 !== 2);
        expect(since.items.map(({ id }) => id)).toEqual(later.toSorted());
      },
    );

    contract('D7 a dead letter is a message like any other: it is consumed, answered and forwarded', async (stage) => {
      const retry = { attempts: 1, baseMs: 0, maxMs: 0 };
      const broken = new Recorder('broken', { subscribes: ['a'], retry }, () => {
        throw new Error('as always');
      });
      const doctor = new Recorder('doctor', { subscribes: ['$dead.*'], publishes: ['cured'] }, (_, context) =>
        context.forward('cured'),
      );
      const sink = new Recorder('sink', { subscribes: ['cured'] });
      const running = await stage.start([broken.agent, doctor.agent, sink.agent]);

      const id = await running.publish('a', genericJson, { ill: true });
      await sink.started(1);

      expect(sink.payloads).toMatchObject([{ agent: 'broken', original: { id, payload: { ill: true } } }]);
    });

    contract('D16 D18 cleaning up beside another namespace and another bus touches neither', async (stage) => {
      const [mine, theirs] = [new Recorder('same', { subscribes: ['a'] }), new Recorder('same', { subscribes: ['a'] })];
      const elsewhere = `${stage.namespace}x`;
      const backend = await stage.open([mine.agent], [elsewhere]);
      const here = await stage.start([mine.agent], { backend });
      const there = await stage.start([theirs.agent], { backend, namespace: elsewhere });
      await here.publish('a', genericJson, 'here');
      await there.publish('a', genericJson, 'there');
      await Promise.all([mine.started(1), theirs.started(1)]);

      if (backend.features.runtimeSubscriptions) await here.unsubscribe('same');
      await here[Symbol.asyncDispose]();
      await there.publish('a', genericJson, 'still there');
      await theirs.started(2);

      expect(theirs.payloads).toEqual(['there', 'still there']);
      expect((await there.read({ topic: 'a' })).items).toHaveLength(2);
    });
  },
};
