/** @module Invocations that ended with an error: which functions, how often, and why. */
import type { EndedInvocation } from '../../rehearsal/functions/invocation.ts';

export interface FailedFunction {
  readonly functionName: string;
  readonly times: number;
  /** Of the last one: the class and the text of its error, on one line. */
  readonly why: string;
}

/** Hears of every invocation while the rehearsal runs. Deliveries that a function only hands back are no failures of it. */
export class Failures {
  readonly #failed = new Map<string, FailedFunction>();

  ended({ functionName, functionError, payload }: EndedInvocation): void {
    if (functionError === undefined) return;
    const times = (this.#failed.get(functionName)?.times ?? 0) + 1;
    this.#failed.set(functionName, { functionName, times, why: whyIn(payload) });
  }

  get all(): readonly FailedFunction[] {
    return [...this.#failed.values()];
  }
}

/** As Lambda tells it, without the id that only its logs have. */
function whyIn(payload: string): string {
  const { errorType, errorMessage } = JSON.parse(payload) as { errorType?: string; errorMessage?: string };
  const message = errorMessage?.replace(/^RequestId: \S+ Error: /, '');
  return [errorType, message]
    .filter((part) => part)
    .join(': ')
    .replaceAll(/\s+/g, ' ');
}
