/** @module What a handler says that it spent (G2). */
import type { Spend } from '../backends/backend.ts';
import { type FieldFault, InvalidArgumentError } from '../core/errors.ts';
import { show } from '../core/show.ts';

/** What was spent before, and the amount. @throws InvalidArgumentError for what is no number from 0. */
export function addSpending(before: Spend | undefined, { usd = 0, tokens = 0 }: Partial<Spend>): Spend {
  const faults: FieldFault[] = [];
  for (const [field, value] of Object.entries({ usd, tokens })) {
    if (!(Number.isFinite(value) && value >= 0))
      faults.push({ field, problem: `got ${show(value)}: allowed is a number from 0` });
  }
  if (faults.length > 0) throw new InvalidArgumentError(faults);
  return { usd: (before?.usd ?? 0) + usd, tokens: (before?.tokens ?? 0) + tokens };
}
