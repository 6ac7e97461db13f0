/** @module What handlers and middleware throw to say how an attempt ends, and what attempts and middleware end with by themselves. */
import { GuildwireError } from './errors.ts';

/** A handler did not finish in time. What it published was dropped. */
export class HandlerTimeoutError extends GuildwireError {
  readonly code = 'HANDLER_TIMEOUT';
  readonly retryable = true;

  /** @param limit What sets the time. */
  constructor(agent: string, timeoutMs: number, limit = "the agent's timeoutMs") {
    super(`the handler of "${agent}" did not finish within ${timeoutMs} ms: make it faster, or raise ${limit}`);
  }
}

/** A handler was started more often than it may, and never said what came of it: it takes its process with it. */
export class HandlerCrashedError extends GuildwireError {
  readonly code = 'HANDLER_CRASHED';
  readonly retryable = false;

  constructor(agent: string, starts: number) {
    super(
      `the handler of "${agent}" was started ${starts} ${starts === 1 ? 'time' : 'times'} and its process ended each time: look at what it exits on, and at its memory`,
    );
  }
}

/** Thrown by a handler to say that no retry will help: the delivery becomes a dead letter at once. */
export class PermanentError extends GuildwireError {
  readonly code = 'PERMANENT';
  readonly retryable = false;
}

/**
 * Thrown by a handler to choose when its next attempt comes: after `delayMs`, or as the retry policy says where that is no
 * number from 0. It counts as a failed attempt.
 */
export class RetryLater extends GuildwireError {
  readonly code = 'RETRY_LATER';
  readonly retryable = true;
  readonly delayMs: number;

  constructor(delayMs: number, message = `retry in ${delayMs} ms`, options?: ErrorOptions) {
    super(message, options);
    this.delayMs = delayMs;
  }
}

/**
 * Thrown by a handler or a middleware to say that it cannot be done now: the delivery comes again after `delayMs`, and that
 * does not count as a failed attempt. A delivery of an at-most-once agent cannot come again, and becomes a dead letter.
 */
export class Postponed extends GuildwireError {
  readonly code = 'POSTPONED';
  readonly retryable = true;
  readonly delayMs: number;
  /** Whether this instance of the agent takes nothing new for so long; other instances do. */
  readonly standBack: boolean;

  constructor(
    delayMs: number,
    message = `postponed for ${delayMs} ms`,
    options: ErrorOptions & { readonly standBack?: boolean } = {},
  ) {
    const { standBack = false, ...rest } = options;
    super(message, rest);
    this.delayMs = delayMs;
    this.standBack = standBack;
  }
}

/** A filter let a message not pass: it was not published, or its delivery was acknowledged without its handler. */
export class FilteredError extends GuildwireError {
  readonly code = 'FILTERED';
  readonly retryable = false;

  constructor(message = 'filtered out: see the filters in `use`', options?: ErrorOptions) {
    super(message, options);
  }
}

/** What was published was not tried: too much failed in a row. Nothing was stored. */
export class CircuitOpenError extends GuildwireError {
  readonly code = 'CIRCUIT_OPEN';
  readonly retryable = true;
  readonly retryAfterMs: number;

  constructor(retryAfterMs: number) {
    super(`the circuit is open after repeated failures: try again in ${retryAfterMs} ms`);
    this.retryAfterMs = retryAfterMs;
  }
}

/** A middleware broke its contract, or threw what is no error of Guildwire while a batch was published. `cause` is what it threw. */
export class MiddlewareFailedError extends GuildwireError {
  readonly code = 'MIDDLEWARE_FAILED';
  readonly retryable = false;
}
