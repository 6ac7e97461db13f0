/** @module D7: plans, and the dead letters that they redrive or discard. */
import { expect } from 'vitest';
import type { DeadLetter } from '../../core/dead-letter.ts';
import { genericJson } from '../../core/format.ts';
import { PermanentError } from '../../core/handler-errors.ts';
import type { Json } from '../../core/json.ts';
import type { Message } from '../../core/message.ts';
import type { RunningGuild } from '../../guild/running-guild.ts';
import type { ContractGroup } from './contract-test.ts';
import { Recorder, type Stage } from './stage.ts';

class Odd extends Error {
  override readonly name = 'OddError';
}

/** An agent that fails at what is in `broken`; odd numbers in a way of their own. */
function fragile(broken: Set<Json>): Recorder {
  const retry = { attempts: 1, baseMs: 0, maxMs: 0 };
  return new Recorder('fragile', { subscribes: ['a'], retry }, (payload) => {
    if (!broken.has(payload)) return;
    if (Number(payload) % 2 === 1) throw new Odd('odd');
    throw new PermanentError('even');
  });
}

/** The agent with a dead letter of each of these numbers. */
async function withDead(stage: Stage, numbers: readonly number[], skip: (note: string) => never) {
  const broken = new Set<Json>(numbers);
  const recorder = fragile(broken);
  const backend = await stage.open([recorder.agent]);
  if (!backend.features.plans) skip('the backend has no plans');
  const running = await stage.start([recorder.agent], { backend });
  for (const n of numbers) await running.publish('a', genericJson, n, { priority: n % 2 === 1 ? 2 : 6 });
  await recorder.started(numbers.length);
  await stage.quiet();
  return { broken, recorder, backend, running };
}

async function dead(running: RunningGuild): Promise<readonly Message[]> {
  return (await running.read({ deadLettersOf: 'fragile' })).items;
}
const originals = (letters: readonly Message[]) =>
  letters.map(({ payload }) => (payload as unknown as DeadLetter).original?.payload).toSorted();

