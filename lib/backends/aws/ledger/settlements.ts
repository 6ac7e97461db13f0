/** @module What attempts decided, on its way to the ledger and the queues. */
import { randomUUID } from 'node:crypto';
import { GuildwireError, LeaseLostError } from '../../../core/errors.ts';
import type { Fault } from '../../../core/fault.ts';
import type { GemstoneId } from '../../../core/gemstone-id.ts';
import { type Draft, rootIdOf } from '../../../core/message.ts';
import type { DeadReason, DropReason, Outcome, Settlement, Spend } from '../../backend.ts';
import { textOf } from '../calls/attribute-values.ts';
import type { AwsCalls } from '../calls/aws-calls.ts';
import type { LogWriter } from '../log/log-writer.ts';
import type { Acks } from '../queues/acks.ts';
import { AwsLease } from '../queues/aws-lease.ts';
import type { InHand } from '../queues/in-hand.ts';
import type { Commits } from './commit.ts';
import { attemptsOf, deadRowEntry, isHalted, letterDraft } from './dead-rows.ts';
import { giveBackEntry, hasExpired, keptFault, renewEntry, ttlOf } from './delivery-rows.ts';
import type { Drop, DropCounts } from './drop-counts.ts';
import type { Ended, Ends } from './ends.ts';
import { spendEntry } from './spend.ts';
import type { Trails } from './trails.ts';

export type Settled = Outcome<{ readonly ids: readonly GemstoneId[] }>;

/** What a settlement means for the queue. */
interface Decision {
  readonly outcome: Settled;
  readonly queue: 'acknowledge' | 'nothing' | { readonly delayMs: number };
  /** The ledger knows of the end, so that a queue that hands it out once more does no harm. */
  readonly isKept?: boolean;
  readonly drop?: DropReason;
}

export interface SettlementsOptions {
  readonly calls: AwsCalls;
  readonly commits: Commits;
  readonly ends: Ends;
  readonly log: LogWriter;
  readonly acks: Acks;
  readonly inHand: InHand;
  readonly dropCounts: DropCounts;
  readonly trails: Trails;
}

type Completed = Settlement & { readonly kind: 'completed' };

const HANDED_BACK: Fault = {
  code: 'HANDED_BACK',
  message: 'was handed back after it had been acknowledged',
  retryable: false,
};
/** The list of open dead letters keeps one for as long as the letter itself by default is kept. */
const LISTED_MS = 45 * 86_400_000;
const SETTLED: Settled = { ok: true, ids: [] };

export class Settlements {
  readonly #options: SettlementsOptions;

  constructor(options: SettlementsOptions) {
    this.#options = options;
  }

