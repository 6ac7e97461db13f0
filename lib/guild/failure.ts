/** @module What an attempt leads to that did not complete: another one, a dead letter, or nothing. */
import type { Lease, Settlement } from '../backends/backend.ts';
import { AsyncFormatError, PayloadInvalidError } from '../core/errors.ts';
import { faultOf } from '../core/fault.ts';
import type { Format } from '../core/format.ts';
import { FilteredError, PermanentError, Postponed, RetryLater } from '../core/handler-errors.ts';
import type { Message } from '../core/message.ts';
import { retryDelayMs } from '../core/retry-policy.ts';
import { leaseFields, type Workplace } from './attempt.ts';
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

/** What was thrown, as the author of a handler knows it. */
export function thrownOf(error: unknown): unknown {
  return error instanceof Undecodable ? error.cause : error;
}

/** What was thrown, or an error in its place if it cannot even be looked at, as a revoked proxy cannot. */
export function readable(thrown: unknown): unknown {
  try {
    return thrown instanceof Error ? thrown : thrown;
  } catch {
    return new Error('threw what cannot be read');
  }
}

/** A delay that is none must not make a delivery come again and again at once. */
const DEFAULT_POSTPONED_MS = 1_000;

/** Where it stands back, how long a postponed attempt keeps its agent's instance from taking more, in ms. */
export function standBackMs({ delayMs, standBack }: Postponed): number {
  return standBack ? postponedMs(delayMs) : 0;
}

function postponedMs(delayMs: unknown): number {
  return isDelay(delayMs) ? delayMs : DEFAULT_POSTPONED_MS;
}

/** Handlers often compute it from what others say, as in a header that may be missing. */
function isDelay(delayMs: unknown): delayMs is number {
  return Number.isFinite(delayMs) && (delayMs as number) >= 0;
}

export interface FailuresOptions extends Workplace {
  /** In [0, 1), for jitter. */
  readonly random: () => number;
}

/** Settles what did not complete, and tells the author. */
export class Failures {
  readonly #options: FailuresOptions;

  constructor(options: FailuresOptions) {
    this.#options = options;
  }

  /** What the error leads to. */
  settlement(lease: Lease, error: unknown): Settlement {
    const settlement = this.#decide(lease, error);
    this.tell(settlement);
    return settlement;
  }

  /** For the next consumer; a delivery that was acknowledged has none, and becomes a dead letter. */
  handBack(lease: Lease, isStarted: boolean): Settlement {
    const { guarantee } = this.#options.agent;
    if (!isStarted || guarantee !== 'at-most-once') return { kind: 'released', lease, delayMs: 0 };
    return this.settlement(lease, new Error('the guild stopped before the handler was done'));
  }

  /** A retry is a warning, a dead letter an error; what else may happen is nothing to tell. */
  tell(settlement: Settlement): void {
    if (settlement.kind !== 'retry' && settlement.kind !== 'dead') return;
    const { agent, log } = this.#options;
    const write = settlement.kind === 'retry' ? log.warn : log.error;
    write(describeFailure(settlement, agent), { ...leaseFields(settlement.lease), error: settlement.fault });
  }

  #decide(lease: Lease, error: unknown): Settlement {
    const { agent, backend, random } = this.#options;
    const { retry, guarantee } = agent;
    const { maxDelayMs } = backend.features;
    if (error instanceof Undecodable)
      return { kind: 'dead', lease, reason: 'undecodable', fault: faultOf(error.cause) };
    if (error instanceof FilteredError) return { kind: 'dropped', lease, reason: 'filtered' };
    if (error instanceof Postponed && guarantee !== 'at-most-once') {
      return { kind: 'released', lease, delayMs: Math.min(postponedMs(error.delayMs), maxDelayMs) };
    }
    const fault = faultOf(error);
    if (error instanceof PermanentError) return { kind: 'dead', lease, reason: 'permanent', fault };
    const failed = lease.attemptsBefore + 1;
    if (failed >= retry.attempts || guarantee === 'at-most-once')
      return { kind: 'dead', lease, reason: 'failed', fault };
    const isChosen = error instanceof RetryLater && isDelay(error.delayMs);
    const wanted = isChosen ? error.delayMs : retryDelayMs(retry, failed, random);
    return { kind: 'retry', lease, delayMs: Math.min(wanted, maxDelayMs), fault };
  }
}

/** What the author is told of it. */
function describeFailure(settlement: Settlement, { retry }: Agent): string {
  const attempt = `attempt ${settlement.lease.attemptsBefore + 1} of ${retry.attempts} failed`;
  if (settlement.kind === 'retry') return `${attempt}, again in ${settlement.delayMs} ms`;
  if (settlement.kind !== 'dead') return attempt;
  if (settlement.reason === 'undecodable') return 'a message cannot be read, now a dead letter';
  return settlement.reason === 'failed' || settlement.reason === 'permanent'
    ? `${attempt}, now a dead letter`
    : `a delivery was not started (${settlement.reason}), now a dead letter`;
}
