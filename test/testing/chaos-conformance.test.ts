import { type ChaosBackend, type CreateHarness, chaos, describeBackend, memoryHarness } from 'guildwire/testing';

/** Chaos without faults: whatever a backend promises must come through it unchanged. */
const behindChaos: CreateHarness = (seed) => {
  const harness = memoryHarness(seed);
  let backend: ChaosBackend | undefined;
  return {
    ...harness,
    open: async (subscriptions) => {
      backend ??= chaos(await harness.open(subscriptions), { seed, clock: harness.clock });
      return backend;
    },
    setReachable: async (_, isReachable) => (isReachable ? backend?.up() : backend?.down()),
  };
};

describeBackend('memory behind chaos without faults', behindChaos);
