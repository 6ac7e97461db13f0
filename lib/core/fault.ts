/** @module A failed attempt as data: what is kept of an error when it has to outlive its process. */
import { GuildwireError } from './errors.ts';
import { show } from './show.ts';

/** Why an attempt failed. */
export interface Fault {
  /** The `code` of the error if it has one, such as `HANDLER_TIMEOUT` or `ECONNREFUSED`; else `HANDLER_FAILED`. */
  readonly code: string;
  readonly message: string;
  /** The class of the error. */
  readonly name?: string;
  /** At most 4,096 characters. */
  readonly stack?: string;
  /** What the error says of itself. The retry policy tries again all the same, unless it was a `PermanentError`. */
  readonly retryable: boolean;
}

const MAX_STACK = 4_096;
const MAX_MESSAGE = 4_096;

/** Keeps what was thrown, whatever it is. */
export function faultOf(thrown: unknown): Fault {
  if (!(thrown instanceof Error)) {
    const message = `threw ${show(thrown)}, which is no Error: throw an Error, so that its class and its place are known`;
    return { code: 'HANDLER_FAILED', message, retryable: true };
  }
  const code = 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : 'HANDLER_FAILED';
  return {
    code,
    message: thrown.message.slice(0, MAX_MESSAGE),
    name: thrown.name,
    ...(thrown.stack !== undefined && { stack: thrown.stack.slice(0, MAX_STACK) }),
    retryable: !(thrown instanceof GuildwireError) || thrown.retryable,
  };
}