  async settle(settlements: readonly Settlement[]): Promise<Settled[]> {
    const leases = settlements.map(({ lease }) => AwsLease.of(lease));
    const decisions = await Promise.all(
      settlements.map((settlement, index) => this.#decide(settlement, leases[index] as AwsLease)),
    );
    const acknowledged = await this.#tellQueues(leases, decisions);
    await this.#count(leases, decisions);
    return decisions.map(({ outcome, isKept }, index) => {
      const error = acknowledged[index];
      return outcome.ok && error !== undefined && isKept !== true ? { ok: false, error } : outcome;
    });
  }

  async #decide(settlement: Settlement, lease: AwsLease): Promise<Decision> {
    if (!lease.holdsAt(this.#options.calls.clock.now())) return lost(lease, 'nothing');
    try {
      return await this.#decideHeld(settlement, lease);
    } catch (error) {
      if (error instanceof GuildwireError) return { outcome: { ok: false, error }, queue: 'nothing' };
      throw error;
    }
  }

  #decideHeld(settlement: Settlement, lease: AwsLease): Promise<Decision> {
    const { spent } = settlement;
    if (settlement.kind === 'completed') return this.#complete(settlement, lease);
    if (settlement.kind === 'dead') return this.#bury(lease, settlement.reason, settlement.fault, spent);
    if (settlement.kind === 'dropped') return this.#drop(lease, settlement.reason, spent);
    const fault = settlement.kind === 'retry' ? settlement.fault : undefined;
    // What was acknowledged when it was started cannot come back; it must not vanish all the same.
    if (lease.isAcknowledged) return this.#bury(lease, 'failed', fault ?? HANDED_BACK, spent);
    return this.#giveBack(lease, settlement.delayMs, fault, spent);
  }

  async #complete({ outputs, state, spent }: Completed, lease: AwsLease): Promise<Decision> {
    const { ends, log, trails } = this.#options;
    const attempts = lease.attemptsBefore + 1;
    const done = { done: 'handled', attempts } as const;
    // What a plan delivers it delivers twice if a step of it is repeated, and that may be long after.
    const isPlanned = lease.epoch > 0;
    if (lease.guarantee !== 'at-least-once' || isPlanned || mayFailInPart(outputs)) {
      const more = (ids: readonly GemstoneId[]) => [
        ...this.#spent(lease, spent),
        ...trails.ended(lease, { ...done, outputs, ids }),
      ];
      return ended(await ends.end(lease, { ...done, outputs, state, more }));
    }
    const ids: GemstoneId[] = [];
    for (const appended of outputs.length === 0 ? [] : await log.append(outputs, randomUUID(), 'relay')) {
      if (!appended.ok) return { outcome: appended, queue: 'nothing' };
      ids.push(appended.id);
    }
    const more = [...this.#spent(lease, spent), ...trails.ended(lease, { ...done, outputs, ids })];
    if (lease.returned) {
      // Its acknowledgement may be lost as the one before was: without an end its start marks would be taken for crashes.
      const end = await ends.end(lease, { ...done, outputs: [], state: [], more: () => more });
      return end.ok ? { outcome: { ok: true, ids }, queue: 'acknowledge', isKept: true } : ended(end);
    }
    await this.#write(lease, more);
    return { outcome: { ok: true, ids }, queue: 'acknowledge' };
  }

  async #bury(lease: AwsLease, reason: DeadReason, fault: Fault, spent: Spend | undefined): Promise<Decision> {
    const { calls, ends, trails } = this.#options;
    const now = calls.clock.now();
    const { draft, topic, delivered } = letterDraft(lease, reason, fault, now);
    const done = { done: isHalted(reason) ? 'halted' : 'dead', attempts: attemptsOf(reason, lease.faults) } as const;
    const { ledgerTable } = calls.settings;
    const listed = ([id]: readonly GemstoneId[]) =>
      topic === '$errors' || id === undefined
        ? []
        : [deadRowEntry(ledgerTable, lease, { id, topic, reason, ttl: ttlOf(now, LISTED_MS) })];
    const more = (ids: readonly GemstoneId[]) => [
      ...listed(ids),
      ...this.#spent(lease, spent),
      ...trails.ended(lease, { ...done, outputs: delivered ? [draft] : [], ids: delivered ? ids : [] }),
    ];
    return ended(await ends.end(lease, { ...done, outputs: [draft], state: [], more }));
  }

