/** @module Which of the open dead letters a plan is about (D7); the same for every backend. */
import { InvalidArgumentError } from '../core/errors.ts';
import type { GemstoneId } from '../core/gemstone-id.ts';
import type { Message } from '../core/message.ts';
import type { PlanRequest } from './backend.ts';
import { passes } from './read-filter.ts';

interface OpenLetter {
  readonly id: GemstoneId;
  /** Undefined if it was no message. */
  readonly original: Message | undefined;
  /** Of the last attempt. */
  readonly errorName: string | undefined;
}

type LetterRequest = PlanRequest & { readonly action: 'redrive' | 'discard' };

/** @throws InvalidArgumentError naming every id of the request that is none of the open ones. */
export function wantedLetters<T>(
  open: readonly T[],
  { agent, ids, filter }: LetterRequest,
  letterOf: (letter: T) => OpenLetter,
): T[] {
  const known = new Set(open.map((letter) => letterOf(letter).id));
  const faults = (ids ?? [])
    .filter((id) => !known.has(id))
    .map((id) => ({
      field: 'ids',
      problem: `${id} is no open dead letter of "${agent}": it was redriven or discarded before, or never was one`,
    }));
  if (faults.length > 0) throw new InvalidArgumentError(faults);
  const wanted = ids === undefined ? undefined : new Set<GemstoneId>(ids);
  return open.filter((each) => {
    const { id, original, errorName } = letterOf(each);
    return (
      (wanted === undefined || wanted.has(id)) &&
      (original === undefined || passes(original, filter)) &&
      (filter?.errorName === undefined || errorName === filter.errorName)
    );
  });
}
