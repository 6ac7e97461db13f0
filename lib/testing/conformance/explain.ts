/** @module G4: why an agent got a message, or did not. */
import { expect } from 'vitest';
import { genericJson } from '../../core/format.ts';
import type { GemstoneId } from '../../core/gemstone-id.ts';
import { PermanentError, RetryLater } from '../../core/handler-errors.ts';
import { defineAgent } from '../../guild/define-agent.ts';
import type { RunningGuild } from '../../guild/running-guild.ts';
import type { ContractGroup } from './contract-test.ts';
import { Recorder } from './stage.ts';

const Other = { ...genericJson, name: 'conformance.other' };

async function verdicts(running: RunningGuild, topic: string, id: GemstoneId): Promise<Record<string, string>> {
  return Object.fromEntries((await running.explain({ topic, id })).map(({ agent, verdict }) => [agent, verdict]));
}

export const explainGroup: ContractGroup = {
  title: 'explain',
  define(contract) {
    contract('G4 explain says for each agent what became of a message, and why', async (stage, { skip }) => {
      const handled = new Recorder('handled', { subscribes: ['a.*'] });
      const filtered = new Recorder('filtered', { subscribes: ['b'] });
      const untagged = new Recorder('untagged', { subscribes: ['a.x'], onlyWhenTagged: true });
      const dead = new Recorder('dead', { subscribes: ['a.x'] }, () => {
        throw new PermanentError('never');
      });
      const running = new Recorder('running', { subscribes: ['a.x'] }, (_, context) =>
        context.sleep(30 * stage.unitMs),
      );
      const retrying = new Recorder('retrying', { subscribes: ['a.x'] }, () => {
        throw new RetryLater(20 * stage.unitMs);
      });
      const mute = defineAgent({
        name: 'mute',
        entry: import.meta.url,
        subscribes: ['a.x'],
        handlers: (on) => [on(Other, () => {})],
      });
      const speaker = new Recorder('speaker', { subscribes: ['start', 'a.*'], publishes: ['a.x'] }, (_, context) => {
        context.publish('a.x', genericJson, 'said');
      });
      const recorders = [handled, filtered, untagged, dead, running, retrying, speaker];
      const agents = [...recorders.map(({ agent }) => agent), mute];
      const backend = await stage.open(agents);
      if (!backend.features.progress) skip('the backend does not keep what became of deliveries');
      const guild = await stage.start(agents, { backend });

      await guild.publish('start', genericJson, null);
      await handled.started(1);
      await retrying.started(1);
      await running.started(1);
      await stage.quiet();
      const { id } = handled.messages[0] as { id: GemstoneId };

      expect(await verdicts(guild, 'a.x', id)).toEqual({
        dead: 'dead',
        filtered: 'filtered',
        handled: 'handled',
        mute: 'no-handler',
        retrying: 'retrying',
        running: 'running',
        speaker: 'own',
        untagged: 'not-tagged',
      });
      const told = await guild.explain({ topic: 'a.x', id });
      expect(told.find(({ agent }) => agent === 'handled')).toMatchObject({ matched: ['a.*'], attempts: 1, epoch: 0 });
      expect(told.find(({ agent }) => agent === 'filtered')).toMatchObject({
        matched: [],
        patterns: expect.arrayContaining(['b', '$inbox.filtered']),
      });
    });

    contract('G4 waiting, expired, halted, unsubscribed, and not subscribed in time', async (stage, { skip }) => {
      const paused = new Recorder('paused', { subscribes: ['a'] });
      const halting = new Recorder('halting', { subscribes: ['a'] });
      const leaving = new Recorder('leaving', { subscribes: ['a'] });
      const tardy = new Recorder('tardy', { subscribes: ['a'] });
      const others = [paused.agent, halting.agent, leaving.agent];
      const backend = await stage.open([...others, tardy.agent]);
      const { progress, pausing, runtimeSubscriptions } = backend.features;
      if (!progress || !pausing || !runtimeSubscriptions) skip('the backend lacks what this needs');
      const running = await stage.start(others, { backend });
      const deadlineAt = stage.harness.clock.now() + 2 * stage.unitMs;
      for (const agent of ['paused', 'halting', 'leaving']) await running.pause(agent);
      await stage.advance(1);
      const id = await running.publish('a', genericJson, 1, { deadlineAt });
      const expiring = await running.publish('a', genericJson, 2, { ttlMs: 2 * stage.unitMs });

      expect(await verdicts(running, 'a', id)).toEqual({ halting: 'waiting', leaving: 'waiting', paused: 'waiting' });
      await running.unsubscribe('leaving');
      await stage.advance(4);
      await running.resume('halting');
      await stage.start([tardy.agent], { backend });
      await stage.fence(running, halting, 'a');

      expect(await verdicts(running, 'a', id)).toEqual({
        halting: 'halted',
        leaving: 'unsubscribed',
        paused: 'waiting',
      });
      expect((await verdicts(running, 'a', expiring)).halting).toBe('expired');
    });

    contract('G4 the last epoch counts, and an unknown message is an error', async (stage, { skip }) => {
      let isBroken = true;
      const fixed = new Recorder('fixed', { subscribes: ['a'] }, () => {
        if (isBroken) throw new PermanentError('broken');
      });
      const backend = await stage.open([fixed.agent]);
      if (!backend.features.progress || !backend.features.plans) skip('the backend lacks what this needs');
      const running = await stage.start([fixed.agent], { backend });
      const id = await running.publish('a', genericJson, 1);
      await fixed.started(1);
      await stage.quiet();
      isBroken = false;
      const plan = await running.plan({ action: 'redrive', agent: 'fixed' });
      await running.runPlan(plan.id);
      await fixed.started(2);
      await stage.quiet();

      expect(await running.explain({ topic: 'a', id })).toMatchObject([{ verdict: 'handled', epoch: 1, attempts: 1 }]);
      expect((await backend.fates(stage.namespace, { topic: 'a', id })).map(({ state }) => state)).toEqual([
        'dead',
        'handled',
      ]);
      await expect(running.explain({ topic: 'elsewhere', id })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    });
  },
};
