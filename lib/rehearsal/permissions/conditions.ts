/** @module The conditions of a policy's statement: whether they hold for a call, as far as a rehearsal can tell. */
import type { Json, JsonObject } from '../../core/json.ts';
import { likeness } from './likeness.ts';

/**
 * What is known about a call, by condition key in lower case. Without values: the call has none. A key that is not there at all
 * is one that a rehearsal knows nothing of.
 */
export type CallContext = Readonly<Record<string, readonly string[]>>;

/** One key of one operator. */
export interface Condition {
  /** In lower case, without what stands around it: `stringlike`. */
  readonly operator: string;
  readonly quantifier: 'forallvalues' | 'foranyvalue' | undefined;
  readonly ifExists: boolean;
  readonly key: string;
  readonly values: readonly string[];
}

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html */
const comparisons: Readonly<Record<string, (wanted: string, found: string) => boolean>> = {
  stringequals: (wanted, found) => wanted === found,
  stringequalsignorecase: (wanted, found) => wanted.toLowerCase() === found.toLowerCase(),
  stringlike: (wanted, found) => likeness(wanted)(found),
  arnequals: (wanted, found) => likeness(wanted)(found),
  arnlike: (wanted, found) => likeness(wanted)(found),
  bool: (wanted, found) => wanted.toLowerCase() === found.toLowerCase(),
  numericequals: (wanted, found) => Number(found) === Number(wanted),
  numericlessthan: (wanted, found) => Number(found) < Number(wanted),
  numericlessthanequals: (wanted, found) => Number(found) <= Number(wanted),
  numericgreaterthan: (wanted, found) => Number(found) > Number(wanted),
  numericgreaterthanequals: (wanted, found) => Number(found) >= Number(wanted),
};
const negations: Readonly<Record<string, string>> = {
  stringnotequals: 'stringequals',
  stringnotequalsignorecase: 'stringequalsignorecase',
  stringnotlike: 'stringlike',
  arnnotequals: 'arnequals',
  arnnotlike: 'arnlike',
  numericnotequals: 'numericequals',
};
const OPERATOR = /^(?:(forallvalues|foranyvalue):)?(\w+?)(ifexists)?$/;

export function conditionsOf(block: Json | undefined): readonly Condition[] {
  return Object.entries((block ?? {}) as Readonly<Record<string, JsonObject>>).flatMap(([name, keys]) => {
    const [, quantifier, operator = name, ifExists] = OPERATOR.exec(name.toLowerCase()) ?? [];
    return Object.entries(keys).map(([key, values]) => ({
      operator,
      quantifier: quantifier as Condition['quantifier'],
      ifExists: ifExists !== undefined,
      key: key.toLowerCase(),
      values: [values].flat().map(String),
    }));
  });
}

/** Undefined where it cannot be told: for an operator, a key or a policy variable that a rehearsal does not know. */
export function holds({ operator, quantifier, ifExists, key, values }: Condition, context: CallContext) {
  const found = context[key];
  if (found === undefined || values.some((value) => value.includes('${'))) return undefined;
  if (operator === 'null') return (found.length === 0) === (values[0] === 'true');
  const negated = negations[operator];
  const compare = comparisons[negated ?? operator];
  if (compare === undefined) return undefined;
  if (found.length === 0)
    return ifExists || quantifier === 'forallvalues' || (quantifier === undefined && negated !== undefined);
  if (found.length > 1 && quantifier === undefined) return undefined;
  const fits = (one: string) => values.some((wanted) => compare(wanted, one)) === (negated === undefined);
  return quantifier === 'forallvalues' ? found.every(fits) : found.some(fits);
}
