/** @module What may go wrong with a call of a function's SDK on purpose, and how each service says so. */
import type { EmulatedService } from '../emulators.ts';

/** One call of a function to an emulated service. */
export interface ServiceCall {
  readonly service: EmulatedService;
  /** As the service names it: `PutItem`, `PublishBatch`. Of S3, method and what it is about: `PUT object`. */
  readonly operation: string;
  /** Whose call it is; `undefined` for callers that are no function. */
  readonly functionName: string | undefined;
  /** With its query; of S3, `/bucket/key`. */
  readonly path: string;
  readonly body: Buffer;
}

export interface CallFault {
  /** `before` the call took effect, or `after`: then only the answer is lost. */
  readonly when: 'before' | 'after';
  readonly answer: 'throttling' | 'server-error' | 'reset';
}

/** Asked about every call; what it returns goes wrong with the call. */
export type CallHook = (call: ServiceCall) => CallFault | undefined;

export interface FaultAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const THROTTLING: Readonly<Record<EmulatedService, readonly [status: number, code: string]>> = {
  dynamodb: [400, 'ThrottlingException'],
  s3: [503, 'SlowDown'],
  sns: [400, 'Throttling'],
  sqs: [403, 'RequestThrottled'],
};

/** The answer that the service itself would give. */
export function faultAnswer(service: EmulatedService, answer: 'throttling' | 'server-error'): FaultAnswer {
  const [status, code] = answer === 'throttling' ? THROTTLING[service] : [500, 'InternalError'];
  return errorAnswer(service, status, code, `the rehearsal was asked for ${answer}`);
}

const DENIAL: Readonly<Record<EmulatedService, readonly [status: number, code: string]>> = {
  dynamodb: [400, 'AccessDeniedException'],
  s3: [403, 'AccessDenied'],
  sns: [403, 'AuthorizationError'],
  sqs: [403, 'AccessDeniedException'],
};

/** To a call that is not allowed; `why` as IAM words it. */
export function denialAnswer(service: EmulatedService, why: string): FaultAnswer {
  const [status, code] = DENIAL[service];
  return errorAnswer(service, status, code, why);
}

function errorAnswer(service: EmulatedService, status: number, code: string, text: string): FaultAnswer {
  if (service === 'dynamodb' || service === 'sqs') {
    const body = JSON.stringify({ __type: `rehearsal#${code}`, message: text });
    return { status, headers: { 'content-type': 'application/x-amz-json-1.0' }, body };
  }
  const message = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  const error = `<Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error>`;
  const body = service === 's3' ? error : `<ErrorResponse>${error}<RequestId>rehearsal</RequestId></ErrorResponse>`;
  return { status, headers: { 'content-type': 'text/xml' }, body };
}
