/** @module A delivery in the hands of one consumer of a queue. */
import { InvalidArgumentError, type UndecodableError } from '../../../core/errors.ts';
import type { Fault } from '../../../core/fault.ts';
import type { Message, MessageKey } from '../../../core/message.ts';
import type { Lease, LeaseToken, Spend, Subscription } from '../../backend.ts';
import type { DeliveryRow } from '../ledger/delivery-rows.ts';
import type { Received } from './received.ts';

/** Told how a lease ended, so that what waits behind it can go or must go back. */
export interface LeaseOwner {
  ended(lease: AwsLease, isAcknowledged: boolean): void;
  /** What must be held as long as this lease is. */
  heldWith(lease: AwsLease): readonly Received[];
}

export interface LeaseContent {
  readonly message: Message | undefined;
  readonly raw: Uint8Array | undefined;
  readonly undecodable?: UndecodableError;
  readonly row: DeliveryRow;
  readonly spent: Spend;
}

export interface LeaseTerms {
  readonly agent: string;
  readonly guarantee: Subscription['guarantee'];
  /** Whether the ledger holds the lease as well. */
  readonly isHeldInLedger: boolean;
  readonly token: string;
  readonly until: number;
}

export class AwsLease implements Lease {
  readonly token: LeaseToken;
  readonly agent: string;
  readonly namespace: string;
  until: number;
  readonly message: Message | undefined;
  readonly raw: Uint8Array | undefined;
  readonly undecodable?: UndecodableError;
  readonly key: MessageKey;
  readonly attemptsBefore: number;
  readonly firstAttemptAt: number;
  readonly returned: boolean;
  readonly epoch: number;
  readonly cause: Lease['cause'];
  readonly spent: Spend;
  readonly received: Received;
  readonly guarantee: Subscription['guarantee'];
  readonly isHeldInLedger: boolean;
  /** Of earlier attempts. */
  readonly faults: readonly Fault[];
  /** Until it is settled. */
  isOpen = true;
  /** At most once: the token of the lease under which it was started. */
  startedBy: string | undefined;
  owner: LeaseOwner | undefined;

  constructor(received: Received, content: LeaseContent, terms: LeaseTerms) {
    const { entry, receiveCount, firstReceivedAt } = received;
    const { row } = content;
    this.token = terms.token as LeaseToken;
    this.agent = terms.agent;
    this.namespace = entry.namespace;
    this.until = terms.until;
    this.message = content.message;
    this.raw = content.raw;
    if (content.undecodable !== undefined) this.undecodable = content.undecodable;
    this.key = entry.key;
    this.attemptsBefore = row.faults.length + row.starts.length;
    this.firstAttemptAt = firstReceivedAt;
    this.returned = receiveCount > row.seen + 1;
    this.epoch = entry.epoch;
    this.cause = entry.cause;
    this.spent = content.spent;
    this.received = received;
    this.guarantee = terms.guarantee;
    this.isHeldInLedger = terms.isHeldInLedger;
    this.faults = row.faults;
  }

  /**
   * @throws InvalidArgumentError for a lease that another backend handed out.
   */
  static of(lease: Lease): AwsLease {
    if (lease instanceof AwsLease) return lease;
    throw new InvalidArgumentError([{ field: 'lease', problem: 'was handed out by another backend: settle it there' }]);
  }

  /** At most once: acknowledged when it was started. */
  get isAcknowledged(): boolean {
    return this.startedBy !== undefined;
  }

  /** Whether it still holds at `now` (Unix ms). */
  holdsAt(now: number): boolean {
    return this.isOpen && now < this.until;
  }

  /**
   * Until when (Unix ms) it is tried to store what was decided. A worker rides an outage out for as long as it has the
   * delivery; a function is paid for by the time it takes.
   */
  triedUntil(deadlineAt: number): number {
    return this.received.isEvent ? Math.min(deadlineAt, this.until) : this.until;
  }

  /** It was settled, or somebody else has it. */
  end(isAcknowledged: boolean): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.owner?.ended(this, isAcknowledged);
  }
}
