/** @module The conformance suite: the delivery contract, line by line, for any backend. */
import { describe } from 'vitest';
import { contractTests } from './contract-test.ts';
import { deliverGroup } from './deliver.ts';
import { enrichmentGroup } from './enrichment.ts';
import { explainGroup } from './explain.ts';
import { failuresGroup } from './failures.ts';
import { guardGroup } from './guard.ts';
import type { CreateHarness } from './harness.ts';
import { historyGroup } from './history.ts';
import { knownBreaksGroup } from './known-breaks.ts';
import { leasesGroup } from './leases.ts';
import { lifecycleGroup } from './lifecycle.ts';
import { orderingGroup } from './ordering.ts';
import { outageGroup } from './outage.ts';
import { outputsGroup } from './outputs.ts';
import { progressGroup } from './progress.ts';
import { publishGroup } from './publish.ts';
import { recoveryGroup } from './recovery.ts';
import { replaysGroup } from './replays.ts';
import { requestReplyGroup } from './request-reply.ts';
import { stateGroup } from './state.ts';
import { tailsGroup } from './tails.ts';

const groups = [
  publishGroup,
  deliverGroup,
  orderingGroup,
  leasesGroup,
  lifecycleGroup,
  failuresGroup,
  recoveryGroup,
  replaysGroup,
  outputsGroup,
  stateGroup,
  historyGroup,
  tailsGroup,
  enrichmentGroup,
  guardGroup,
  progressGroup,
  explainGroup,
  outageGroup,
  knownBreaksGroup,
  requestReplyGroup,
];

/**
 * Declares the whole suite for one backend, in a vitest file.
 *
 * @param createHarness Called for each test; what it opens is closed by the suite.
 * @example
 * describeBackend('memory', memoryHarness);
 */
export function describeBackend(name: string, createHarness: CreateHarness): void {
  describe(`${name} keeps the delivery contract`, () => {
    for (const { title, define } of groups) describe(title, () => define(contractTests(createHarness)));
  });
}
