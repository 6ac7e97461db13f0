/** @module The memory backend on a virtual clock, for the conformance suite. */
import { MemoryBackend } from '../../backends/memory/memory-backend.ts';
import { seededRandom } from '../random.ts';
import { VirtualClock } from '../virtual-clock.ts';
import type { CreateHarness } from './harness.ts';

export const memoryHarness: CreateHarness = (seed) => {
  const clock = new VirtualClock();
  const random = seededRandom(seed);
  const unitMs = 1_000;
  return {
    clock,
    random,
    unitMs,
    open: async () => new MemoryBackend({ clock, random }),
    advance: (units) => clock.advance(units * unitMs),
    quiet: () => clock.quiet(),
    deliverRaw: async (backend, namespace, key, raw) => {
      if (!(backend instanceof MemoryBackend))
        throw new TypeError('this harness plants bytes in a memory backend only');
      backend.deliverRaw(namespace, key, raw);
    },
  };
};
