import { expect, test } from 'vitest';
import { testSeed } from '../../../lib/environment/variables.ts';
import { runChaos } from './chaos/chaos-run.ts';

const MESSAGES = 2_000;

test(`${MESSAGES} messages, each delivered twice, while processes are killed and a fifth of all calls go wrong, are each handled once`, async () => {
  const seed = testSeed() ?? Math.floor(Math.random() * 2 ** 32);
  console.info(`seed ${seed}`);

  const outcome = await runChaos({ seed, messages: MESSAGES, say: () => {} });

  expect(outcome.faults).toEqual([]);
  expect(outcome.deadLetters).toBe(MESSAGES / 100);
  // Everything that is to be survived has happened.
  expect(outcome.killed.agents).toBeGreaterThan(0);
  expect(outcome.killed.relay).toBeGreaterThan(0);
  expect(outcome.again).toBeGreaterThanOrEqual(MESSAGES * 0.9);
  expect(Object.keys(outcome.calls).toSorted()).toEqual([
    'reset after',
    'reset before',
    'server-error after',
    'server-error before',
    'throttling before',
  ]);
}, 1_200_000);
