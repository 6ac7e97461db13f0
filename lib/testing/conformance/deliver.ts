/** @module D1-D3, D5, D11-D14, D16: who gets what, and when. */
import { expect } from 'vitest';
import { openBus } from '../../bus/bus.ts';
import { DelayTooLongError } from '../../core/errors.ts';
import { genericJson } from '../../core/format.ts';
import { type Priority, timeOf } from '../../core/gemstone-id.ts';
import type { ContractGroup } from './contract-test.ts';
import { freshNamespace, Recorder } from './stage.ts';

export const deliverGroup: ContractGroup = {
  title: 'deliver',
  define(contract) {
    contract('D1 instances of an agent compete, and another agent gets its own', async (stage) => {
      const seen: unknown[] = [];
      const worker = new Recorder(
        'worker',
        { subscribes: ['a'], concurrency: 1 },
        (payload) => void seen.push(payload),
      );
      const twin = new Recorder('worker', { subscribes: ['a'], concurrency: 1 }, (payload) => void seen.push(payload));
      const other = new Recorder('other', { subscribes: ['a'] });
      const backend = await stage.open([worker.agent, other.agent]);
      const running = await stage.start([worker.agent, other.agent], { backend });
      await stage.start([twin.agent], { backend });

      for (let n = 0; n < 20; n++) await running.publish('a', genericJson, n);
      await other.started(20);
      await stage.quiet();

      expect(seen.toSorted((one, two) => Number(one) - Number(two))).toEqual(Array.from({ length: 20 }, (_, n) => n));
    });

    contract(
      'D2 nothing published while a subscriber is away is lost, whatever its priority or topic',
      async (stage) => {
        const recorder = new Recorder('away', { subscribes: ['a', 'b.*'] });
        const backend = await stage.open([recorder.agent]);
        const running = await stage.start([recorder.agent], { backend });
        await running.publish('a', genericJson, 'before', { priority: 9 });
        await recorder.started(1);
        await running.drain();

        const published: string[] = [];
        for (const priority of [4, 0, 9, 2] as Priority[]) {
          for (const topic of ['a', 'b.x', 'b.y']) {
            await running.publish(topic, genericJson, `${topic} ${priority}`, { priority });
            published.push(`${topic} ${priority}`);
          }
        }
        await stage.advance(20);
        await stage.start([recorder.agent], { backend });
        await recorder.started(13);
        await stage.quiet();

        expect(recorder.payloads.slice(1).toSorted()).toEqual(published.toSorted());
      },
    );

    contract('D2 what waits for an agent that is away is counted, with the time of the oldest', async (stage) => {
      const recorder = new Recorder('away', { subscribes: ['a'] });
      const running = await stage.start([recorder.agent]);
      await running.drain();

      const oldest = await running.publish('a', genericJson, 1, { priority: 9 });
      await stage.advance(2);
      await running.publish('a', genericJson, 2, { priority: 0 });

      expect(await running.stats()).toMatchObject([{ agent: 'away', waiting: 2, dead: 0, oldestAt: timeOf(oldest) }]);
    });

    contract('D3 a backend that cannot start a subscription in the past says so', async (stage, { skip }) => {
      const { agent } = new Recorder('one', { subscribes: ['a'], from: 'beginning' });
      const backend = await stage.open([]);
      if (backend.features.startFrom.includes('beginning')) skip('the backend can');

      await expect(stage.start([agent], { backend })).rejects.toMatchObject({ code: 'UNSUPPORTED_FEATURE' });
    });

    contract('D3 a new subscription starts now, at the beginning, or behind an id', async (stage, { skip }) => {
      const nobody = new Recorder('nobody', { subscribes: ['z'] });
      const now = new Recorder('now', { subscribes: ['a'], concurrency: 1 });
      const beginning = new Recorder('beginning', { subscribes: ['a'], from: 'beginning', concurrency: 1 });
      const backend = await stage.open([nobody.agent, now.agent, beginning.agent]);
      const { startFrom, runtimeSubscriptions } = backend.features;
      if (startFrom.length < 3 || !runtimeSubscriptions) skip('the backend starts subscriptions at one place only');
      const running = await stage.start([nobody.agent], { backend });
      const ids = [];
      for (const n of [1, 2, 3]) ids.push(await running.publish('a', genericJson, n));
      const [, second] = ids;
      const behind = new Recorder('behind', { subscribes: ['a'], from: second as never, concurrency: 1 });

      const later = await stage.start([now.agent, beginning.agent, behind.agent], { backend });
      await later.publish('a', genericJson, 4);
      await Promise.all([now.started(1), beginning.started(4), behind.started(2)]);
      await stage.quiet();

      expect(now.payloads).toEqual([4]);
      expect(beginning.payloads).toEqual([1, 2, 3, 4]);
      expect(behind.payloads).toEqual([3, 4]);
    });

    contract(
      'D3 a restart goes on where it was, with no gap and no duplicate under a continuous publisher',
      async (stage) => {
        const recorder = new Recorder('steady', { subscribes: ['a'], concurrency: 2 });
        const backend = await stage.open([recorder.agent]);
        const hasPast = backend.features.startFrom.includes('beginning');
        const agent = { ...recorder.agent, from: hasPast ? 'beginning' : 'now' } as const;
        if (!hasPast) await (await stage.start([agent], { backend })).drain();
        const publisher = openBus(backend, { namespace: stage.namespace, sender: 'user:test' });
        let isPublishing = true;
        let published = 0;
        const publishing = (async () => {
          while (isPublishing) {
            await publisher.publish('a', genericJson, published++);
            if (published % 7 === 0) await stage.quiet();
          }
        })();

        for (let restart = 1; restart <= 5; restart++) {
          const running = await stage.start([agent], { backend });
          await recorder.until(() => recorder.attempts.length >= restart * 20);
          await running.drain();
        }
        isPublishing = false;
        await publishing;
        await stage.start([agent], { backend });
        await recorder.started(published);
        await stage.quiet();

        expect(recorder.payloads.toSorted((one, two) => Number(one) - Number(two))).toEqual(
          Array.from({ length: published }, (_, n) => n),
        );
      },
    );

    contract(
      'D5 among waiting messages the more urgent go first, oldest first within a priority',
      async (stage, { skip }) => {
        const recorder = new Recorder('one', { subscribes: ['a'], concurrency: 1 });
        const backend = await stage.open([recorder.agent]);
        if (backend.features.priorities !== 'strict') skip('the backend orders by priority at best effort');
        const running = await stage.start([recorder.agent], { backend });
        await running.drain();
        const order = [7, 4, 4, 0, 9, 2, 0, 4] as Priority[];

        for (const [n, priority] of order.entries()) await running.publish('a', genericJson, n, { priority });
        await stage.start([recorder.agent], { backend });
        await recorder.started(order.length);

        expect(recorder.payloads).toEqual([3, 6, 5, 1, 2, 7, 0, 4]);
      },
    );

    contract('D5 deliveries that are handed out together are in order as well', async (stage, { skip }) => {
      const recorder = new Recorder('one', { subscribes: ['a'], concurrency: 10 });
      const backend = await stage.open([recorder.agent]);
      if (backend.features.priorities !== 'strict') skip('the backend orders by priority at best effort');
      const running = await stage.start([recorder.agent], { backend });
      await running.drain();

      for (const [n, priority] of ([7, 4, 4, 0] as Priority[]).entries())
        await running.publish('a', genericJson, n, { priority });
      await stage.start([recorder.agent], { backend });
      await recorder.started(4);

      expect(recorder.payloads).toEqual([3, 1, 2, 0]);
    });

    contract('D5 with ordering by key, priority chooses among the heads of keys', async (stage, { skip }) => {
      const recorder = new Recorder('one', { subscribes: ['a'], concurrency: 1, ordering: 'key' });
      const backend = await stage.open([recorder.agent]);
      if (backend.features.priorities !== 'strict') skip('the backend orders by priority at best effort');
      const running = await stage.start([recorder.agent], { backend });
      await running.drain();

      const entries = [
        ['x1', 'x', 7],
        ['x2', 'x', 0],
        ['y1', 'y', 3],
        ['y2', 'y', 9],
        ['z1', 'z', 5],
      ] as const;
      for (const [payload, key, priority] of entries)
        await running.publish('a', genericJson, payload, { key, priority });
      await stage.start([recorder.agent], { backend });
      await recorder.started(entries.length);

      expect(recorder.payloads).toEqual(['y1', 'z1', 'x1', 'x2', 'y2']);
    });

    contract('D11 a delayed message is never early, and not late beyond the stated precision', async (stage) => {
      const times = new Map<unknown, number>();
      const recorder = new Recorder(
        'one',
        { subscribes: ['a'] },
        (payload, context) => void times.set(payload, context.now()),
      );
      const backend = await stage.open([recorder.agent]);
      const running = await stage.start([recorder.agent], { backend });
      const { delayPrecisionMs } = backend.features;

      const before = stage.harness.clock.now();
      await running.publish('a', genericJson, 'later', { delayMs: 5 * stage.unitMs });
      await running.publish('a', genericJson, 'sooner', { delayMs: 2 * stage.unitMs });
      await running.publish('a', genericJson, 'at once');
      await recorder.started(1);
      await stage.advance(5 + Math.ceil(delayPrecisionMs / stage.unitMs));
      await recorder.started(3);

      // Where all that takes longer than the delays, the order is that of publishing.
      expect(recorder.payloads.toSorted()).toEqual(['at once', 'later', 'sooner']);
      expect((times.get('sooner') ?? 0) - before).toBeGreaterThanOrEqual(2 * stage.unitMs);
      expect((times.get('later') ?? 0) - before).toBeGreaterThanOrEqual(5 * stage.unitMs);
      expect(times.get('later')).toBeLessThanOrEqual(stage.harness.clock.now());
    });

    contract('D11 a delay beyond what the backend can hold is refused', async (stage, { skip }) => {
      const recorder = new Recorder('one', { subscribes: ['a'] });
      const backend = await stage.open([recorder.agent]);
      const running = await stage.start([recorder.agent], { backend });
      const { maxDelayMs } = backend.features;
      if (!Number.isFinite(maxDelayMs)) skip('the backend holds a message for any time');

      const refused = running.publish('a', genericJson, 1, { delayMs: maxDelayMs + 1 });

      await expect(refused).rejects.toBeInstanceOf(DelayTooLongError);
    });

    contract('D12 expired messages are not delivered, and are counted', async (stage) => {
      const recorder = new Recorder('one', { subscribes: ['a'] });
      const backend = await stage.open([recorder.agent]);
      const running = await stage.start([recorder.agent], { backend });
      await running.drain();
      await running.publish('a', genericJson, 'expires', { ttlMs: 2 * stage.unitMs });
      await running.publish('a', genericJson, 'lives', { ttlMs: 1_000 * stage.unitMs });

      await stage.advance(3);
      const next = await stage.start([recorder.agent], { backend });
      await stage.fence(next, recorder, 'a');

      expect(recorder.payloads).toEqual(['lives']);
      expect(await next.stats()).toMatchObject([{ waiting: 0, dead: 0, dropped: { expired: 1 } }]);
    });

    contract('D13 an agent never gets its own messages, except on its $self, which nobody else gets', async (stage) => {
      const echo = new Recorder('echo', { subscribes: ['a'], publishes: ['a'] }, (_, context) => {
        if (context.message.topic !== 'a') return;
        context.publish('a', genericJson, 'from echo');
        context.later(0, genericJson, 'to self');
      });
      const other = new Recorder('other', { subscribes: ['a', '**'] });
      const running = await stage.start([echo.agent, other.agent]);

      await running.publish('a', genericJson, 'from user');
      await echo.started(2);
      await other.started(2);
      await stage.fence(running, echo, 'a');
      await stage.fence(running, other, 'a');

      expect(echo.messages.map(({ topic, payload }) => [topic, payload])).toEqual([
        ['a', 'from user'],
        ['$self.echo', 'to self'],
      ]);
      expect(other.payloads.toSorted()).toEqual(['from echo', 'from user']);
    });

    contract('D14 an agent that acts only when tagged gets only messages that name it', async (stage) => {
      const tagged = new Recorder('tagged', { subscribes: ['a'], onlyWhenTagged: true });
      const any = new Recorder('any', { subscribes: ['a'] });
      const running = await stage.start([tagged.agent, any.agent]);

      await running.publish('a', genericJson, 1);
      await running.publish('a', genericJson, 2, { recipients: ['any'] });
      await running.publish('a', genericJson, 3, { recipients: ['any', 'tagged'] });
      await stage.fence(running, tagged, 'a');
      await stage.fence(running, any, 'a');

      expect(tagged.payloads).toEqual([3]);
      expect(any.payloads).toEqual([1, 2, 3]);
    });

    contract('D16 two namespaces never see each other', async (stage) => {
      const elsewhere = freshNamespace();
      const make = () =>
        new Recorder('one', { subscribes: ['a'] }, (payload) => {
          if (payload === 'fail') throw new Error('as asked');
        });
      const [here, there] = [make(), make()];
      const agent = { ...here.agent, retry: { attempts: 1, baseMs: 0, maxMs: 0 } };
      const twin = { ...there.agent, retry: agent.retry };
      const backend = await stage.open([agent], [elsewhere]);
      const running = await stage.start([agent], { backend });
      const other = await stage.start([twin], { backend, namespace: elsewhere });

      const id = await running.publish('a', genericJson, 'mine', { idempotencyKey: 'k', conversationId: 'c' });
      await running.publish('a', genericJson, 'fail');
      const theirs = await other.publish('a', genericJson, 'theirs', { idempotencyKey: 'k', conversationId: 'c' });
      await stage.fence(running, here, 'a');
      await stage.fence(other, there, 'a');

      expect(here.payloads).toEqual(['mine', 'fail']);
      expect(there.payloads).toEqual(['theirs']);
      expect(theirs).not.toBe(id);
      expect(await other.get([{ topic: 'a', id }])).toEqual([]);
      expect((await other.read({ thread: id })).items).toEqual([]);
      expect((await other.read({ conversation: 'c' })).items.map(({ payload }) => payload)).toEqual(['theirs']);
      expect((await running.read({ deadLettersOf: 'one' })).items).toHaveLength(1);
      expect((await other.read({ deadLettersOf: 'one' })).items).toEqual([]);
      expect((await other.stats()).map(({ dead }) => dead)).toEqual([0]);
    });
  },
};