export const recoveryGroup: ContractGroup = {
  title: 'recovery',
  define(contract) {
    contract('D7 a backend without plans says so', async (stage, { skip }) => {
      const { agent } = fragile(new Set());
      const backend = await stage.open([agent]);
      if (backend.features.plans) skip('the backend has plans');
      const running = await stage.start([agent], { backend });

      const plan = running.plan({ action: 'redrive', agent: 'fragile' });

      await expect(plan).rejects.toMatchObject({ code: 'UNSUPPORTED_FEATURE' });
    });

    contract(
      'D7 a plan redrives all dead letters; attempts start again, in an epoch of their own',
      async (stage, { skip }) => {
        const { broken, recorder, running } = await withDead(stage, [1, 2, 3], skip);
        const before = recorder.attempts.map(({ deliveryKey }) => deliveryKey);
        broken.clear();

        const plan = await running.plan({ action: 'redrive', agent: 'fragile' });
        expect(plan).toMatchObject({ action: 'redrive', agent: 'fragile', total: 3, done: 0, finished: false });
        expect(await dead(running)).toHaveLength(3);
        const finished = await running.runPlan(plan.id);
        await recorder.started(6);
        await stage.quiet();

        expect(finished).toMatchObject({ total: 3, done: 3, skipped: 0, finished: true });
        expect(recorder.payloads.slice(3).toSorted()).toEqual([1, 2, 3]);
        const again = recorder.attempts.slice(3);
        expect(again.map(({ attempt }) => attempt)).toEqual([1, 1, 1]);
        expect(again.map(({ deliveryKey }) => before.includes(deliveryKey))).toEqual([false, false, false]);
        expect(await dead(running)).toEqual([]);
        expect((await running.read({ topic: '$dead.fragile' })).items).toHaveLength(3);
        expect(await running.stats()).toMatchObject([{ dead: 0, waiting: 0 }]);
      },
    );

    contract('D7 a plan takes one, or those that pass its filter', async (stage, { skip }) => {
      const { broken, recorder, running } = await withDead(stage, [1, 2, 3, 4, 5], skip);
      broken.clear();
      const one = (await dead(running)).find(
        ({ payload }) => (payload as unknown as DeadLetter).original?.payload === 5,
      );
      if (one === undefined) throw new Error('the dead letter is not listed');

      const byId = await running.plan({ action: 'redrive', agent: 'fragile', ids: [one.id] });
      await running.runPlan(byId.id);
      await recorder.started(6);
      const byError = await running.plan({ action: 'redrive', agent: 'fragile', errorName: 'OddError' });
      await running.runPlan(byError.id);
      await recorder.started(8);
      const byPriority = await running.plan({ action: 'discard', agent: 'fragile', priority: 6 });
      await running.runPlan(byPriority.id);
      await stage.quiet();

      expect([byId.total, byError.total, byPriority.total]).toEqual([1, 2, 2]);
      expect(recorder.payloads.slice(5)).toEqual([5, 1, 3]);
      expect(await dead(running)).toEqual([]);
    });

    contract('D7 a plan looks at the original message, or at the one to replay', async (stage, { skip }) => {
      const broken = new Set<Json>([1, 2, 3]);
      const recorder = fragile(broken);
      const { agent } = new Recorder('speaker', { subscribes: ['go'], publishes: ['a'] }, (n, context) =>
        context.publish('a', genericJson, n),
      );
      const backend = await stage.open([recorder.agent, agent]);
      if (!backend.features.plans) skip('the backend has no plans');
      const running = await stage.start([recorder.agent, agent], { backend });
      const note = { ...genericJson, name: 'note' };
      await running.publish('a', note, 1);
      await running.publish('a', genericJson, 2);
      await running.publish('go', genericJson, 3);
      await recorder.started(3);
      await stage.quiet();
      broken.clear();

      for (const plan of [
        { action: 'redrive', agent: 'fragile', format: 'note' },
        { action: 'redrive', agent: 'fragile', sender: 'speaker' },
        { action: 'replay', agent: 'fragile', messages: { topic: 'a', sender: 'speaker' } },
      ] as const) {
        const { id, total } = await running.plan(plan);
        await running.runPlan(id);
        await stage.fence(running, recorder, 'a');
        expect(total).toBe(1);
      }

      expect(recorder.payloads.slice(3)).toEqual([1, 3, 3]);
    });

    contract(
      'D7 a plan discards: nothing is delivered, the list is empty, the topic keeps all',
      async (stage, { skip }) => {
        const { broken, recorder, running } = await withDead(stage, [1, 2], skip);
        broken.clear();

        const plan = await running.plan({ action: 'discard', agent: 'fragile' });
        await running.runPlan(plan.id);
        await stage.fence(running, recorder, 'a');

        expect(recorder.attempts).toHaveLength(2);
        expect(await dead(running)).toEqual([]);
        expect((await running.read({ topic: '$dead.fragile' })).items).toHaveLength(2);
      },
    );

    contract('D7 a plan is frozen: what dies later is not in it', async (stage, { skip }) => {
      const { broken, recorder, running } = await withDead(stage, [1, 2], skip);
      const plan = await running.plan({ action: 'redrive', agent: 'fragile' });
      broken.add(7);
      await running.publish('a', genericJson, 7);
      await recorder.started(3);
      await stage.quiet();
      broken.clear();

      await running.runPlan(plan.id);
      await recorder.started(5);
      await stage.quiet();

      expect(originals(await dead(running))).toEqual([7]);
    });

    contract('D7 a plan stops anywhere and goes on, and no entry is done twice', async (stage, { skip }) => {
      const { broken, recorder, backend, running } = await withDead(stage, [1, 2, 3, 4, 5], skip);
      broken.clear();
      const { id } = await running.plan({ action: 'redrive', agent: 'fragile' });
      const other = await running.plan({ action: 'redrive', agent: 'fragile' });

      expect(await backend.runPlan(id, { max: 2 })).toMatchObject({ done: 2, finished: false });
      expect(await backend.runPlan(id, { max: 0 })).toMatchObject({ done: 2, finished: false });
      const together = await Promise.all([running.runPlan(id), running.runPlan(id), running.runPlan(other.id)]);
      const repeated = await running.runPlan(id);
      await recorder.started(10);
      await stage.fence(running, recorder, 'a');

      expect(together.map(({ finished }) => finished)).toEqual([true, true, true]);
      expect(repeated).toMatchObject({ done: 5, finished: true });
      expect((await running.runPlan(other.id)).skipped + (await running.runPlan(id)).skipped).toBe(5);
      expect(recorder.payloads.slice(5).toSorted()).toEqual([1, 2, 3, 4, 5]);
    });

    contract('D7 a plan keeps its pace', async (stage, { skip }) => {
      const { broken, recorder, running } = await withDead(stage, [1, 2, 3, 4], skip);
      broken.clear();
      const { id } = await running.plan({ action: 'redrive', agent: 'fragile' });
      const { clock } = stage.harness;
      const seen: { readonly done: number; readonly at: number }[] = [];

      const perSecond = 1_000 / (2 * stage.unitMs);
      const onProgress = ({ done }: { readonly done: number }) => seen.push({ done, at: clock.now() });
      const run = running.runPlan(id, { perSecond, onProgress });
      await stage.advance(8);
      await run;
      await recorder.started(8);

      expect(seen.map(({ done }) => done)).toEqual([1, 2, 3, 4]);
      const [first, , , last] = seen;
      // Three pauses of two units each, whatever the steps take.
      expect((last?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThan(5 * stage.unitMs);
    });

    contract(
      'D7 what is redriven and fails again is a dead letter again, of the next epoch',
      async (stage, { skip }) => {
        const { recorder, running } = await withDead(stage, [1], skip);

        const plan = await running.plan({ action: 'redrive', agent: 'fragile' });
        await running.runPlan(plan.id);
        await recorder.started(2);
        await stage.quiet();

        const letters = (await dead(running)).map(({ payload }) => payload as unknown as DeadLetter);
        expect(letters).toMatchObject([{ epoch: 1, attempts: 1, original: { payload: 1 } }]);
        expect((await running.read({ topic: '$dead.fragile' })).items).toHaveLength(2);
      },
    );

    contract('D4 D7 what is redriven joins its key at the end', async (stage, { skip }) => {
      let isBroken = true;
      const ordered = new Recorder(
        'ordered',
        { subscribes: ['a'], ordering: 'key', retry: { attempts: 1, baseMs: 0, maxMs: 0 } },
        async (payload, context) => {
          if (payload === 1 && isBroken) throw new Error('broken');
          await context.sleep(stage.unitMs);
        },
      );
      const backend = await stage.open([ordered.agent]);
      if (!backend.features.plans || !backend.features.orderingByKey) skip('the backend has no plans or no order');
      const running = await stage.start([ordered.agent], { backend });
      for (const n of [1, 2, 3]) await running.publish('a', genericJson, n, { key: 'k' });
      await ordered.started(2);
      isBroken = false;

      const plan = await running.plan({ action: 'redrive', agent: 'ordered' });
      await running.runPlan(plan.id);
      for (let unit = 0; unit < 10 && ordered.attempts.length < 4; unit++) await stage.advance(1);

      expect(ordered.payloads).toEqual([1, 2, 3, 1]);
    });

    contract('D15 D7 bytes that did not decode are redriven as they came', async (stage, { skip }) => {
      const recorder = fragile(new Set());
      const backend = await stage.open([recorder.agent]);
      if (!backend.features.plans) skip('the backend has no plans');
      const running = await stage.start([recorder.agent], { backend });
      const id = await running.publish('elsewhere', genericJson, 'for its id');
      await stage.harness.deliverRaw(backend, stage.namespace, { topic: 'a', id }, new Uint8Array([0xff]));
      await stage.fence(running, recorder, 'a');

      const plan = await running.plan({ action: 'redrive', agent: 'fragile' });
      await running.runPlan(plan.id);
      await stage.fence(running, recorder, 'a');

      const letters = (await dead(running)).map(({ payload }) => payload as unknown as DeadLetter);
      expect(letters).toMatchObject([{ epoch: 1, reason: 'undecodable', raw: '/w==' }]);
    });

    contract('D7 what a plan cannot be is refused: nothing, twice, unknown, reversed', async (stage, { skip }) => {
      const { broken, running } = await withDead(stage, [1], skip);
      const [letter] = await dead(running);
      if (letter === undefined) throw new Error('the dead letter is not listed');
      broken.clear();
      const { id } = await running.plan({ action: 'redrive', agent: 'fragile', ids: [letter.id] });
      await running.runPlan(id);
      await stage.quiet();

      const refused = {
        twice: running.plan({ action: 'redrive', agent: 'fragile', ids: [letter.id] }),
        nothing: running.plan({ action: 'discard', agent: 'fragile' }),
        nobody: running.plan({ action: 'redrive', agent: 'nobody' }),
        empty: running.plan({ action: 'replay', agent: 'fragile', messages: { topic: 'unheard' } }),
        notFollowed: running.plan({ action: 'replay', agent: 'fragile', messages: { topic: '$dead.fragile' } }),
        reversed: running.plan({ action: 'replay', agent: 'fragile', messages: { topic: 'a', since: 2, until: 1 } }),
        misspelt: running.plan({ action: 'redrive', agent: 'fragile', error: 'OddError' } as never),
        unknown: running.runPlan('5f6d' as never),
      };
      const settled = await Promise.allSettled(Object.values(refused));

      const codes = settled.map((each) => (each.status === 'rejected' ? each.reason.code : 'accepted'));
      expect(Object.fromEntries(Object.keys(refused).map((name, index) => [name, codes[index]]))).toEqual({
        twice: 'INVALID_ARGUMENT',
        nothing: 'EMPTY_PLAN',
        nobody: 'NOT_FOUND',
        empty: 'EMPTY_PLAN',
        notFollowed: 'EMPTY_PLAN',
        reversed: 'INVALID_ARGUMENT',
        misspelt: 'INVALID_ARGUMENT',
        unknown: 'NOT_FOUND',
      });
    });
  },
};
