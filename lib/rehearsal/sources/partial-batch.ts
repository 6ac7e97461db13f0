/** @module Which records of a batch a function reported as failed. */
import type { Json, JsonObject } from '../../core/json.ts';
import type { InvocationResult } from '../functions/invocation.ts';

/**
 * What Lambda makes of an answer: ids that failed, or `all` for an error, and for an answer that it does not understand: an
 * id that is missing, empty, or of no record of the batch, or a field under another name.
 *
 * @param reports Whether the mapping has `ReportBatchItemFailures`; without it the answer counts for nothing.
 */
export function failedIn(
  result: InvocationResult,
  ids: ReadonlySet<string>,
  reports: boolean,
): ReadonlySet<string> | 'all' {
  if (result.functionError !== undefined) return 'all';
  if (!reports) return new Set();
  const answer = JSON.parse(result.payload) as Json;
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer)) return new Set();
  const failures = (answer as JsonObject).batchItemFailures ?? [];
  if (!Array.isArray(failures)) return 'all';
  const named = failures.map((failure: Json) => (failure as JsonObject | null)?.itemIdentifier);
  const known = named.filter((id): id is string => typeof id === 'string' && ids.has(id));
  return known.length === named.length ? new Set(known) : 'all';
}
