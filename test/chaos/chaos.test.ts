import { expect, test } from 'vitest';
import { testSeed } from '../../lib/environment/variables.ts';
import { runChaos } from './chaos-run.ts';
import { chaosTable } from './chaos-table.ts';

/** Nothing is timed: whoever stands still for a minute says what waits, and this is only the end of all patience. */
const PATIENCE_MS = 15 * 60_000;

test('20,000 messages through workers that are killed, and a store that is cut off, paused and killed: each is handled, and every output exists once', {
  timeout: PATIENCE_MS,
}, async () => {
  const seed = testSeed() ?? Math.floor(Math.random() * 2 ** 32);
  const lines = [`GUILDWIRE_TEST_SEED=${seed}`];

  const outcome = await runChaos({
    seed,
    messages: 20_000,
    minMs: 0,
    guarantee: 'exactly-once',
    say: (line) => lines.push(line),
  }).finally(() => console.info(lines.join('\n')));
  console.info(chaosTable(outcome).join('\n'));

  expect(outcome.faults).toEqual([]);
  expect(outcome.surprises).toEqual([]);
  expect(outcome.deadLetters).toBe(0);
  expect(outcome.accepted).toBeGreaterThanOrEqual(20_000);
});
