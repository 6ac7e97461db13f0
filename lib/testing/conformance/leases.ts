/** @module D6 (start marks), D8, D10: consumers that die, live long or come back late, and what takes effect how often. */
import { expect } from 'vitest';
import type { Backend, Lease, LeaseRequest } from '../../backends/backend.ts';
import { Drafts } from '../../bus/drafts.ts';
import type { DeadLetter } from '../../core/dead-letter.ts';
import { genericJson } from '../../core/format.ts';
import { TopicFamilies } from '../../core/topic-family.ts';
import type { ContractGroup } from './contract-test.ts';
import { Recorder, type Stage } from './stage.ts';

const request = (stage: Stage, agent: string, units: number): LeaseRequest => {
  return { agent, namespaces: [stage.namespace], max: 10, leaseMs: units * stage.unitMs, waitMs: 0 };
};

/** Lets leases of `units` run out, and be noticed. */
const outlive = (stage: Stage, backend: Backend, units: number) => {
  return stage.advance(units + Math.ceil(backend.features.takeoverMs / stage.unitMs));
};

/** What an agent would publish while it handles `lease`. */
function outputOf(stage: Stage, backend: Backend, lease: Lease, payload: string) {
  const sender = { id: lease.agent };
  const families = new TopicFamilies([], true);
  const { namespace } = stage;
  const drafts = new Drafts({
    namespace,
    sender,
    families,
    features: backend.features,
    now: () => stage.harness.clock.now(),
  });
  return drafts.create('out', genericJson, payload, {}, lease.message);
}

