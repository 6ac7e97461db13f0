/** @module How filter and transform are called: with sides, or with a format and sides. */
import { type FieldFault, InvalidDefinitionError } from '../../core/errors.ts';
import { type Format, isFormat } from '../../core/format.ts';
import { show } from '../../core/show.ts';
import { checkOptions, isFunction, optional } from './option-rules.ts';

export type Of<Sides> = readonly [Sides] | readonly [Format, Sides];

export function sidesOf<Sides>(given: Of<Sides>): { readonly format: Format | undefined; readonly sides: Sides } {
  return given.length === 1 ? { format: undefined, sides: given[0] } : { format: given[0], sides: given[1] };
}

/** @throws InvalidDefinitionError for what is no format or no function, and if there is no side. */
export function checkSides(
  middleware: string,
  format: Format | undefined,
  sides: { readonly handle?: unknown; readonly publish?: unknown },
): void {
  const faults: FieldFault[] = [];
  if (format !== undefined && !isFormat(format)) {
    faults.push({ field: 'format', problem: `got ${show(format)}: pass what defineFormat gave, or leave it out` });
  }
  checkOptions(middleware, sides, { handle: optional(isFunction), publish: optional(isFunction) });
  if (sides.handle === undefined && sides.publish === undefined) {
    faults.push({ field: 'sides', problem: 'is empty: name a function for handle, publish or both' });
  }
  if (faults.length > 0) throw new InvalidDefinitionError(middleware, faults);
}
