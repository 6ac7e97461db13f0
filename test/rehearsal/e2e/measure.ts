/**
 * `npm run bench:rehearsal -- [--messages 300]`: one agent in a rehearsal of its stack. How long a message takes from the request
 * to the handler, how many a second, and what one costs in calls, write units and dollars; in a trickle and all at once, at least once
 * and exactly once, through the log and directly.
 *
 * The machine is far slower than AWS at everything but the network, so times only compare with each other; counts are those of AWS.
 */
import { parseArgs } from 'node:util';
import { defineGuild } from 'guildwire';
import { observedCost } from '../../../lib/cli/cost/observed.ts';
import { pricesOf } from '../../../lib/cli/cost/prices.ts';
import type { Observation } from '../../../lib/cli/rehearse/observation.ts';
import { Stage } from '../../../lib/cli/rehearse/stage.ts';
import { spreadsOf } from '../../../lib/cli/rehearse/timeline.ts';
import { Note } from './fixtures/note.ts';
import sink from './fixtures/sink.ts';
import { synthesized } from './stack.ts';

const { values } = parseArgs({ options: { messages: { type: 'string', default: '300' } } });
const MESSAGES = Number(values.messages);
const TRICKLE = 40;

for (const relay of ['log', 'direct'] as const)
  for (const guarantee of ['at-least-once', 'exactly-once'] as const) {
    const guild = defineGuild({
      name: 'bench',
      agents: [{ ...sink, guarantee }],
      topics: { notes: { formats: [Note], relay } },
    });
    using assembly = synthesized({ guild });
    for (const batch of [1, 10]) {
      await using stage = await Stage.open({
        assembly: assembly.folder,
        stack: undefined,
        namespace: undefined,
        timeoutMs: 120_000,
        log: undefined,
      });
      await publish(stage, 0, 20, 10);
      const warmed = stage.rehearsal.counts();
      const before = stage.observation.counts(stage.rehearsal);
      const count = batch === 1 ? TRICKLE : MESSAGES;
      const startedAt = performance.now();
      const asked = await publish(stage, 20, count, batch);
      const seconds = (performance.now() - startedAt) / 1_000;
      report(`${relay}, ${guarantee}, ${batch === 1 ? 'one by one' : 'all at once'}`, {
        stage,
        warmed,
        before,
        asked,
        count,
        seconds,
      });
    }
  }

/** When each was asked for, by id. */
async function publish(stage: Stage, from: number, count: number, batch: number): Promise<ReadonlyMap<string, number>> {
  const { client } = stage;
  const asked = new Map<string, number>();
  const step = batch === 1 ? 1 : 100;
  for (let next = from; next < from + count; next += step) {
    const at = Date.now();
    const entries = Array.from({ length: Math.min(step, from + count - next) }, (_, index) => ({
      topics: 'notes',
      format: Note,
      payload: { n: next + index },
    }));
    for (const outcome of await client.publishMany(entries)) if (outcome.ok) asked.set(outcome.id, at);
    if (batch === 1) await stage.settled();
  }
  await stage.settled();
  return asked;
}

interface Measured {
  readonly stage: Stage;
  readonly warmed: ReturnType<Stage['rehearsal']['counts']>;
  readonly before: ReturnType<Observation['counts']>;
  readonly asked: ReadonlyMap<string, number>;
  readonly count: number;
  readonly seconds: number;
}

function report(title: string, { stage, warmed, before, asked, count, seconds }: Measured): void {
  const { rehearsal, hops, observation } = stage;
  const mine = hops.deliveries.filter(({ id }) => asked.has(id));
  const times = mine
    .map(({ id, storedAt, totalMs, handlerMs }) => storedAt + totalMs - handlerMs - (asked.get(id) ?? 0))
    .toSorted((one, other) => one - other);
  const at = (share: number) => times[Math.max(0, Math.ceil(times.length * share) - 1)];
  const after = observation.counts(rehearsal);
  const calls = Object.fromEntries(
    Object.entries(after.calls)
      .map(([name, n]) => [name, n - (before.calls[name] ?? 0)] as const)
      .filter(([, n]) => n > 0),
  );
  const lambda = Object.fromEntries(
    Object.entries(after.lambda).map(([name, { invocations, ms, memoryMb }]) => {
      const { invocations: earlier = 0, ms: earlierMs = 0 } = before.lambda[name] ?? {};
      return [name, { invocations: invocations - earlier, ms: ms - earlierMs, memoryMb }];
    }),
  );
  const { prices } = pricesOf('us-east-1');
  const { lines } = observedCost({ messages: count, calls, lambda }, prices);
  const dollars = (pick: (what: string) => boolean) =>
    lines.filter(({ what }) => pick(what)).reduce((sum, { usd }) => sum + usd, 0);
  console.info(`\n${title}: ${count} messages in ${seconds.toFixed(1)} s, ${(count / seconds).toFixed(0)}/s`);
  console.info(`  request → handler p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`);
  for (const [hop, { p50, p99 }] of Object.entries(spreadsOf(mine))) console.info(`  ${hop} p50 ${p50} p99 ${p99}`);
  const { write } = rehearsal.counts().capacityUnits;
  console.info(`  write units ${((write - warmed.capacityUnits.write) / count).toFixed(2)} a message`);
  console.info(
    `  ${Object.entries(calls)
      .map(([name, n]) => `${name} ${(n / count).toFixed(2)}`)
      .join(', ')}`,
  );
  console.info(
    `  per million: $${dollars(() => true).toFixed(2)} in all, $${dollars((what) => !/compute|invocations|httpApi|logs/.test(what)).toFixed(2)} without API, functions and logs`,
  );
}
