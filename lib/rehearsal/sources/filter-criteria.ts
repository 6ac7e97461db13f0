/** @module Filter criteria of event source mappings: which records reach the function. */
import type { Json, JsonObject } from '../../core/json.ts';
import { IntrinsicFault } from '../template/intrinsics.ts';

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * The patterns of a mapping's `FilterCriteria`, as one test. A record passes where one of them matches it, and where there
 * are none.
 *
 * @throws IntrinsicFault for an operator that is not known.
 */
export function filterOf(criteria: Json | undefined): (record: Json) => boolean {
  const filters =
    isObject(criteria) && Array.isArray(criteria.Filters) ? (criteria.Filters as readonly JsonObject[]) : [];
  const patterns = filters.map(({ Pattern }) => JSON.parse(String(Pattern)) as Json);
  for (const pattern of patterns) check(pattern);
  return (record) => patterns.length === 0 || patterns.some((pattern) => matches(pattern, record));
}

/** https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html */
function matches(pattern: Json, value: Json | undefined): boolean {
  if (Array.isArray(pattern)) {
    const values = Array.isArray(value) ? (value as readonly Json[]) : [value];
    return pattern.some((rule: Json) => values.some((one) => fits(rule, one)));
  }
  if (!isObject(pattern)) return false;
  return Object.entries(pattern).every(([field, inner]) =>
    field === '$or' && Array.isArray(inner)
      ? inner.some((one: Json) => matches(one, value))
      : matches(inner, isObject(value) ? value[field] : undefined),
  );
}

const operators: Readonly<Record<string, (argument: Json, value: Json | undefined) => boolean>> = {
  exists: (argument, value) => (value !== undefined) === argument,
  prefix: (argument, value) => typeof value === 'string' && value.startsWith(String(argument)),
  suffix: (argument, value) => typeof value === 'string' && value.endsWith(String(argument)),
  'equals-ignore-case': (argument, value) =>
    typeof value === 'string' && value.toLowerCase() === String(argument).toLowerCase(),
  'anything-but': (argument, value) => value !== undefined && ![argument].flat().includes(value),
};

function fits(rule: Json, value: Json | undefined): boolean {
  if (!isObject(rule)) return rule === value;
  return Object.entries(rule).every(([operator, argument]) => operators[operator]?.(argument, value) === true);
}

/** What of a rule is not known; of those that are, operators within operators. */
function unknownIn(operator: string, argument: Json): string | undefined {
  if (!Object.hasOwn(operators, operator)) return `"${operator}"`;
  const values: readonly Json[] = operator === 'anything-but' ? [argument].flat() : [argument];
  const isPlain = values.every((one) => typeof one !== 'object' || one === null);
  return isPlain ? undefined : `"${operator}" of ${JSON.stringify(argument)}`;
}

function check(pattern: Json): void {
  if (Array.isArray(pattern)) {
    for (const rule of pattern as readonly Json[])
      for (const [operator, argument] of isObject(rule) ? Object.entries(rule) : []) {
        const unknown = unknownIn(operator, argument);
        if (unknown !== undefined) throw new IntrinsicFault(`filter operator ${unknown} is not known to the rehearsal`);
      }
  } else if (isObject(pattern)) {
    for (const [field, inner] of Object.entries(pattern))
      for (const one of field === '$or' && Array.isArray(inner) ? (inner as readonly Json[]) : [inner]) check(one);
  }
}
