import { type ChaosFaults, someChaos } from 'guildwire/testing';
import { expect, test } from 'vitest';
import {
  brokenOrder,
  doubledOutputs,
  earlyProgress,
  forgottenKeys,
  lostAcknowledgement,
  lostDeadLetter,
  lostDelivery,
  lostOutputs,
  lostState,
  miscountedProgress,
  unfencedConsumers,
} from './defects.ts';
import { exploreModel } from './model/model.ts';

const none: ChaosFaults = {};

/** What each defect breaks, and the faults under which it shows. */
const planted = [
  [lostAcknowledgement, /D8 .* ended 2 times/, none],
  [lostOutputs, /D9 .* is not there/, none],
  [lostDelivery, /P1 .* never ended/, none],
  [doubledOutputs, /D9 .* is there 2 times/, none],
  [earlyProgress, /G3 .* settled too early/, none],
  [miscountedProgress, /G3 .* counts/, none],
  [brokenOrder, /D4 .* ended before|in other hands/, none],
  [lostState, /S1 .* counted/, none],
  [lostDeadLetter, /D7 .* has 0 dead letters/, none],
  [forgottenKeys, /D9 root\d under .* from the user is there \d times/, someChaos],
  [unfencedConsumers, /D8 .* ended 2 times/, someChaos],
] as const;

for (const [defect, breaks, faults] of planted) {
  test(`the model finds ${defect.name}, and names the seed`, async () => {
    const explored = exploreModel({ seeds: 50, faults, defect, maxShrinkRuns: 20 });

    await expect(explored).rejects.toMatchObject({
      code: 'EXPLORE',
      message: expect.stringMatching(breaks),
      seed: expect.any(Number),
    });
    await expect(explored).rejects.toThrow(/GUILDWIRE_TEST_SEED=\d+/);
  });
}
