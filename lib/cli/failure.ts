/** @module What a person is told when a command fails, and its exit code. */
import { GuildwireError } from '../core/errors.ts';

/** Stable: scripts rely on them. */
export const ExitCode = {
  DONE: 0,
  /** It was tried, and failed. */
  FAILED: 1,
  /** The command, its input, the configuration or the guild file cannot be as it is. */
  USAGE: 2,
  /** What was named is not there, or there is nothing to do. */
  NOT_FOUND: 3,
  /** The server or the store cannot be reached, or is too busy; repeating may help. */
  UNAVAILABLE: 4,
  /** Not allowed: no token, a wrong one, or one that may not do this. */
  REFUSED: 5,
  /** Ctrl-C before it was done. */
  INTERRUPTED: 130,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** A mistake in how the command was called. */
export class UsageError extends GuildwireError {
  readonly code = 'USAGE';
  readonly retryable = false;
}

/** A name that nothing has. */
export class UnknownNameError extends GuildwireError {
  readonly code = 'NOT_FOUND';
  readonly retryable = false;
}

const codes: Readonly<Record<string, ExitCode>> = {
  USAGE: ExitCode.USAGE,
  INVALID_CONFIGURATION: ExitCode.USAGE,
  INVALID_DEFINITION: ExitCode.USAGE,
  INVALID_ARGUMENT: ExitCode.USAGE,
  INVALID_MESSAGE: ExitCode.USAGE,
  PAYLOAD_INVALID: ExitCode.USAGE,
  PAYLOAD_TOO_LARGE: ExitCode.USAGE,
  BODY_TOO_LARGE: ExitCode.USAGE,
  DELAY_TOO_LONG: ExitCode.USAGE,
  UNSUPPORTED_FEATURE: ExitCode.USAGE,
  GUILD_FILE: ExitCode.USAGE,
  INVALID_ASSEMBLY: ExitCode.USAGE,
  UNSUPPORTED_TEMPLATE: ExitCode.USAGE,
  EMULATOR_MISSING: ExitCode.USAGE,
  OPEN_ACCESS: ExitCode.USAGE,
  LISTEN_FAILED: ExitCode.USAGE,
  NO_SUCH_ROUTE: ExitCode.USAGE,
  NOT_FOUND: ExitCode.NOT_FOUND,
  EMPTY_PLAN: ExitCode.NOT_FOUND,
  UNAUTHENTICATED: ExitCode.REFUSED,
  FORBIDDEN: ExitCode.REFUSED,
};

export function exitCodeOf(error: unknown): ExitCode {
  if (!(error instanceof GuildwireError)) return ExitCode.FAILED;
  return codes[error.code] ?? (error.retryable ? ExitCode.UNAVAILABLE : ExitCode.FAILED);
}

/** What to do next, where the error itself cannot know that it ends a command. */
const hints: Readonly<Record<string, string>> = {
  UNREACHABLE: '`guildwire dev GUILD` starts a server; --url or GUILDWIRE_URL names another',
  OPEN_ACCESS: 'set GUILDWIRE_TOKEN to at least 16 characters, or leave --host out',
  LISTEN_FAILED: '--port 4200 takes another port, and --port 0 any that is free',
  STILL_BUSY: '--timeout 5m waits longer; --logs shows what the functions print',
  UNAUTHENTICATED: 'set GUILDWIRE_TOKEN to the token of the server',
};

export function hintOf(error: unknown): string | undefined {
  return error instanceof GuildwireError ? hints[error.code] : undefined;
}

/** One line, or one for each fault, and what to do; a stack only for what nobody foresaw. */
export function describeError(error: unknown): string {
  if (error instanceof GuildwireError) {
    const hint = hintOf(error);
    return `error: ${error.message}${hint === undefined ? '' : `\n${hint}`}`;
  }
  if (error instanceof Error && 'syscall' in error) return `error: ${error.message}`;
  const stack = error instanceof Error ? error.stack : String(error);
  return `error: ${stack}\nthis was not foreseen: if the code above is none of yours, please report it`;
}

/** For programs: the same as data. */
export function toErrorJson(error: unknown, more: object = {}): string {
  const given = error as Error & { readonly code?: string; readonly retryable?: boolean; readonly faults?: unknown };
  const { code = 'FAILED', message = String(error), retryable = false, faults } = given;
  const hint = hintOf(error);
  return JSON.stringify({
    error: { code, message, retryable, ...(faults !== undefined && { faults }), ...(hint && { hint }), ...more },
  });
}
