import { metered } from 'guildwire/http';
import { describeBackend, memoryHarness } from 'guildwire/testing';

describeBackend('metered', (seed) => {
  const harness = memoryHarness(seed);
  return {
    ...harness,
    open: async (subscriptions) => metered(await harness.open(subscriptions), undefined, harness.clock),
    // Taking the store away and damaging it are matters of what is inside.
    setReachable: (_, isReachable) => harness.open([]).then((inner) => harness.setReachable(inner, isReachable)),
    deliverRaw: (_, ...rest) => harness.open([]).then((inner) => harness.deliverRaw(inner, ...rest)),
  };
});