export const leasesGroup: ContractGroup = {
  title: 'leases',
  define(contract) {
    contract('D10 a consumer that dies loses its lease, and the delivery goes to another', async (stage) => {
      const recorder = new Recorder('one', { subscribes: ['a'] });
      const backend = await stage.open([recorder.agent]);
      const running = await stage.start([recorder.agent], { backend });
      await running.drain();
      const id = await running.publish('a', genericJson, 1);

      const [died] = await backend.lease(request(stage, 'one', 2));
      expect(await backend.lease(request(stage, 'one', 2))).toEqual([]);
      await outlive(stage, backend, 2);
      await stage.start([recorder.agent], { backend });
      await recorder.started(1);

      expect(died).toMatchObject({ returned: false, attemptsBefore: 0, message: { id } });
      expect(recorder.attempts).toMatchObject([{ attempt: 1, message: { id } }]);
    });

    contract('D10 a live handler keeps its lease, however long it works', async (stage) => {
      const recorder = new Recorder('one', { subscribes: ['a'], timeoutMs: 100 * stage.unitMs }, (_, context) => {
        return context.sleep(80 * stage.unitMs);
      });
      const twin = new Recorder('one', { subscribes: ['a'] });
      const backend = await stage.open([recorder.agent]);
      const running = await stage.start([recorder.agent], { backend });
      await running.publish('a', genericJson, 1);
      await recorder.started(1);

      const other = await stage.start([twin.agent], { backend });
      await stage.advance(85);
      await stage.fence(other, [recorder, twin], 'a');

      expect(recorder.attempts).toHaveLength(1);
      expect(twin.attempts).toHaveLength(0);
      expect(await running.stats()).toMatchObject([{ waiting: 0, dead: 0 }]);
    });

    contract(
      'D10 D8 a consumer that comes back late can neither commit nor publish, and at most one attempt commits',
      async (stage) => {
        const recorder = new Recorder('one', { subscribes: ['a'], publishes: ['out'], guarantee: 'exactly-once' });
        const backend = await stage.open([recorder.agent]);
        const running = await stage.start([recorder.agent], { backend });
        await running.drain();
        await running.publish('a', genericJson, 1);
        const late = (await backend.lease(request(stage, 'one', 2)))[0] as Lease;
        await outlive(stage, backend, 2);
        const next = (await backend.lease(request(stage, 'one', 50)))[0] as Lease;

        const commit = (lease: Lease, text: string) =>
          backend.settle([
            {
              kind: 'completed',
              lease,
              outputs: [outputOf(stage, backend, lease, text)],
              state: [{ key: text, value: text, ifVersion: 0 }],
            },
          ]);
        const [lateOutcome] = await commit(late, 'late');
        const [nextOutcome] = await commit(next, 'next');
        const [again] = await commit(next, 'again');

        expect([lateOutcome, nextOutcome, again].map((outcome) => (outcome?.ok ? 'ok' : outcome?.error.code))).toEqual([
          'LEASE_LOST',
          'ok',
          'LEASE_LOST',
        ]);
        expect((await running.read({ topic: 'out' })).items.map(({ payload }) => payload)).toEqual(['next']);
        const state = await backend.state(stage.namespace, 'one', ['late', 'next', 'again']);
        expect(state.map(({ value }) => value)).toEqual([undefined, 'next', undefined]);
        const [kept] = await backend.extend([late], 1);
        expect(kept).toMatchObject({ ok: false, error: { code: 'LEASE_LOST' } });
      },
    );

    contract('D6 a handler that kills its process is a dead letter after attempts + 1 starts', async (stage) => {
      const retry = { attempts: 3, baseMs: 0, maxMs: 0 };
      const recorder = new Recorder('killer', { subscribes: ['a'], retry });
      const backend = await stage.open([recorder.agent]);
      const running = await stage.start([recorder.agent], { backend });
      await running.drain();
      await running.publish('a', genericJson, 1);

      let starts = 0;
      for (; starts <= retry.attempts; starts++) {
        const [lease] = await backend.lease(request(stage, 'killer', 2));
        if (lease?.returned) expect(await backend.start([lease])).toMatchObject([{ ok: true }]);
        expect(lease?.attemptsBefore).toBe(Math.max(0, starts - 1));
        await outlive(stage, backend, 2);
      }
      await stage.start([recorder.agent], { backend });
      await stage.quiet();

      expect(starts).toBe(4);
      expect(recorder.attempts).toEqual([]);
      const { items } = await running.read({ deadLettersOf: 'killer' });
      expect(items.map(({ payload }) => payload as unknown as DeadLetter)).toMatchObject([
        { reason: 'crashed', errors: [{ code: 'HANDLER_CRASHED' }] },
      ]);
    });

    contract('D6 a crash before the start never counts, and a mark goes away with its outcome', async (stage) => {
      const recorder = new Recorder('one', { subscribes: ['a'] });
      const backend = await stage.open([recorder.agent]);
      const running = await stage.start([recorder.agent], { backend });
      await running.drain();
      await running.publish('a', genericJson, 1);
      for (let crash = 0; crash < 4; crash++) {
        await backend.lease(request(stage, 'one', 2));
        await outlive(stage, backend, 2);
      }

      const fault = { code: 'X', message: 'x', retryable: true };
      const first = (await backend.lease(request(stage, 'one', 2)))[0] as Lease;
      await backend.start([first]);
      await backend.settle([{ kind: 'retry', lease: first, delayMs: 0, fault }]);
      const second = (await backend.lease(request(stage, 'one', 2)))[0] as Lease;

      expect(first).toMatchObject({ returned: true, attemptsBefore: 0 });
      expect(second).toMatchObject({ returned: false, attemptsBefore: 1 });
      await backend.settle([{ kind: 'released', lease: second, delayMs: 0 }]);
      const third = (await backend.lease(request(stage, 'one', 2)))[0] as Lease;
      expect(third).toMatchObject({ returned: false, attemptsBefore: 1 });
    });

    contract('D8 a backend that lacks a guarantee says so', async (stage, { skip }) => {
      const backend = await stage.open([]);
      const all = ['at-least-once', 'at-most-once', 'exactly-once'] as const;
      const guarantee = all.find((each) => !backend.features.guarantees.includes(each));
      if (guarantee === undefined) return skip('the backend has every guarantee');
      const { agent } = new Recorder('one', { subscribes: ['a'], guarantee });

      await expect(stage.start([agent], { backend })).rejects.toMatchObject({ code: 'UNSUPPORTED_FEATURE' });
    });

    contract(
      'D8 at most once: acknowledged before the start, and its failure is a dead letter',
      async (stage, { skip }) => {
        const recorder = new Recorder(
          'once',
          { subscribes: ['a'], publishes: ['out'], guarantee: 'at-most-once' },
          (payload, context) => {
            context.publish('out', genericJson, payload);
            if (payload === 'fails') throw new Error('not again');
          },
        );
        const sink = new Recorder('sink', { subscribes: ['out'] });
        const backend = await stage.open([recorder.agent, sink.agent]);
        if (!backend.features.guarantees.includes('at-most-once')) skip('the backend has no at-most-once');
        const running = await stage.start([recorder.agent, sink.agent], { backend });

        await running.publish('a', genericJson, 'works');
        await running.publish('a', genericJson, 'fails');
        await recorder.started(2);
        await stage.advance(10);
        await stage.fence(running, sink, 'out');

        expect(recorder.payloads.toSorted()).toEqual(['fails', 'works']);
        expect(sink.payloads).toEqual(['works']);
        const { items } = await running.read({ deadLettersOf: 'once' });
        expect(
          items.map(({ payload }) => (payload as unknown as DeadLetter).errors.map(({ message }) => message)),
        ).toEqual([['not again']]);
      },
    );

    contract(
      'D8 at most once: a consumer that dies after the start is not repeated, one that dies before it is',
      async (stage, { skip }) => {
        const recorder = new Recorder('once', { subscribes: ['a'], guarantee: 'at-most-once' });
        const backend = await stage.open([recorder.agent]);
        if (!backend.features.guarantees.includes('at-most-once')) skip('the backend has no at-most-once');
        const running = await stage.start([recorder.agent], { backend });
        await running.drain();
        await running.publish('a', genericJson, 'started');
        await running.publish('a', genericJson, 'not started');

        const [started] = (await backend.lease({ ...request(stage, 'once', 2), max: 1 })) as [Lease];
        await backend.start([started]);
        const [tooLate] = (await backend.lease({ ...request(stage, 'once', 2), max: 1 })) as [Lease];
        await outlive(stage, backend, 2);
        expect(await backend.start([tooLate])).toMatchObject([{ ok: false, error: { code: 'LEASE_LOST' } }]);
        const next = await stage.start([recorder.agent], { backend });
        await stage.fence(next, recorder, 'a');

        expect(recorder.payloads).toEqual(['not started']);
        const { items } = await next.read({ deadLettersOf: 'once' });
        expect(items.map(({ payload }) => payload)).toMatchObject([
          { reason: 'crashed', original: { payload: 'started' } },
        ]);
      },
    );
  },
};
