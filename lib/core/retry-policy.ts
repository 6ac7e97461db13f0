/** @module When a failed attempt is repeated: exponential backoff with full jitter. */

export interface RetryPolicy {
  /** Attempts in all, the first one included. */
  readonly attempts: number;
  /** Upper bound of the first delay. */
  readonly baseMs: number;
  /** Upper bound of every delay. */
  readonly maxMs: number;
}

export const defaultRetryPolicy: RetryPolicy = { attempts: 5, baseMs: 1_000, maxMs: 300_000 };

/** Beyond it every bound is reached, and numbers end. */
const MAX_DOUBLINGS = 50;

/**
 * How long to wait after the `failed`-th failed attempt, in ms: anything from 0 to the bound that doubles with each attempt
 * ("full jitter", https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/), so that deliveries
 * that failed together do not come back together.
 */
export function retryDelayMs(policy: RetryPolicy, failed: number, random: () => number): number {
  return Math.floor(random() * Math.min(policy.maxMs, policy.baseMs * 2 ** Math.min(failed - 1, MAX_DOUBLINGS)));
}
