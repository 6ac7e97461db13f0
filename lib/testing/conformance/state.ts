/** @module S: what an agent remembers, and its durable timers. */
import { expect } from 'vitest';
import { StateTooLargeError } from '../../core/errors.ts';
import { genericJson } from '../../core/format.ts';
import type { Json } from '../../core/json.ts';
import type { Context } from '../../guild/context.ts';
import { type Agent, defineAgent } from '../../guild/define-agent.ts';
import type { ContractGroup } from './contract-test.ts';
import { freshNamespace, Recorder } from './stage.ts';

type WithState = Context<string, typeof genericJson>;

/** An agent with state, that does what the test says. */
function remembering(name: string, act: (payload: Json, context: WithState) => void | Promise<void>): Agent {
  return defineAgent({
    name,
    entry: import.meta.url,
    subscribes: ['a'],
    publishes: ['out'] as string[],
    state: genericJson,
    retry: { attempts: 3, baseMs: 0, maxMs: 0 },
    handlers: (on) => [on.any((payload, context) => act(payload, context))],
  });
}

export const stateGroup: ContractGroup = {
  title: 'state',
  define(contract) {
    contract('S1 state is read, written and deleted by key, and stays over a restart', async (stage) => {
      const agent = remembering('keeper', async (payload, context) => {
        const before = await context.state.get('count');
        if (payload === 'delete') context.state.delete('count');
        else context.state.set('count', Number(before ?? 0) + 1);
        context.publish('out', genericJson, {
          before: before ?? null,
          now: (await context.state.get('count')) ?? null,
        });
      });
      const sink = new Recorder('sink', { subscribes: ['out'], concurrency: 1 });
      const backend = await stage.open([agent, sink.agent]);
      const running = await stage.start([agent, sink.agent], { backend });

      await running.publish('a', genericJson, 'add');
      await sink.started(1);
      await running.drain();
      const again = await stage.start([agent, sink.agent], { backend });
      for (const [index, payload] of ['add', 'delete', 'add'].entries()) {
        await again.publish('a', genericJson, payload);
        await sink.started(index + 2);
      }

      expect(sink.payloads).toEqual([
        { before: null, now: 1 },
        { before: 1, now: 2 },
        { before: 2, now: null },
        { before: null, now: 1 },
      ]);
    });

    contract('S1 what a failed attempt wrote is not kept', async (stage) => {
      const agent = remembering('keeper', async (_, context) => {
        const before = await context.state.get('k');
        context.state.set('k', context.attempt);
        if (context.attempt < 3) throw new Error('again');
        context.publish('out', genericJson, before ?? null);
      });
      const sink = new Recorder('sink', { subscribes: ['out'] });
      const running = await stage.start([agent, sink.agent]);

      await running.publish('a', genericJson, 1);
      await sink.started(1);

      expect(sink.payloads).toEqual([null]);
    });

    contract(
      'S1 attempts that race over a key all take effect, and losing the race counts as no attempt',
      async (stage) => {
        const attempts: number[] = [];
        const agent = remembering('racer', async (_, context) => {
          attempts.push(context.attempt);
          const count = Number((await context.state.get('count')) ?? 0);
          await context.sleep(stage.unitMs);
          context.state.set('count', count + 1);
          context.publish('out', genericJson, count + 1);
        });
        const sink = new Recorder('sink', { subscribes: ['out'] });
        const running = await stage.start([agent, sink.agent]);

        for (let n = 0; n < 8; n++) await running.publish('a', genericJson, n);
        for (let n = 0; n < 10; n++) await stage.advance(1);
        await sink.started(8);
        await stage.fence(running, sink, 'out');

        expect(sink.payloads.toSorted()).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
        expect(attempts.length).toBeGreaterThan(8);
        expect(new Set(attempts)).toEqual(new Set([1]));
      },
    );

    contract(
      'S1 a key that is written unread, deleted or written again does not slip through a race',
      async (stage) => {
        const seen: Json[] = [];
        const reader = remembering('owner', async (payload, context) => {
          if (payload === 'slow') {
            seen.push((await context.state.get('k')) ?? null);
            await context.sleep(20 * stage.unitMs);
            context.state.set('k', 'slow');
          } else if (payload === 'delete') context.state.delete('k');
          else context.state.set('k', payload);
        });
        const running = await stage.start([reader]);
        await running.publish('a', genericJson, 'one');
        await stage.quiet();
        await running.publish('a', genericJson, 'slow');
        await stage.quiet();

        await running.publish('a', genericJson, 'delete');
        await stage.quiet();
        await running.publish('a', genericJson, 'two');
        await stage.quiet();
        await stage.advance(21);
        await stage.advance(21);

        expect(seen).toEqual(['one', 'two']);
      },
    );

    contract('S1 state belongs to one agent', async (stage) => {
      const write = remembering('writer', (_, context) => context.state.set('k', 'mine'));
      const read = remembering('reader', async (_, context) => {
        context.publish('out', genericJson, (await context.state.get('k')) ?? null);
      });
      const sink = new Recorder('sink', { subscribes: ['out'] });
      const running = await stage.start([write, read, sink.agent]);

      await running.publish('a', genericJson, 1);
      await sink.started(1);
      await running.publish('a', genericJson, 2);
      await sink.started(2);

      expect(sink.payloads).toEqual([null, null]);
    });

    contract('S1 D16 state belongs to one namespace', async (stage) => {
      const elsewhere = freshNamespace();
      const agent = remembering('keeper', async (payload, context) => {
        context.publish('out', genericJson, (await context.state.get('k')) ?? null);
        context.state.set('k', payload);
      });
      const [sink, theirSink] = [1, 2].map(() => new Recorder('sink', { subscribes: ['out'] })) as [Recorder, Recorder];
      const backend = await stage.open([agent, sink.agent], [elsewhere]);
      const here = await stage.start([agent, sink.agent], { backend });
      const there = await stage.start([agent, theirSink.agent], { backend, namespace: elsewhere });

      await here.publish('a', genericJson, 'mine');
      await sink.started(1);
      await there.publish('a', genericJson, 'theirs');
      await theirSink.started(1);

      expect(theirSink.payloads).toEqual([null]);
    });

    contract('S1 a value above 64 KB is refused when it is set', async (stage) => {
      const errors: unknown[] = [];
      const agent = remembering('keeper', (_, context) => {
        context.state.set('fits', 'x'.repeat(64 * 1024 - 2));
        try {
          context.state.set('large', 'x'.repeat(64 * 1024 - 1));
        } catch (error) {
          errors.push(error);
        }
        context.publish('out', genericJson, 'done');
      });
      const sink = new Recorder('sink', { subscribes: ['out'] });
      const running = await stage.start([agent, sink.agent]);

      await running.publish('a', genericJson, 1);
      await sink.started(1);

      expect(errors).toEqual([expect.any(StateTooLargeError)]);
    });

    contract('S2 a timer comes to its own agent at its time, and to nobody else', async (stage) => {
      const times: number[] = [];
      const timer = new Recorder('timer', { subscribes: ['a'] }, (_, context) => {
        times.push(context.now());
        if (context.message.topic === 'a') context.later(3 * stage.unitMs, genericJson, { due: true });
      });
      const other = new Recorder('other', { subscribes: ['**', '$inbox.timer'] });
      const running = await stage.start([timer.agent, other.agent]);

      await running.publish('a', genericJson, 'start');
      await timer.started(1);
      await stage.advance(5);
      await timer.started(2);
      await stage.fence(running, other, 'a');

      expect(timer.messages[1]).toMatchObject({ topic: '$self.timer', payload: { due: true }, hops: 0 });
      expect((times[1] as number) - (times[0] as number)).toBeGreaterThanOrEqual(3 * stage.unitMs);
      expect(other.payloads).toEqual(['start']);
    });

    contract('S2 a timer is committed like any output, and outlives the agent that set it', async (stage) => {
      const retry = { attempts: 2, baseMs: 0, maxMs: 0 };
      const timer = new Recorder('timer', { subscribes: ['a'], retry }, (_, context) => {
        if (context.message.topic !== 'a') return;
        context.later(3 * stage.unitMs, genericJson, context.attempt);
        if (context.attempt === 1) throw new Error('again');
      });
      const backend = await stage.open([timer.agent]);
      const running = await stage.start([timer.agent], { backend });

      await running.publish('a', genericJson, 'start');
      await timer.started(2);
      await stage.fence(running, timer, 'a');
      await running.drain();
      await stage.advance(5);
      await stage.start([timer.agent], { backend });
      await timer.started(3);
      await stage.quiet();

      expect(timer.payloads).toEqual(['start', 'start', 2]);
    });

    contract(
      'S2 G1 an agent that wakes itself again and again is no circle, one that does so at once is',
      async (stage) => {
        const [patient, hasty] = [true, false].map(
          (isPatient) =>
            new Recorder(isPatient ? 'patient' : 'hasty', { subscribes: ['a'] }, (_, context) => {
              context.later(isPatient ? stage.unitMs : 0, genericJson, null);
            }),
        ) as [Recorder, Recorder];
        const running = await stage.start([patient.agent, hasty.agent], { maxHops: 3 });

        await running.publish('a', genericJson, null);
        // A store may be late; it has the time of a hundred.
        for (let unit = 0; unit < 100 && patient.attempts.length <= 5; unit++) await stage.advance(1);
        await hasty.started(4);

        expect(patient.attempts.length).toBeGreaterThan(4);
        expect(hasty.attempts).toHaveLength(4);
      },
    );
  },
};
