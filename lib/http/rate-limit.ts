/** @module How often each principal may ask: a bucket of tokens that fills at a steady pace. */
import type { Clock } from '../core/clock.ts';
import { RateLimitedError } from './http-errors.ts';

export interface RateLimit {
  /** Requests a second, in the long run. */
  readonly perSecond: number;
  /** Requests at once. */
  readonly burst: number;
}

interface Bucket {
  tokens: number;
  /** Unix ms at which they were counted. */
  at: number;
}

const MAX_BUCKETS = 10_000;

export class RateLimiter {
  readonly #limit: RateLimit;
  readonly #clock: Clock;
  readonly #buckets = new Map<string, Bucket>();

  constructor(limit: RateLimit, clock: Clock) {
    this.#limit = limit;
    this.#clock = clock;
  }

  /** @throws RateLimitedError if the principal has to wait. */
  take(principal: string): void {
    const { perSecond, burst } = this.#limit;
    const now = this.#clock.now();
    const bucket = this.#bucketOf(principal, now);
    // A clock that was set back must not empty a bucket.
    const passedMs = Math.max(0, now - bucket.at);
    bucket.tokens = Math.min(burst, bucket.tokens + (passedMs * perSecond) / 1_000);
    bucket.at = now;
    if (bucket.tokens < 1)
      throw new RateLimitedError(principal, perSecond, Math.ceil(((1 - bucket.tokens) * 1_000) / perSecond));
    bucket.tokens--;
  }

  #bucketOf(principal: string, now: number): Bucket {
    let bucket = this.#buckets.get(principal);
    if (bucket === undefined) {
      if (this.#buckets.size >= MAX_BUCKETS) this.#forgetFull(now);
      bucket = { tokens: this.#limit.burst, at: now };
      this.#buckets.set(principal, bucket);
    }
    return bucket;
  }

  /** A bucket that is full again is as good as none; if all are in use the oldest goes. */
  #forgetFull(now: number): void {
    const { perSecond, burst } = this.#limit;
    for (const [principal, { tokens, at }] of this.#buckets) {
      if (tokens + ((now - at) * perSecond) / 1_000 >= burst) this.#buckets.delete(principal);
    }
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size >= MAX_BUCKETS && oldest !== undefined) this.#buckets.delete(oldest);
  }
}
