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
  /** At most 4 KB. */
  readonly stack?: string;
  /** What the error says of itself. The retry policy tries again all the same, unless it was a `PermanentError`. */
  readonly retryable: boolean;
}

const MAX_BYTES = 4_096;
const MAX_CODE = 128;

/** Keeps what was thrown, whatever it is; an error whose own properties are odd must not fail a second time here. */
export function faultOf(thrown: unknown): Fault {
  if (!(thrown instanceof Error)) {
    const message = `threw ${show(thrown)}, which is no Error: throw an Error, so that its class and its place are known`;
    return { code: 'HANDLER_FAILED', message, retryable: true };
  }
  const code = textOf(thrown, 'code', MAX_CODE);
  const name = textOf(thrown, 'name', MAX_CODE);
  const stack = textOf(thrown, 'stack', MAX_BYTES);
  return {
    code: code ?? 'HANDLER_FAILED',
    message: textOf(thrown, 'message', MAX_BYTES) ?? 'an error without a message',
    ...(name !== undefined && { name }),
    ...(stack !== undefined && { stack }),
    retryable: !(thrown instanceof GuildwireError) || thrown.retryable,
  };
}

/** The first `maxBytes` of a property in UTF-8; undefined if it is no text, or cannot be read. */
function textOf(error: Error, property: string, maxBytes: number): string | undefined {
  try {
    const value: unknown = Reflect.get(error, property);
    if (typeof value !== 'string') return undefined;
    if (value.length * 3 <= maxBytes) return value;
    const written = new Uint8Array(maxBytes);
    return value.slice(0, new TextEncoder().encodeInto(value, written).read);
  } catch {
    return undefined;
  }
}
