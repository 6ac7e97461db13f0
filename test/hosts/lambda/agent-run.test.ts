import { type Agent, type Backend, defineAgent, type Lease, type Settlement } from 'guildwire';
import { VirtualClock } from 'guildwire/testing';
import { expect, test } from 'vitest';
import { type AgentRunOptions, type EventLease, runEvent } from '../../../lib/hosts/lambda/agent-run.ts';
import { RecordedLog } from '../../guild/lab.ts';
import { say } from './agent-lab.ts';

type Handle = (context: { remainingMs(): number; sleep(ms: number): Promise<void> }) => void | Promise<void>;
type Settle = Backend['settle'];
type Terms = { count?: number; guarantee?: Agent['guarantee']; concurrency?: number };

/** An event of one delivery or more, which are opened when `opened` resolves. */
class EventLab {
  readonly clock = new VirtualClock();
  readonly log = new RecordedLog();
  readonly settled: Settlement['kind'][] = [];
  acknowledged = 0;
  opened: Promise<void> = Promise.resolve();
  settle: Settle = async (settlements) => {
    this.settled.push(...settlements.map(({ kind }) => kind));
    return settlements.map(() => ({ ok: true, ids: [] }));
  };
  readonly start = async (leases: readonly Lease[]) => {
    this.acknowledged += leases.length;
    return leases.map(() => ({ ok: true }));
  };
  readonly extend = async (leases: readonly Lease[]) => leases.map(({ until }) => ({ ok: true, until }));
  #isGiven = false;

  run(timeoutMs: number, remainingMs: number, handle: Handle, { count = 1, ...terms }: Terms = {}) {
    const agent = defineAgent({
      ...terms,
      name: 'x',
      entry: import.meta.url,
      subscribes: ['doc.*'],
      timeoutMs,
      handlers: (on) => [on.any((_, context) => handle(context))],
    });
    const features = { minLeaseMs: 1_000, maxDelayMs: 1e9, maxOutputs: 99 };
    const backend = {
      features,
      settle: (all: Settlement[]) => this.settle(all),
      start: this.start,
      extend: this.extend,
    };
    const batch = {
      lease: async () => {
        if (this.#isGiven) return [];
        this.#isGiven = true;
        await this.opened;
        return Array.from({ length: count }, () => this.#lease());
      },
      finish: async () => ({ batchItemFailures: [] }),
    };
    const { clock, log } = this;
    const at = { agent, backend, batch, clock, log, remainingMs, random: Math.random, maxHops: 32 };
    return runEvent({ ...at, draftsOf: () => ({}) } as unknown as AgentRunOptions);
  }

  #lease(): EventLease {
    const message = say('m');
    return {
      agent: 'x',
      namespace: 'prod',
      until: this.clock.now() + 1e6,
      message,
      key: message,
      attemptsBefore: 0,
      returned: false,
      epoch: 0,
      spent: { usd: 0, tokens: 0 },
      end: () => {},
    } as unknown as EventLease;
  }
}

test.each([
  { timeoutMs: 30_000, remainingMs: 60_000, has: 30_000 },
  { timeoutMs: 300_000, remainingMs: 330_000, has: 300_000 },
  { timeoutMs: 870_000, remainingMs: 900_000, has: 870_000 },
  // A function that is shorter than its agent: four fifths of what is left for handling.
  { timeoutMs: 60_000, remainingMs: 30_000, has: 20_000 },
])(
  'a handler with $timeoutMs ms has $has of the $remainingMs that its function has left',
  async ({ timeoutMs, remainingMs, has }) => {
    const lab = new EventLab();
    let seen = 0;

    await lab.run(timeoutMs, remainingMs, (context) => {
      seen = context.remainingMs();
    });

    expect(seen).toBe(has);
    expect(lab.settled).toEqual(['completed']);
  },
);

test('what is opened when the time is over is handed back, and no handler is started', async () => {
  const lab = new EventLab();
  const { promise, resolve } = Promise.withResolvers<void>();
  lab.opened = promise;
  let started = 0;

  const answer = lab.run(1_000, 1_000, () => void started++);
  await lab.clock.force(810);
  resolve();

  expect(await answer).toEqual({ batchItemFailures: [] });
  expect([started, lab.settled]).toEqual([0, ['released']]);
});

test('answers in time though what was decided cannot be written: what was acknowledged until then is', async () => {
  const lab = new EventLab();
  lab.settle = () => new Promise(() => {});

  const answer = lab.run(1_000, 30_000, () => {});
  await lab.clock.force(28_000);

  expect(await answer).toEqual({ batchItemFailures: [] });
  expect(lab.log.texts).toEqual(['warn: answers before all is settled: the rest comes again']);
});

test.each(['at-most-once', 'at-least-once', 'exactly-once'] as const)(
  '%s: what would have less than the time of an attempt goes back before it is started, and uncounted',
  async (guarantee) => {
    const lab = new EventLab();
    const had: number[] = [];
    const handle: Handle = async (context) => {
      had.push(context.remainingMs());
      await context.sleep(20_000);
    };

    const answer = lab.run(30_000, 60_000, handle, { count: 4, guarantee, concurrency: 1 });
    for (let s = 0; s <= 60; s++) await lab.clock.force(1_000);
    await answer;

    expect(had).toEqual([30_000, 30_000]);
    expect(lab.acknowledged).toBe(guarantee === 'at-most-once' ? 2 : 0);
    expect(lab.settled).toEqual(['completed', 'completed', 'released', 'released']);
    expect(lab.log.texts).toEqual([]);
  },
);

test('as many as may run at once are started though they have less time than an attempt may take', async () => {
  const lab = new EventLab();
  const { promise, resolve } = Promise.withResolvers<void>();
  lab.opened = promise;
  let started = 0;

  const answer = lab.run(55_000, 60_000, () => void started++, { count: 3, guarantee: 'at-most-once', concurrency: 2 });
  await lab.clock.force(1);
  resolve();
  await answer;

  expect([started, lab.settled]).toEqual([2, ['completed', 'completed', 'released']]);
});
