/** @module Checking input by schema: every fault, with its place, in one error. */
import type * as z from 'zod/mini';
import { type FieldFault, InvalidArgumentError } from '../../core/errors.ts';

/**
 * What the schema makes of `value`.
 *
 * @throws InvalidArgumentError with every fault.
 */
export function parse<S extends z.ZodMiniType>(schema: S, value: unknown): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new InvalidArgumentError(faultsOf(result.error));
}

/** @param root What the value itself is called. */
export function faultsOf(error: z.core.$ZodError, root = 'body'): readonly FieldFault[] {
  return error.issues.flatMap((issue): readonly FieldFault[] => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({ field: placeOf([...issue.path, key], root), problem: issue.message }));
    }
    return [{ field: placeOf(issue.path, root), problem: issue.message }];
  });
}

function placeOf(path: readonly PropertyKey[], root: string): string {
  let place = '';
  for (const part of path) {
    if (typeof part === 'number') place += `[${part}]`;
    else place += place === '' ? String(part) : `.${String(part)}`;
  }
  return place === '' ? root : place;
}
