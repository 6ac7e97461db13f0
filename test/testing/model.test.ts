import { type ChaosFaults, someChaos } from 'guildwire/testing';
import { test } from 'vitest';
import { exploreModel } from './model/model.ts';

const SEEDS = 200;

const mixes: readonly (readonly [name: string, faults: ChaosFaults])[] = [
  ['nothing fails', {}],
  ['some of everything fails', someChaos],
  ['consumers die', { crashBeforeSettle: 0.3, crashAfterSettle: 0.2, duplicate: 0.2 }],
  // Longer than a lease, so that consumers find that they have lost theirs.
  ['the store comes and goes', { outage: { chance: 0.05, maxMs: 60_000 }, failAppend: 0.3 }],
  ['answers are late, twice or out of order', { delay: { chance: 0.4, maxMs: 10_000 }, reorder: 0.8, duplicate: 0.4 }],
];

for (const [index, [name, faults]] of mixes.entries()) {
  test(`any guild gets what the contract promises while ${name}`, async () => {
    await exploreModel({ seeds: SEEDS, seed: 1 + index * SEEDS, faults });
  });
}
