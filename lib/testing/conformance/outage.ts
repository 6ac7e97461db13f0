/** @module O: the store goes away and comes back. */
import { expect } from 'vitest';
import { genericJson } from '../../core/format.ts';
import type { ContractGroup } from './contract-test.ts';
import { Recorder, type Stage } from './stage.ts';

/** Enough for any back-off and any lease that an outage leaves behind. */
const RECOVERY_UNITS = 120;
const recover = (stage: Stage) => stage.advance(stage.harness.recoveryUnits ?? RECOVERY_UNITS);

export const outageGroup: ContractGroup = {
  title: 'outage',
  define(contract) {
    contract('O1 publish fails while the store is away, and the same key afterwards stores once', async (stage) => {
      const sink = new Recorder('sink', { subscribes: ['a'] });
      const backend = await stage.open([sink.agent]);
      const running = await stage.start([sink.agent], { backend });
      await stage.harness.setReachable(backend, false);

      const publishing = running.publish('a', genericJson, 1, { idempotencyKey: 'once' });
      const failure = publishing.catch((error: unknown) => error);
      await recover(stage);
      expect(await failure).toMatchObject({ code: 'BACKEND_UNAVAILABLE', retryable: true });
      const reading = running.read({ topic: 'a' }).catch((error: unknown) => error);
      await recover(stage);
      expect(await reading).toMatchObject({ code: 'BACKEND_UNAVAILABLE' });
      await stage.harness.setReachable(backend, true);
      const first = await running.publish('a', genericJson, 1, { idempotencyKey: 'once' });
      await recover(stage);
      await stage.fence(running, sink, 'a');

      expect(sink.messages.map(({ id }) => id)).toEqual([first]);
    });

    contract('O1 consumers back off while the store is away, and resume by themselves', async (stage) => {
      const sink = new Recorder('sink', { subscribes: ['a'] });
      const backend = await stage.open([sink.agent]);
      const running = await stage.start([sink.agent], { backend });
      await running.publish('a', genericJson, 'before');
      await sink.started(1);

      await stage.harness.setReachable(backend, false);
      await stage.advance(10);
      await stage.harness.setReachable(backend, true);
      await running.publish('a', genericJson, 'after');
      await recover(stage);
      await sink.until(() => sink.payloads.includes('after'));

      expect(sink.payloads.at(-1)).toBe('after');
    });

    contract('O1 what was running when the store went away takes effect once, and nothing is lost', async (stage) => {
      const away = Promise.withResolvers<void>();
      const options = { subscribes: ['a'], publishes: ['out'], timeoutMs: 20 * stage.unitMs };
      const worker = new Recorder('worker', options, async (payload, context) => {
        if (worker.attempts.length === 1) await away.promise;
        context.publish('out', genericJson, payload);
      });
      const sink = new Recorder('sink', { subscribes: ['out'] });
      const backend = await stage.open([worker.agent, sink.agent]);
      const running = await stage.start([worker.agent, sink.agent], { backend });
      await running.publish('a', genericJson, 'kept');
      await worker.started(1);

      await stage.harness.setReachable(backend, false);
      away.resolve();
      await stage.quiet();
      await stage.harness.setReachable(backend, true);
      await recover(stage);
      await sink.started(1);
      await stage.fence(running, sink, 'out');

      expect(sink.payloads).toEqual(['kept']);
      // Again, unless the client rode the outage out with what the attempt had decided.
      expect(['kept', 'kept kept']).toContain(worker.payloads.join(' '));
    });
  },
};
