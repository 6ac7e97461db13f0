/** @module Chaos: faults as products have them, put into any backend, and repeatable by their seed. */
import type { Backend } from '../../backends/backend.ts';
import { InvalidArgumentError } from '../../core/errors.ts';
import { show } from '../../core/show.ts';
import { ChaosBackend } from './chaos-backend.ts';
import { type ChaosOptions, chaosFaults, chaosSettings } from './chaos-options.ts';

/**
 * The backend with faults that the delivery contract permits: whatever they do, a guild that keeps the contract gets its work
 * done. The same seed and the same calls give the same faults. Closing it closes `backend`.
 *
 * @throws InvalidArgumentError with everything that is wrong.
 * @example
 * const store = chaos(new MemoryBackend(), { seed: 1, crashBeforeSettle: 0.1, outage: { chance: 0.01, maxMs: 5_000 } });
 * await using running = await startGuild(guild, { backend: () => store });
 * for (const fault of store.faults) console.log(fault.number, fault.description);
 */
export function chaos(backend: Backend, options: ChaosOptions): ChaosBackend {
  const isBackend = typeof backend?.lease === 'function' && typeof backend.settle === 'function';
  if (!isBackend) {
    const fault = { field: 'backend', problem: `got ${show(backend)}: allowed is an open backend` };
    throw new InvalidArgumentError([fault, ...chaosFaults(options)]);
  }
  return new ChaosBackend(backend, chaosSettings(options));
}
