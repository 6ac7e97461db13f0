/** @module What only HTTP can get wrong. */
import { GuildwireError } from '../core/errors.ts';

/** Who asks did not say who they are, or nobody knows them. */
export class UnauthenticatedError extends GuildwireError {
  readonly code = 'UNAUTHENTICATED';
  readonly retryable = false;
  /** Whether credentials came at all. */
  readonly wereGiven: boolean;

  constructor(wereGiven: boolean) {
    super(
      wereGiven
        ? 'the credentials are not known here: check the token'
        : 'credentials are missing: send the header "Authorization: Bearer <token>"',
    );
    this.wereGiven = wereGiven;
  }
}

/** Who asks is known, and may not do this. */
export class ForbiddenError extends GuildwireError {
  readonly code = 'FORBIDDEN';
  readonly retryable = false;
}

/** The request came under a name that is not this server's. */
export class MisdirectedError extends GuildwireError {
  readonly code = 'MISDIRECTED';
  readonly retryable = false;

  constructor(host: string) {
    super(
      `${JSON.stringify(host.slice(0, 60))} is no name of this open server: ask it as localhost, name the host in \`hosts\`, or protect it with a token`,
    );
  }
}

/** Too many requests of one principal. Nothing was done. */
export class RateLimitedError extends GuildwireError {
  readonly code = 'RATE_LIMITED';
  readonly retryable = true;
  readonly retryAfterMs: number;

  constructor(principal: string, perSecond: number, retryAfterMs: number) {
    super(`${JSON.stringify(principal)} asks more than ${perSecond} times a second: try again later, or send batches`);
    this.retryAfterMs = retryAfterMs;
  }
}

/** There is no such route. */
export class NoSuchRouteError extends GuildwireError {
  readonly code = 'NO_SUCH_ROUTE';
  readonly retryable = false;

  constructor() {
    super('there is nothing at this path: /v1/openapi.json lists what there is');
  }
}

/** The route does not take this method. */
export class MethodNotAllowedError extends GuildwireError {
  readonly code = 'METHOD_NOT_ALLOWED';
  readonly retryable = false;
  readonly allowed: readonly string[];

  constructor(method: string, allowed: readonly string[]) {
    super(`this path does not take ${method.slice(0, 20)}: it takes ${allowed.join(', ')}`);
    this.allowed = allowed;
  }
}

/** The request has a host or a path that no request can have. */
export class MalformedRequestError extends GuildwireError {
  readonly code = 'MALFORMED_REQUEST';
  readonly retryable = false;

  constructor() {
    super('the host or the path of the request is malformed: check the URL');
  }
}

/** The body is not JSON. */
export class MalformedBodyError extends GuildwireError {
  readonly code = 'MALFORMED_BODY';
  readonly retryable = false;
}

/** The body is of a type that is not taken. */
export class UnsupportedMediaTypeError extends GuildwireError {
  readonly code = 'UNSUPPORTED_MEDIA_TYPE';
  readonly retryable = false;

  constructor(type: string | null) {
    const got = type === null ? 'no content type' : JSON.stringify(type.slice(0, 60));
    super(`got ${got}: send JSON in UTF-8, with the header "Content-Type: application/json"`);
  }
}

/** The body is larger than the server takes. */
export class BodyTooLargeError extends GuildwireError {
  readonly code = 'BODY_TOO_LARGE';
  readonly retryable = false;

  constructor(maxBytes: number) {
    super(`the body is larger than ${maxBytes} bytes: send fewer messages at once, or smaller ones`);
  }
}

/** The request was not answered in time. Whether it took effect is not known. */
export class TimedOutError extends GuildwireError {
  readonly code = 'TIMED_OUT';
  readonly retryable = true;

  constructor(timeoutMs: number) {
    super(
      `no answer within ${timeoutMs} ms, and whether the request took effect is not known: repeat it, under an idempotency key if it must not be done twice`,
    );
  }
}

/** No further stream can be opened now. */
export class TooManyStreamsError extends GuildwireError {
  readonly code = 'TOO_MANY_STREAMS';
  readonly retryable = true;

  constructor(max: number) {
    super(`${max} streams are open, which is the limit: close one, or follow several topics by one pattern`);
  }
}

/** The server is about to stop. */
export class ClosingError extends GuildwireError {
  readonly code = 'CLOSING';
  readonly retryable = true;

  constructor() {
    super('the server is about to stop: try again, at another instance if there is one');
  }
}
