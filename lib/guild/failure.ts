/** @module What a failed attempt leads to: another one, or a dead letter. */
import type { Lease, Settlement } from '../backends/backend.ts';
import { AsyncFormatError, PayloadInvalidError, PermanentError, RetryLater } from '../core/errors.ts';
import { faultOf } from '../core/fault.ts';
import type { Format } from '../core/format.ts';
import type { Message } from '../core/message.ts';
import { retryDelayMs } from '../core/retry-policy.ts';
import type { Agent } from './define-agent.ts';

/** Marks a payload that does not fit the handler's format, which no retry would change. */
class Undecodable extends Error {}

/** What the handler gets; what it throws for a payload that does not fit makes a dead letter at once. */
export function decodePayload(format: Format, message: Message): unknown {
  try {
    return format.decode(message.payload);
  } catch (cause) {
    if (cause instanceof PayloadInvalidError || cause instanceof AsyncFormatError) throw new Undecodable('', { cause });
    throw cause;
  }
}

/** What was thrown, or an error in its place if it cannot even be looked at, as a revoked proxy cannot. */
export function readable(thrown: unknown): unknown {
  try {
    return thrown instanceof Error ? thrown : thrown;
  } catch {
    return new Error('threw what cannot be read');
  }
}

/** @param random In [0, 1), for jitter. */
export function failureSettlement(
  lease: Lease,
  error: unknown,
  { retry, guarantee }: Agent,
  maxDelayMs: number,
  random: () => number,
): Settlement {
  if (error instanceof Undecodable) return { kind: 'dead', lease, reason: 'undecodable', fault: faultOf(error.cause) };
  const fault = faultOf(error);
  if (error instanceof PermanentError) return { kind: 'dead', lease, reason: 'permanent', fault };
  const failed = lease.attemptsBefore + 1;
  if (failed >= retry.attempts || guarantee === 'at-most-once') return { kind: 'dead', lease, reason: 'failed', fault };
  const wanted = error instanceof RetryLater ? error.delayMs : retryDelayMs(retry, failed, random);
  return { kind: 'retry', lease, delayMs: Math.min(wanted, maxDelayMs), fault };
}

/** What the author is told of it. */
export function describeFailure(settlement: Settlement, { retry }: Agent): string {
  const attempt = `attempt ${settlement.lease.attemptsBefore + 1} of ${retry.attempts} failed`;
  if (settlement.kind === 'retry') return `${attempt}, again in ${settlement.delayMs} ms`;
  if (settlement.kind !== 'dead') return attempt;
  if (settlement.reason === 'undecodable') return 'a message cannot be read, now a dead letter';
  return settlement.reason === 'failed' || settlement.reason === 'permanent'
    ? `${attempt}, now a dead letter`
    : `a delivery was not started (${settlement.reason}), now a dead letter`;
}
