/** @module One invocation of a function, and how it ended. */

export interface Invocation {
  readonly requestId: string;
  /** JSON. */
  readonly payload: string;
}

/** As Lambda answers an invocation. */
export interface InvocationResult {
  readonly requestId: string;
  /** What the handler returned, as JSON; or `errorType`, `errorMessage` and `trace`. */
  readonly payload: string;
  /** `Unhandled` where the handler threw, its process ended, or its time was up. */
  readonly functionError: 'Unhandled' | undefined;
  readonly durationMs: number;
  /** From the start of its process until it asked for its first invocation; `undefined` where one was there already. */
  readonly initMs: number | undefined;
}

/** An invocation that has ended, with its times. */
export interface EndedInvocation extends InvocationResult {
  readonly functionName: string;
  /** What it was invoked with, as JSON. */
  readonly event: string;
  /** Unix ms at which a process took it. */
  readonly startedAt: number;
}

/** The payload of an invocation that failed otherwise than by an error which the handler threw. */
export const failurePayload = (errorType: string, requestId: string, what: string) =>
  JSON.stringify({ errorType, errorMessage: `RequestId: ${requestId} Error: ${what}` });
