/** @module Starting deliveries and holding on to them. */
import { randomUUID } from 'node:crypto';
import type { TransactWriteItem } from '@aws-sdk/client-dynamodb';
import { GuildwireError, LeaseLostError } from '../../../core/errors.ts';
import type { Lease, Outcome } from '../../backend.ts';
import type { AwsCalls } from '../calls/aws-calls.ts';
import type { Acks } from '../queues/acks.ts';
import { AwsLease } from '../queues/aws-lease.ts';
import type { Commits } from './commit.ts';
import { leaseEntry, startEntry, startOnceEntry } from './delivery-rows.ts';

export class Consumers {
  readonly #calls: AwsCalls;
  readonly #commits: Commits;
  readonly #acks: Acks;

  constructor(calls: AwsCalls, commits: Commits, acks: Acks) {
    this.#calls = calls;
    this.#commits = commits;
    this.#acks = acks;
  }

  async start(leases: readonly Lease[]): Promise<Outcome[]> {
    return Promise.all(leases.map((lease) => this.#startOne(AwsLease.of(lease))));
  }

  async #startOne(lease: AwsLease): Promise<Outcome> {
    const step = this.#step(lease);
    const isOnce = lease.guarantee === 'at-most-once';
    const { receiveCount } = lease.received;
    const entry = isOnce ? startOnceEntry(step, lease.token, lease.until) : startEntry(step, receiveCount);
    const outcome = await this.#held(lease, entry);
    if (outcome.ok && isOnce) lease.startedBy = lease.token;
    return outcome;
  }

  async extend(leases: readonly Lease[], leaseMs: number): Promise<Outcome<{ readonly until: number }>[]> {
    const own = leases.map((lease) => AwsLease.of(lease));
    const now = this.#calls.clock.now();
    const outcomes = await Promise.all(
      own.map((lease): Outcome | Promise<Outcome> => {
        const entry = this.#extension(lease, now + leaseMs);
        if (entry !== undefined) return this.#held(lease, entry);
        return lease.holdsAt(now) ? { ok: true } : lost(lease);
      }),
    );
    const kept = own.filter((_, index) => outcomes[index]?.ok);
    const held = kept.flatMap((lease) => [lease.received, ...(lease.owner?.heldWith(lease) ?? [])]);
    await this.#acks.hold(held, leaseMs);
    return own.map((lease, index) => {
      const outcome = outcomes[index] as Outcome;
      const isKept = lease.holdsAt(this.#calls.clock.now());
      // A ledger that could not be told leaves the time that it had.
      if (!outcome.ok) return isKept && outcome.error.retryable ? { ok: true, until: lease.until } : outcome;
      // A queue that could not be told keeps to the time it had; one that has taken it back leaves none.
      lease.until = lease.received.until;
      return lease.holdsAt(this.#calls.clock.now()) ? { ok: true, until: lease.until } : lost(lease);
    });
  }

  /** What the ledger is told of a lease that is held for longer; nothing of one that it does not know of. */
  #extension(lease: AwsLease, until: number): TransactWriteItem | undefined {
    if (lease.received.isEvent) return undefined;
    if (lease.startedBy !== undefined) return startOnceEntry(this.#step(lease), lease.startedBy, until);
    return lease.isHeldInLedger ? leaseEntry(this.#step(lease), lease.token, until) : undefined;
  }

  async #held(lease: AwsLease, entry: TransactWriteItem): Promise<Outcome> {
    if (!lease.holdsAt(this.#calls.clock.now())) return lost(lease);
    const deadlineAt = Math.min(this.#calls.deadline(), lease.until);
    try {
      const failed = await this.#commits.commit([entry], { token: randomUUID(), deadlineAt });
      return failed === undefined && lease.holdsAt(this.#calls.clock.now()) ? { ok: true } : lost(lease);
    } catch (error) {
      if (error instanceof GuildwireError) return { ok: false, error };
      throw error;
    }
  }

  #step(lease: AwsLease) {
    return { table: this.#calls.settings.ledgerTable, name: lease, now: this.#calls.clock.now() };
  }
}

const lost = (lease: AwsLease) => ({ ok: false, error: new LeaseLostError(lease.agent) }) as const;
