/** @module What `guildwire/middleware` exports: what stands around handlers and publishing, and how to compose it. */
export { type CircuitBreakerOptions, circuitBreaker } from './circuit-breaker.ts';
export { type FilterSides, filter } from './filter.ts';
export { type LoggingOptions, logging } from './logging.ts';
export type {
  HandleNext,
  Handling,
  Middleware,
  Publication,
  Published,
  Publishing,
  PublishNext,
} from './middleware.ts';
export { pipeline } from './pipeline.ts';
export { type RetryOptions, retry } from './retry.ts';
export { type ThrottleOptions, throttle } from './throttle.ts';
export { timeout } from './timeout.ts';
export { type TransformSides, transform } from './transform.ts';
