/** @module What AWS answers when it does not do what was asked, and what that means for who asked. */
import { BackendUnavailableError, GuildwireError, InvalidArgumentError } from '../../../core/errors.ts';

/** The role may not do this. The message names the action and the resource, as AWS told them. */
export class AwsAccessDeniedError extends GuildwireError {
  readonly code = 'AWS_ACCESS_DENIED';
  readonly retryable = false;
  /** Such as `dynamodb:PutItem`. */
  readonly action: string;
  readonly resource: string;

  constructor(action: string, resource: string, options?: ErrorOptions) {
    super(`AWS refused ${action} on ${resource}: grant it to the role, or leave the call out`, options);
    this.action = action;
    this.resource = resource;
  }
}

/** AWS refused a call for what it is: a table, queue or bucket that does not exist, credentials that are none, a wrong input. */
export class AwsRefusedError extends GuildwireError {
  readonly code = 'AWS_REFUSED';
  readonly retryable = false;
  /** As AWS told it: its code first. */
  readonly reason: string;

  constructor(action: string, reason: string, options?: ErrorOptions) {
    super(`AWS refused ${action}: ${reason}`, options);
    this.reason = reason;
  }
}

/**
 * What a failed call means: `refused` for good, `rejected` now but certainly not done, so that the same may be asked again;
 * `unknown` whether it was done.
 */
export type FailureKind = 'refused' | 'rejected' | 'unknown';

/** Rejected before anything was done. */
const REJECTIONS: ReadonlySet<string> = new Set([
  'ProvisionedThroughputExceededException',
  'ProvisionedThroughputExceeded',
  'RequestLimitExceeded',
  'ThrottlingException',
  'ThrottlingError',
  'Throttling',
  'ThrottledException',
  'TooManyRequestsException',
  'TransactionConflictException',
  'TransactionConflict',
  'TransactionInProgressException',
  'RequestThrottled',
  'RequestThrottledException',
  'KMSThrottling',
  'KMSThrottlingException',
  'KmsThrottled',
  'SlowDown',
  'OverLimit',
  'RequestTimeTooSkewed',
]);
/** No connection, so nothing was sent. */
const NOT_SENT: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
]);
const BROKEN: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ECONNABORTED', 'UND_ERR_SOCKET']);
const DENIALS: ReadonlySet<string> = new Set([
  'AccessDeniedException',
  'AccessDenied',
  'AuthorizationError',
  'AuthorizationErrorException',
]);
const SKEWED = /expired|not yet current/;
const DENIED = /not authorized to perform: (\S+)(?: on resource: (\S+))?/;

/** What the SDK's errors have, as far as it is looked at. */
interface SdkError extends Error {
  readonly code?: string;
  readonly $fault?: 'client' | 'server';
  readonly $metadata?: { readonly httpStatusCode?: number };
}

const isSdkError = (error: unknown): error is SdkError => error instanceof Error;

export function failureKind(error: unknown): FailureKind {
  if (!isSdkError(error)) return 'refused';
  const { name, code = '', $metadata, $fault } = error;
  // By a clock that is off: the SDK has set its own by the answer, so that the next try is signed right.
  if (name === 'InvalidSignatureException' && SKEWED.test(error.message)) return 'rejected';
  if (REJECTIONS.has(name) || NOT_SENT.has(code)) return 'rejected';
  const status = $metadata?.httpStatusCode ?? 0;
  if (status === 429) return 'rejected';
  if (status >= 500 || $fault === 'server' || BROKEN.has(code)) return 'unknown';
  if (name === 'AbortError' || name === 'TimeoutError' || name === 'RequestTimeout') return 'unknown';
  // An answer that was cut off, or is not of AWS: what stands between may say anything.
  if (error instanceof SyntaxError || (status === 0 && name === 'Error')) return 'unknown';
  return 'refused';
}

/** An error of this library for one that will not go away by itself. */
export function refusal(error: unknown, action: string, resource: string): GuildwireError {
  if (error instanceof GuildwireError) return error;
  if (!isSdkError(error)) return new AwsRefusedError(action, String(error));
  if (DENIALS.has(error.name)) {
    const [, denied = action, on = resource] = DENIED.exec(error.message) ?? [];
    return new AwsAccessDeniedError(denied, on, { cause: error });
  }
  if (error.name === 'CredentialsProviderError') {
    const problem = 'of AWS are missing: `aws configure`, AWS_PROFILE or AWS_ACCESS_KEY_ID gives some';
    return new InvalidArgumentError([{ field: 'credentials', problem }]);
  }
  return new AwsRefusedError(`${action} on ${resource}`, `${error.name}: ${error.message}`, { cause: error });
}

/** For a call whose time is over. */
export function unavailable(cause: unknown, action: string, resource: string): BackendUnavailableError {
  const why = isSdkError(cause) ? `${cause.name}: ${cause.message}` : 'no answer';
  return new BackendUnavailableError(
    `backend "aws" cannot reach ${action} on ${resource} (${why}): repeat the call, with an idempotency key if it publishes`,
    { cause },
  );
}
