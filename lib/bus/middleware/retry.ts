/** @module Repeats what failed at once, in the process: for errors that are over in a moment. */
import { randomUUID } from 'node:crypto';
import { GuildwireError } from '../../core/errors.ts';
import { FilteredError, PermanentError, Postponed, RetryLater } from '../../core/handler-errors.ts';
import { type RetryPolicy, retryDelayMs } from '../../core/retry-policy.ts';
import type { PublishOptions } from '../publish-options.ts';
import type { Middleware } from './middleware.ts';
import { checkOptions, isCount, isFunction, isWait, optional } from './option-rules.ts';

export interface RetryOptions extends Partial<RetryPolicy> {
  /**
   * Which errors are worth another try; PermanentError, RetryLater, Postponed and FilteredError never are.
   *
   * @default - those that are retryable
   */
  readonly isRetryable?: (error: unknown) => boolean;
  /** Numbers in [0, 1), for jitter. @default Math.random */
  readonly random?: () => number;
}

const defaults: Required<RetryOptions> = { attempts: 3, baseMs: 100, maxMs: 5_000, isRetryable, random: Math.random };

/**
 * Tries up to `attempts` times (3), with full jitter between (from 100 ms, doubling up to 5 s), and then fails with the last
 * error.
 *
 * - Handling: all tries are one attempt of the delivery. What a failed try published or wrote is dropped, its effects
 *   (`publishNow`, `request`) are found again by the next. There is no other try if the attempt would be over before it.
 * - Publishing: a message without an idempotency key gets one, so that it is not stored twice if the store had it after all.
 *
 * @throws InvalidDefinitionError for options that are none.
 * @example
 * retry({ attempts: 5, baseMs: 50 });
 */
export function retry(options: RetryOptions = {}): Middleware {
  checkOptions('retry', options, {
    attempts: optional(isCount),
    baseMs: optional(isWait),
    maxMs: optional(isWait),
    isRetryable: optional(isFunction),
    random: optional(isFunction),
  });
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const policy: Required<RetryOptions> = { ...defaults, ...Object.fromEntries(given) };
  return Object.freeze<Middleware>({
    handle({ signal, remainingMs, sleep }, next) {
      const mayWait = (delayMs: number) => !signal.aborted && remainingMs() > delayMs;
      return persist(policy, mayWait, sleep, () => next());
    },
    publish(publishing, next) {
      const { signal, sleep } = publishing;
      const options = keyed(publishing.options);
      return persist(
        policy,
        () => !signal.aborted,
        sleep,
        () => next({ options }),
      );
    },
  });
}

async function persist<T>(
  policy: Required<RetryOptions>,
  mayWait: (delayMs: number) => boolean,
  sleep: (ms: number) => Promise<void>,
  run: () => Promise<T>,
): Promise<T> {
  for (let failed = 1; ; failed++) {
    try {
      return await run();
    } catch (error) {
      if (failed >= policy.attempts || isVerdict(error) || !policy.isRetryable(error)) throw error;
      const delayMs = retryDelayMs(policy, failed, policy.random);
      if (!mayWait(delayMs)) throw error;
      await sleep(delayMs);
    }
  }
}

/** What has been decided about the delivery further in. */
function isVerdict(error: unknown): boolean {
  return [PermanentError, RetryLater, Postponed, FilteredError].some((kind) => error instanceof kind);
}

function isRetryable(error: unknown): boolean {
  return !(error instanceof GuildwireError) || error.retryable;
}

/** Options that are none are left for publishing to refuse. */
function keyed(options: PublishOptions | undefined): PublishOptions | undefined {
  const isNone = options !== undefined && (typeof options !== 'object' || options === null || Array.isArray(options));
  return isNone || options?.idempotencyKey !== undefined ? options : { ...options, idempotencyKey: randomUUID() };
}
