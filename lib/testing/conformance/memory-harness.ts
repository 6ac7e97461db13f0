/** @module The memory backend on a virtual clock, for the conformance suite. */
import { MemoryBackend } from '../../backends/memory/memory-backend.ts';
import { FragileBackend } from '../chaos/fragile-backend.ts';
import { seededRandom } from '../random.ts';
import { VirtualClock } from '../virtual-clock.ts';
import type { CreateHarness } from './harness.ts';

export const memoryHarness: CreateHarness = (seed) => {
  const clock = new VirtualClock();
  const random = seededRandom(seed);
  const unitMs = 1_000;
  const memory = new MemoryBackend({ clock, random });
  const backend = new FragileBackend(memory);
  return {
    clock,
    random,
    unitMs,
    open: async () => backend,
    advance: (units) => clock.advance(units * unitMs),
    quiet: () => clock.quiet(),
    // What is in this process cannot go away by itself, so the way to it does.
    setReachable: async (_, isReachable) => (isReachable ? backend.up() : backend.down()),
    deliverRaw: async (_, namespace, key, raw) => memory.deliverRaw(namespace, key, raw),
  };
};
