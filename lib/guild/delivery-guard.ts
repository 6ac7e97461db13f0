/** @module What keeps a delivery from its handler: asked before every start, on every backend. */
import type { DeadReason, Lease, Settlement, Subscription } from '../backends/backend.ts';
import { admissionOf, follows } from '../core/admission.ts';
import { BudgetExceededError, DeadlineExceededError, HopLimitError, UndecodableError } from '../core/errors.ts';
import { faultOf } from '../core/fault.ts';
import { HandlerCrashedError } from '../core/handler-errors.ts';
import type { Message } from '../core/message.ts';

export interface GuardOptions {
  readonly interest: Subscription;
  /** Attempts that a delivery has. */
  readonly attempts: number;
  readonly maxHops: number;
  /** Whether the agent has a handler for the format. */
  readonly handles: (format: string) => boolean;
}

const NO_MESSAGE = new UndecodableError([{ field: 'body', problem: 'is no message' }]);
/** Dead letters of messages that went too far are further yet by a generation or two, and must reach who watches for them. */
const EXTRA_HOPS = { dead: 2, errors: 3 } as const;

export class DeliveryGuard {
  readonly #options: GuardOptions;

  constructor(options: GuardOptions) {
    this.#options = options;
  }

  /** How the delivery is settled without its handler; undefined if it may start. */
  refusal(lease: Lease, now: number): Settlement | undefined {
    const { interest, attempts, handles } = this.#options;
    const { message } = lease;
    if (message === undefined) {
      return dead(lease, 'undecodable', lease.undecodable ?? NO_MESSAGE);
    }
    if (message.expiresAt !== undefined && message.expiresAt <= now)
      return { kind: 'dropped', lease, reason: 'expired' };
    const halted = this.#halted(lease, message, now);
    if (halted !== undefined) return halted;
    if (lease.attemptsBefore >= attempts) {
      return dead(lease, 'crashed', new HandlerCrashedError(lease.agent, lease.attemptsBefore + 1));
    }
    const admission = follows(interest, message.topic) ? admissionOf(interest, message) : 'filtered';
    if (admission !== 'admitted') return { kind: 'dropped', lease, reason: admission };
    return handles(message.format) ? undefined : { kind: 'dropped', lease, reason: 'no-handler' };
  }

  /** What ends everything that descends from a root: too many generations, its deadline, its budget (G1, G2). */
  #halted(lease: Lease, { hops, topic, deadlineAt, budget }: Message, now: number): Settlement | undefined {
    if (hops > this.#options.maxHops && hops > this.#hopLimit(topic)) {
      return dead(lease, 'hops', new HopLimitError(hops, this.#hopLimit(topic)));
    }
    if (deadlineAt !== undefined && deadlineAt <= now) {
      return dead(lease, 'deadline', new DeadlineExceededError(deadlineAt));
    }
    if (budget === undefined) return undefined;
    const { usd = Number.POSITIVE_INFINITY, tokens = Number.POSITIVE_INFINITY } = budget;
    const isSpent = lease.spent.usd >= usd || lease.spent.tokens >= tokens;
    return isSpent ? dead(lease, 'budget', new BudgetExceededError(lease.spent, budget)) : undefined;
  }

  #hopLimit(topic: string): number {
    const { maxHops } = this.#options;
    if (topic === '$errors') return maxHops + EXTRA_HOPS.errors;
    return topic.startsWith('$dead.') ? maxHops + EXTRA_HOPS.dead : maxHops;
  }
}

function dead(lease: Lease, reason: DeadReason, error: Error): Settlement {
  return { kind: 'dead', lease, reason, fault: faultOf(error) };
}
