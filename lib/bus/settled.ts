/** @module Waiting until all that a message set off is done (G3). */
import type { Backend } from '../backends/backend.ts';
import { AskAgain } from '../core/ask-again.ts';
import type { Clock } from '../core/clock.ts';
import { type FieldFault, InvalidArgumentError } from '../core/errors.ts';
import { type GemstoneId, gemstoneIdProblem } from '../core/gemstone-id.ts';
import { show } from '../core/show.ts';

export interface SettledOptions {
  /** Whether messages of agents to themselves (`context.later`) are waited for as well. @default true */
  readonly timers?: boolean;
  /** Gives the wait up. */
  readonly signal?: AbortSignal;
}

/** How what descends from a root came out. */
export interface Settled {
  /** Deliveries whose handler was done. */
  readonly handled: number;
  /** Dead letters, but those that are `halted`. */
  readonly failed: number;
  /** Dead letters for too many generations, the deadline or the budget. */
  readonly halted: number;
  /** Timers that still wait; 0 unless they were not waited for. */
  readonly timers: number;
}

/** How long one call waits before it is made again, which is also how long an abort may go unnoticed by a backend. */
const WAIT_MS = 20_000;

export async function settled(
  backend: Backend,
  clock: Clock,
  namespace: string,
  root: GemstoneId,
  { timers: withTimers = true, signal }: SettledOptions = {},
): Promise<Settled> {
  const faults: FieldFault[] = [];
  const problem = gemstoneIdProblem(root);
  if (problem !== undefined) faults.push({ field: 'root', problem: `${problem}: pass the id that publish gave` });
  if (typeof withTimers !== 'boolean')
    faults.push({ field: 'timers', problem: `got ${show(withTimers)}: allowed are true and false` });
  if (faults.length > 0) throw new InvalidArgumentError(faults);
  const aborted = signal === undefined ? undefined : rejectedBy(signal);
  const again = new AskAgain(clock);
  try {
    for (;;) {
      signal?.throwIfAborted();
      again.asking();
      const asked = backend.progress(namespace, root, { waitMs: WAIT_MS, timers: withTimers });
      const progress = await (aborted === undefined ? asked : Promise.race([asked, aborted.promise]));
      const { waiting, running, retrying, delayed, timers, handled, failed, halted } = progress;
      if (waiting + running + retrying + delayed + (withTimers ? timers : 0) === 0)
        return { handled, failed, halted, timers };
      await again.gotNothing(signal);
    }
  } finally {
    aborted?.forget();
  }
}

function rejectedBy(signal: AbortSignal): { readonly promise: Promise<never>; readonly forget: () => void } {
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => {});
  const onAbort = () => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  return { promise, forget: () => signal.removeEventListener('abort', onAbort) };
}