  async #drop(lease: AwsLease, reason: DropReason, spent: Spend | undefined): Promise<Decision> {
    const { ends, trails } = this.#options;
    const done = { done: reason, attempts: lease.faults.length, outputs: [] } as const;
    const more = this.#spent(lease, spent);
    // Before its end, behind which nobody comes back to it.
    await this.#write(lease, trails.dropped(lease, reason));
    if (lease.isAcknowledged || lease.returned) {
      // Should the acknowledgement be lost, what marks its start would be taken for a crash.
      const end = await ends.end(lease, { ...done, state: [], more: () => more });
      return end.ok ? { outcome: SETTLED, queue: 'acknowledge', isKept: true, drop: reason } : ended(end);
    }
    await this.#write(lease, more);
    return { outcome: SETTLED, queue: 'acknowledge', drop: reason };
  }

  async #giveBack(
    lease: AwsLease,
    delayMs: number,
    fault: Fault | undefined,
    spent: Spend | undefined,
  ): Promise<Decision> {
    const { calls, commits, trails } = this.#options;
    const by = randomUUID();
    const { receiveCount } = lease.received;
    const step = { table: calls.settings.ledgerTable, name: lease, now: calls.clock.now() };
    const kept = fault === undefined ? undefined : keptFault(fault, lease.faults);
    const entries = [
      giveBackEntry(step, { by, receiveCount, fault: kept }),
      ...this.#spent(lease, spent),
      ...trails.givenBack(lease, fault !== undefined),
    ];
    const deadlineAt = lease.triedUntil(calls.deadline());
    const failed = await commits.commit(entries, { token: by, deadlineAt });
    if (failed === undefined || textOf(failed.found, 'last') === by) return { outcome: SETTLED, queue: { delayMs } };
    if (hasExpired(failed.found, step.now)) {
      await commits.commit([renewEntry(step)], { token: randomUUID(), deadlineAt });
      return this.#giveBack(lease, delayMs, fault, spent);
    }
    return lost(lease, 'acknowledge');
  }

  #spent({ namespace, message }: AwsLease, spent: Spend | undefined) {
    if (spent === undefined || message === undefined) return [];
    const { calls } = this.#options;
    const at = { namespace, root: rootIdOf(message), now: calls.clock.now() };
    return [spendEntry(calls.settings.ledgerTable, at, spent)];
  }

  /** What goes along with an end that needs no step. */
  async #write(lease: AwsLease, entries: Parameters<Commits['commit']>[0]): Promise<void> {
    if (entries.length === 0) return;
    const { calls, commits } = this.#options;
    await commits.commit(entries, { token: randomUUID(), deadlineAt: lease.triedUntil(calls.deadline()) });
  }

  /** Of each decision what its queue said if it could not be told. */
  async #tellQueues(leases: readonly AwsLease[], decisions: readonly Decision[]) {
    const { acks, inHand } = this.#options;
    const errors: (GuildwireError | undefined)[] = [];
    const back: { readonly index: number; readonly delayMs: number }[] = [];
    const over: number[] = [];
    for (const [index, { queue }] of decisions.entries()) {
      if (queue === 'acknowledge') over.push(index);
      else if (queue !== 'nothing') back.push({ index, delayMs: queue.delayMs });
    }
    const receivedAt = (index: number) => (leases[index] as AwsLease).received;
    const [acknowledged] = await Promise.all([
      acks.acknowledge(over.map(receivedAt)),
      acks.giveBack(back.map(({ index, delayMs }) => ({ received: receivedAt(index), delayMs }))),
    ]);
    for (const [at, index] of over.entries()) errors[index] = acknowledged[at];
    for (const index of [...over, ...back.map((each) => each.index)]) {
      const lease = leases[index] as AwsLease;
      const isOver = over.includes(index);
      inHand.release(lease, isOver);
      lease.end(isOver);
    }
    return errors;
  }

  async #count(leases: readonly AwsLease[], decisions: readonly Decision[]): Promise<void> {
    const drops = decisions.flatMap(({ drop }, index): Drop[] => {
      const { namespace, agent } = leases[index] as AwsLease;
      return drop === undefined ? [] : [{ namespace, agent, reason: drop }];
    });
    if (drops.length > 0) await this.#options.dropCounts.add(drops);
  }
}

/** Stored one by one, a key that was used for another payload would leave the others of an attempt that has failed. */
const mayFailInPart = (outputs: readonly Draft[]): boolean =>
  outputs.length > 1 && outputs.some(({ message }) => message.idempotencyKey !== undefined);

function lost(lease: AwsLease, queue: Decision['queue']): Decision {
  return { outcome: { ok: false, error: new LeaseLostError(lease.agent) }, queue };
}

function ended(end: Ended): Decision {
  if (end.ok) return { outcome: { ok: true, ids: end.ids }, queue: 'acknowledge', isKept: true };
  return { outcome: { ok: false, error: end.error }, queue: end.byOther ? 'acknowledge' : 'nothing' };
}
