/** @module What `guildwire/http` exports: the HTTP API as an app, who may ask it, and counting. */
export { type MeteredBackend, metered } from '../backends/metered/metered-backend.ts';
export { Metrics } from '../backends/metered/metrics.ts';
export { type Authenticate, bearerToken, type Permission, type Principal, type TokenOptions } from './authenticate.ts';
export { createHttpApp } from './create-http-app.ts';
export type { Host, HttpApp } from './http-app.ts';
export {
  BodyTooLargeError,
  ClosingError,
  ForbiddenError,
  MalformedBodyError,
  MethodNotAllowedError,
  MisdirectedError,
  NoSuchRouteError,
  RateLimitedError,
  TimedOutError,
  TooManyStreamsError,
  UnauthenticatedError,
  UnsupportedMediaTypeError,
} from './http-errors.ts';
export type { RateLimit } from './rate-limit.ts';
export type { Problem } from './schemas/answers.ts';
export type { HttpAppOptions, StreamSettings } from './settings.ts';
