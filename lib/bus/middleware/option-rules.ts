/** @module What the options of a middleware may be: every fault in one error, when it is made. */
import { type FieldFault, InvalidDefinitionError } from '../../core/errors.ts';
import { show } from '../../core/show.ts';

export type OptionRule = (value: unknown) => string | undefined;

const MAX_MS = 2 ** 31 - 1;

const number = (least: number, most = Number.MAX_SAFE_INTEGER): OptionRule => {
  const to = most === Number.MAX_SAFE_INTEGER ? '' : ` to ${most}`;
  return (value) =>
    Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most
      ? undefined
      : `got ${show(value)}: allowed is a whole number from ${least}${to}`;
};

export const isCount = number(1);
export const isWait = number(0, MAX_MS);
export const isPeriod = number(1, MAX_MS);
export const isFunction: OptionRule = (value) =>
  typeof value === 'function' ? undefined : `got ${show(value)}: allowed is a function`;
export const optional =
  (rule: OptionRule): OptionRule =>
  (value) =>
    value === undefined ? undefined : rule(value);

/** @throws InvalidDefinitionError with everything that is wrong, options that there are not included. */
export function checkOptions(middleware: string, options: object, rules: Readonly<Record<string, OptionRule>>): void {
  if (typeof options !== 'object' || options === null) {
    throw new InvalidDefinitionError(middleware, [
      { field: 'options', problem: `got ${show(options)}: allowed is an object` },
    ]);
  }
  const faults: FieldFault[] = [];
  const allowed = Object.keys(rules);
  for (const field of Object.keys(options)) {
    if (!allowed.includes(field)) faults.push({ field, problem: `is unknown: allowed are ${allowed.join(', ')}` });
  }
  for (const [field, rule] of Object.entries(rules)) {
    const problem = rule(Reflect.get(options, field));
    if (problem !== undefined) faults.push({ field, problem });
  }
  if (faults.length > 0) throw new InvalidDefinitionError(middleware, faults);
}
