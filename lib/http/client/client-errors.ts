/** @module What the client throws: the server's own errors, and that it cannot be reached. */
import { type FieldFault, GuildwireError } from '../../core/errors.ts';
import type { Problem } from '../schemas/answers.ts';

/** The server refused, or failed. `code`, `retryable` and `faults` are those of the error that it met. */
export class ProblemError extends GuildwireError {
  readonly code: string;
  readonly retryable: boolean;
  readonly status: number;
  /** Everything that is wrong with the request; empty if the error has no such list. */
  readonly faults: readonly FieldFault[];
  /** Names the request in the server's log. */
  readonly requestId: string | undefined;

  constructor({ detail, code, retryable, status, faults = [], requestId }: Problem, options?: ErrorOptions) {
    super(detail, options);
    this.code = code;
    this.retryable = retryable;
    this.status = status;
    this.faults = faults;
    this.requestId = requestId;
  }
}

/** The server gave no answer. Whether the call took effect is not known: repeat it with an idempotency key. */
export class UnreachableError extends GuildwireError {
  readonly code = 'UNREACHABLE';
  readonly retryable = true;
}

/** A large payload did not arrive where the server wanted it. Nothing was published: repeat the call. */
export class UploadFailedError extends GuildwireError {
  readonly code = 'UPLOAD_FAILED';
  readonly retryable: boolean;

  /** @param status Undefined if there was no answer. */
  constructor(host: string, bytes: number, status: number | undefined, options?: ErrorOptions) {
    const answer = status === undefined ? 'gave no answer' : `answered ${status}`;
    super(`the payload of ${bytes} bytes was not uploaded: ${host} ${answer}; nothing was published`, options);
    // 400: the bytes were damaged on the way; 403: the permission to upload has expired.
    this.retryable = status === undefined || status === 400 || status === 403 || PASSING.has(status);
  }
}

/** Statuses of which a proxy says that it may be better later. */
const PASSING: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

/** The error that an answer without success stands for, also where it is none of the server's own. */
export async function errorOf(response: Response): Promise<ProblemError> {
  const { status } = response;
  const body: unknown = await response.json().catch(() => undefined);
  const problem = body as Partial<Problem> | undefined;
  if (typeof problem?.code === 'string' && typeof problem.detail === 'string') {
    return new ProblemError({ ...(problem as Problem), status, retryable: problem.retryable === true });
  }
  const detail = `got status ${status} and no problem document: ${isOfGateway(body) ? adviceOf(status) : NO_SERVER}`;
  return new ProblemError({
    type: 'about:blank',
    title: '',
    status,
    detail,
    code: `HTTP_${status}`,
    retryable: PASSING.has(status),
  });
}

const NO_SERVER = 'see whether the URL is that of a Guildwire server';

/** The gateway before a deployed API says `{ "message": "Forbidden" }` of what it does not let through. */
const isOfGateway = (body: unknown): boolean =>
  typeof body === 'object' && body !== null && 'message' in body && typeof body.message === 'string';

function adviceOf(status: number): string {
  if (status === 401 || status === 403)
    return 'the API takes signed requests, or a token of its issuer: sign them, or set GUILDWIRE_TOKEN';
  return status === 413 ? 'the API takes no body of that size' : NO_SERVER;
}
