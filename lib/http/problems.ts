/** @module Errors as they are told over HTTP (https://www.rfc-editor.org/rfc/rfc9457): one table of code, status and title. */
import { type FieldFault, GuildwireError } from '../core/errors.ts';
import type { Problem } from './schemas/answers.ts';

export const PROBLEM_TYPE = 'application/problem+json';
/** How long to wait where the error does not say. */
const RETRY_AFTER_MS = 1_000;

/** Every error that a request can end with; others are the server's own, and told as INTERNAL. */
const problems: Readonly<Record<string, readonly [status: number, title: string]>> = {
  INVALID_MESSAGE: [400, 'The message is invalid'],
  PAYLOAD_INVALID: [400, 'The payload does not fit its format'],
  INVALID_ARGUMENT: [400, 'The request is invalid'],
  MALFORMED_REQUEST: [400, 'The request is malformed'],
  MALFORMED_BODY: [400, 'The body is not JSON'],
  DELAY_TOO_LONG: [400, 'The delay is too long'],
  UNAUTHENTICATED: [401, 'Not authenticated'],
  FORBIDDEN: [403, 'Not allowed'],
  NOT_FOUND: [404, 'Not found'],
  NO_SUCH_ROUTE: [404, 'No such route'],
  METHOD_NOT_ALLOWED: [405, 'The method is not allowed'],
  IDEMPOTENCY_CONFLICT: [409, 'The idempotency key was used before'],
  EMPTY_PLAN: [409, 'Nothing to do'],
  BODY_TOO_LARGE: [413, 'The body is too large'],
  PAYLOAD_TOO_LARGE: [413, 'The payload is too large'],
  UNSUPPORTED_MEDIA_TYPE: [415, 'The content type is not supported'],
  MISDIRECTED: [421, 'Not this server'],
  FILTERED: [422, 'The message was filtered out'],
  RATE_LIMITED: [429, 'Too many requests'],
  INTERNAL: [500, 'The server failed'],
  ASYNC_FORMAT: [500, 'The format cannot be checked'],
  MIDDLEWARE_FAILED: [500, 'A middleware failed'],
  UNSUPPORTED_FEATURE: [501, 'The backend cannot do this'],
  BACKEND_FULL: [503, 'Too much is waiting'],
  BACKEND_UNAVAILABLE: [503, 'The backend cannot be reached'],
  CIRCUIT_OPEN: [503, 'Publishing is suspended'],
  POSTPONED: [503, 'Not now'],
  TOO_MANY_STREAMS: [503, 'Too many streams'],
  CLOSING: [503, 'The server is about to stop'],
  TIMED_OUT: [503, 'No answer in time'],
};

/** What is told of an error that is not in the table: nothing of it. */
const INTERNAL = {
  code: 'INTERNAL',
  retryable: false,
  message: 'the server failed, and has logged why: name the request id to whoever runs it',
} as const;

type Told = Pick<GuildwireError, 'code' | 'retryable' | 'message'> & { readonly faults?: readonly FieldFault[] };

/** Whether the error may be told to who asked; anything else is a defect, to be logged. */
export function isTold(error: unknown): error is GuildwireError {
  return error instanceof GuildwireError && Object.hasOwn(problems, error.code);
}

/** The error as a problem document; of an unknown one only that it was. */
export function toProblem(error: unknown, requestId?: string): Problem {
  const told: Told = isTold(error) ? error : INTERNAL;
  const [status, title] = problems[told.code] as readonly [number, string];
  return {
    type: `urn:guildwire:problem:${told.code}`,
    title,
    status,
    detail: told.message,
    code: told.code,
    retryable: told.retryable,
    ...(told.faults !== undefined && { faults: told.faults.map(({ field, problem }) => ({ field, problem })) }),
    ...(requestId !== undefined && { requestId }),
  };
}

/** Headers that belong to a problem besides its type. */
export function problemHeaders(error: unknown, status: number): Readonly<Record<string, string>> {
  const { retryAfterMs, delayMs, allowed } = error as { retryAfterMs?: number; delayMs?: number; allowed?: string[] };
  const waitMs = retryAfterMs ?? delayMs ?? RETRY_AFTER_MS;
  return {
    ...((status === 429 || status === 503) && { 'retry-after': String(Math.max(1, Math.ceil(waitMs / 1_000))) }),
    ...(status === 401 && { 'www-authenticate': challenge(error) }),
    ...(status === 405 && { allow: (allowed ?? []).join(', ') }),
  };
}

function challenge(error: unknown): string {
  const { wereGiven } = error as { readonly wereGiven?: boolean };
  return `Bearer realm="guildwire"${wereGiven ? ', error="invalid_token"' : ''}`;
}
