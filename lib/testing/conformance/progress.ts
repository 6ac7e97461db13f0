/** @module G3: knowing when all that a message set off is done. */
import { expect } from 'vitest';
import type { Settled, SettledOptions } from '../../bus/settled.ts';
import { genericJson } from '../../core/format.ts';
import type { GemstoneId } from '../../core/gemstone-id.ts';
import { PermanentError } from '../../core/handler-errors.ts';
import type { RunningGuild } from '../../guild/running-guild.ts';
import type { ContractGroup } from './contract-test.ts';
import { Recorder, type Stage } from './stage.ts';

/** What `settled` gave, once it has. */
class Watch {
  result: Settled | undefined;
  readonly done: Promise<void>;

  constructor(running: RunningGuild, root: GemstoneId, options?: SettledOptions) {
    this.done = running.settled(root, options).then((result) => {
      this.result = result;
    });
  }
}

/** Units are let pass until it is settled; a limit keeps a defect from hanging the suite. */
async function passUntil(stage: Stage, watch: Watch, units = 50): Promise<void> {
  await stage.quiet();
  for (let unit = 0; unit < units && watch.result === undefined; unit++) await stage.advance(1);
  await watch.done;
}

export const progressGroup: ContractGroup = {
  title: 'progress',
  define(contract) {
    contract('G3 G4 a backend that does not count says so', async (stage, { skip }) => {
      const { agent } = new Recorder('one', { subscribes: ['a'] });
      const backend = await stage.open([agent]);
      if (backend.features.progress) skip('the backend counts');
      const running = await stage.start([agent], { backend });
      const id = await running.publish('a', genericJson, 1);

      await expect(running.settled(id)).rejects.toMatchObject({ code: 'UNSUPPORTED_FEATURE' });
      await expect(running.explain({ topic: 'a', id })).rejects.toMatchObject({ code: 'UNSUPPORTED_FEATURE' });
    });

    contract(
      'G3 settled resolves when nothing that descends from the root is left, and never before',
      async (stage, { skip }) => {
        const order: string[] = [];
        const first = new Recorder('first', { subscribes: ['a'], publishes: ['b'] }, async (_, context) => {
          await context.sleep(stage.unitMs);
          for (const n of [1, 2, 3]) context.publish('b', genericJson, n);
        });
        const second = new Recorder('second', { subscribes: ['b'], publishes: ['c'] }, async (n, context) => {
          await context.sleep(Number(n) * stage.unitMs);
          order.push(`second ${n}`);
          context.publish('c', genericJson, n);
        });
        const third = new Recorder('third', { subscribes: ['c'] }, (n) => {
          order.push(`third ${n}`);
        });
        const agents = [first.agent, second.agent, third.agent];
        const backend = await stage.open(agents);
        if (!backend.features.progress) skip('the backend does not count');
        const running = await stage.start(agents, { backend });

        const id = await running.publish('a', genericJson, 0);
        await first.started(1);
        const watch = new Watch(running, id);
        void watch.done.then(() => order.push('settled'));
        await stage.advance(2);
        expect(watch.result).toBeUndefined();
        await passUntil(stage, watch);

        expect(watch.result).toEqual({ handled: 7, failed: 0, halted: 0, timers: 0 });
        expect(order.at(-1)).toBe('settled');
        expect(order).toHaveLength(7);
        expect(await running.settled(id)).toEqual(watch.result);
      },
    );

    contract('G3 settled waits for retries and counts dead letters and halted ones apart', async (stage, { skip }) => {
      const retry = { attempts: 3, baseMs: stage.unitMs, maxMs: stage.unitMs };
      const flaky = new Recorder('flaky', { subscribes: ['a'], retry }, (_, { attempt }) => {
        if (attempt < 3) throw new Error('not yet');
      });
      const broken = new Recorder('broken', { subscribes: ['a'] }, () => {
        throw new PermanentError('never');
      });
      const late = new Recorder('late', { subscribes: ['b'] });
      const spender = new Recorder('spender', { subscribes: ['a'], publishes: ['b'] }, async (_, context) => {
        await Promise.all([flaky.started(1), broken.started(1)]);
        context.spend({ tokens: 10 });
        context.publish('b', genericJson, null);
      });
      const agents = [flaky.agent, broken.agent, spender.agent, late.agent];
      const backend = await stage.open(agents);
      if (!backend.features.progress) skip('the backend does not count');
      const running = await stage.start(agents, { backend });

      const id = await running.publish('a', genericJson, 1, { budget: { tokens: 10 } });
      const watch = new Watch(running, id);
      await passUntil(stage, watch);

      // The retries come after the budget was spent, so they are halted like what was published.
      expect(watch.result).toEqual({ handled: 1, failed: 1, halted: 2, timers: 0 });
      expect(late.attempts).toEqual([]);
    });

    contract('G3 settled waits for what is delayed', async (stage, { skip }) => {
      const sink = new Recorder('sink', { subscribes: ['a'] });
      const backend = await stage.open([sink.agent]);
      if (!backend.features.progress) skip('the backend does not count');
      const running = await stage.start([sink.agent], { backend });

      const id = await running.publish('a', genericJson, 1, { delayMs: 10 * stage.unitMs });
      const watch = new Watch(running, id);
      await stage.advance(4);
      expect(watch.result).toBeUndefined();
      await passUntil(stage, watch);

      expect(watch.result).toMatchObject({ handled: 1 });
    });

    contract('G3 settled without timers says how many are pending, and with them waits', async (stage, { skip }) => {
      const sleeper = new Recorder('sleeper', { subscribes: ['a'] }, (payload, context) => {
        if (payload === 'start') for (const n of [1, 2]) context.later(10 * n * stage.unitMs, genericJson, n);
      });
      const backend = await stage.open([sleeper.agent]);
      if (!backend.features.progress) skip('the backend does not count');
      const running = await stage.start([sleeper.agent], { backend });

      const id = await running.publish('a', genericJson, 'start');
      const [without, withTimers] = [new Watch(running, id, { timers: false }), new Watch(running, id)];
      await passUntil(stage, without, 5);
      expect(without.result).toEqual({ handled: 1, failed: 0, halted: 0, timers: 2 });
      expect(withTimers.result).toBeUndefined();
      await passUntil(stage, withTimers);

      expect(withTimers.result).toEqual({ handled: 3, failed: 0, halted: 0, timers: 0 });
      expect(sleeper.payloads).toEqual(['start', 1, 2]);
    });

    contract(
      'G3 another root does not count, and a root that nobody follows is settled at once',
      async (stage, { skip }) => {
        const stuck = new Recorder('stuck', { subscribes: ['stuck'] }, (_, context) =>
          context.sleep(20 * stage.unitMs),
        );
        const backend = await stage.open([stuck.agent]);
        if (!backend.features.progress) skip('the backend does not count');
        const running = await stage.start([stuck.agent], { backend });
        await running.publish('stuck', genericJson, 1);
        await stuck.started(1);

        const id = await running.publish('unheard', genericJson, 1);

        expect(await running.settled(id)).toEqual({ handled: 0, failed: 0, halted: 0, timers: 0 });
      },
    );

    contract('G3 what was settled is unsettled by a redrive', async (stage, { skip }) => {
      let isBroken = true;
      const fixed = new Recorder('fixed', { subscribes: ['a'] }, async (_, context) => {
        if (isBroken) throw new PermanentError('broken');
        await context.sleep(3 * stage.unitMs);
      });
      const backend = await stage.open([fixed.agent]);
      if (!backend.features.progress || !backend.features.plans) skip('the backend does not count, or has no plans');
      const running = await stage.start([fixed.agent], { backend });
      const id = await running.publish('a', genericJson, 1);
      const failed = new Watch(running, id);
      await passUntil(stage, failed);

      isBroken = false;
      const plan = await running.plan({ action: 'redrive', agent: 'fixed' });
      await running.runPlan(plan.id);
      const again = new Watch(running, id);
      await stage.quiet();
      expect(again.result).toBeUndefined();
      await passUntil(stage, again);

      expect(failed.result).toMatchObject({ handled: 0, failed: 1 });
      expect(again.result).toMatchObject({ handled: 1, failed: 0 });
    });

    contract('G3 an unknown root is an error, and a wait can be given up', async (stage, { skip }) => {
      const sink = new Recorder('sink', { subscribes: ['a'] });
      const backend = await stage.open([sink.agent]);
      if (!backend.features.progress) skip('the backend does not count');
      const running = await stage.start([sink.agent], { backend });
      const elsewhere = await running.publish('a', genericJson, 1, { delayMs: 5 * stage.unitMs });
      const unknown = `${elsewhere.slice(0, 12)}000000000000${elsewhere.slice(24)}` as GemstoneId;
      const stop = new AbortController();
      const waiting = running.settled(elsewhere, { signal: stop.signal });
      stop.abort(new Error('enough'));

      await expect(waiting).rejects.toThrow('enough');
      await expect(running.settled(unknown)).rejects.toMatchObject({ code: 'NOT_FOUND' });
      await expect(running.settled('nonsense' as GemstoneId)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    });
  },
};
