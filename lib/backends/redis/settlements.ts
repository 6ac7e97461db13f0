/** @module What attempts decided, on its way to the store: many in one call, each a step of its own. */
import { DEAD_LETTER_FORMAT, type DeadLetter, deadLetterTopic } from '../../core/dead-letter.ts';
import {
  GuildwireError,
  IdempotencyConflictError,
  LeaseLostError,
  StateConflictError,
  TooManyOutputsError,
} from '../../core/errors.ts';
import type { Fault } from '../../core/fault.ts';
import type { GemstoneId } from '../../core/gemstone-id.ts';
import type { Draft } from '../../core/message.ts';
import { platformDraft } from '../../core/platform-draft.ts';
import type { DeadReason, Outcome, Settlement } from '../backend.ts';
import { EntryWriter } from './entries.ts';
import type { Namespaces } from './namespace.ts';
import { RedisLease } from './redis-lease.ts';

export type Settled = Outcome<{ readonly ids: readonly GemstoneId[] }>;

interface Indexed {
  readonly settlement: Settlement;
  readonly lease: RedisLease;
  readonly index: number;
}

const MAX_BATCH = 50;
/** Keeps a call short where outputs are large. */
const MAX_BATCH_BYTES = 4 * 1024 * 1024;
const HANDED_BACK = {
  code: 'HANDED_BACK',
  message: 'was handed back after it had been acknowledged',
  retryable: false,
};
/** Reasons for which the handler ran; for the others it was not started, and that counts as no attempt. */
const HANDLED: ReadonlySet<DeadReason> = new Set(['failed', 'permanent', 'crashed']);
const HALTING: ReadonlySet<string> = new Set(['hops', 'deadline', 'budget']);

export const isHalted = (reason: string): boolean => HALTING.has(reason);

export class Settlements {
  readonly #namespaces: Namespaces;
  readonly #limits: { readonly maxOutputs: number; readonly maxInlineBytes: number };

  constructor(namespaces: Namespaces, limits: { readonly maxOutputs: number; readonly maxInlineBytes: number }) {
    this.#namespaces = namespaces;
    this.#limits = limits;
  }

  async settle(settlements: readonly Settlement[]): Promise<Settled[]> {
    const outcomes: Settled[] = [];
    const sent: Indexed[] = [];
    for (const [index, settlement] of settlements.entries()) {
      const { maxOutputs } = this.#limits;
      const count = settlement.kind === 'completed' ? settlement.outputs.length : 0;
      if (count > maxOutputs) outcomes[index] = { ok: false, error: new TooManyOutputsError(count, maxOutputs) };
      else sent.push({ settlement: asPossible(settlement), lease: RedisLease.of(settlement.lease), index });
    }
    for (const [namespace, all] of Map.groupBy(sent, ({ lease }) => lease.namespace)) {
      for (let start = 0; start < all.length; ) {
        const batch = all.slice(start, endOfBatch(all, start));
        start += batch.length;
        const settled = await this.#send(namespace, batch).catch((error: unknown) => {
          // Some may be settled already, and must not be told otherwise.
          if (!(error instanceof GuildwireError) || batch.length === sent.length) throw error;
          return batch.map((): Settled => ({ ok: false, error }));
        });
        for (const [at, { index }] of batch.entries()) outcomes[index] = settled[at] as Settled;
      }
    }
    return outcomes;
  }

  async #send(namespace: string, batch: readonly Indexed[]): Promise<readonly Settled[]> {
    const answers = await this.#namespaces.store('settle', namespace, (registry) => {
      const writer = new EntryWriter(registry, this.#limits.maxInlineBytes);
      const now = this.#namespaces.settings.clock.now();
      const steps = batch.map(({ settlement, lease }) => toStep(settlement, lease, writer, now));
      return { header: { steps, stores: writer.bodies.length > 0 }, writer };
    });
    return batch.map(({ lease }, index) => toOutcome(lease, answers[index] ?? []));
  }
}

function endOfBatch(all: readonly Indexed[], start: number): number {
  let bytes = 0;
  let end = start;
  while (end < all.length && end - start < MAX_BATCH && (end === start || bytes < MAX_BATCH_BYTES))
    bytes += bytesOf((all[end++] as Indexed).settlement);
  return end;
}

function bytesOf(settlement: Settlement): number {
  if (settlement.kind !== 'completed') return 0;
  return settlement.outputs.reduce((sum, { payloadBytes }) => sum + payloadBytes, 0);
}

/** What was acknowledged when it was started cannot come back; it must not vanish all the same. */
function asPossible(settlement: Settlement): Settlement {
  const { lease, spent } = settlement;
  if (!RedisLease.of(lease).isAcknowledged || (settlement.kind !== 'retry' && settlement.kind !== 'released'))
    return settlement;
  const fault = settlement.kind === 'retry' ? settlement.fault : HANDED_BACK;
  return { kind: 'dead', lease, reason: 'failed', fault, ...(spent !== undefined && { spent }) };
}

/** As the function `settle` takes it. */
function toStep(settlement: Settlement, lease: RedisLease, writer: EntryWriter, now: number): object {
  const { agent, delivery, token } = lease;
  const { spent } = settlement;
  const step = { agent, delivery, token, ...(spent !== undefined && { spent }) };
  if (settlement.kind === 'released') return { ...step, delay: settlement.delayMs };
  if (settlement.kind === 'retry')
    return { ...step, delay: settlement.delayMs, fault: JSON.stringify(settlement.fault) };
  if (settlement.kind === 'dropped') return { ...step, ends: settlement.reason };
  if (settlement.kind === 'dead') {
    const { draft, delivered } = letterOf(lease, settlement.reason, settlement.fault, now);
    const listed = draft.message.topics[0] !== '$errors';
    const ends = isHalted(settlement.reason) ? 'halted' : 'dead';
    return { ...step, ends, listed, letter: writer.add(draft, delivered) };
  }
  const state = settlement.state.map(({ key: name, value, ifVersion }) => ({
    key: name,
    version: `${ifVersion}`,
    ...(value !== undefined && { b: writer.addBody(JSON.stringify(value)) }),
  }));
  const outputs = settlement.outputs.map((draft) => writer.add(draft));
  return { ...step, ends: 'handled', state, outputs };
}

/** What a delivery leaves behind when it cannot be handled. */
function letterOf(
  lease: RedisLease,
  reason: DeadReason,
  fault: Fault,
  now: number,
): { draft: Draft; delivered: boolean } {
  const { agent, namespace, key, message, raw, epoch, faults, firstAttemptAt } = lease;
  const { topic, delivered } = deadLetterTopic(agent, key.topic);
  const errors = [...faults, fault];
  const payload: DeadLetter = {
    agent,
    reason,
    topic: key.topic,
    id: key.id,
    epoch,
    ...(message !== undefined && { original: message }),
    ...(raw !== undefined && { raw: Buffer.from(raw).toString('base64') }),
    errors,
    attempts: HANDLED.has(reason) ? errors.length : faults.length,
    firstAttemptAt,
    // The first is by the store's clock, which may be ahead.
    lastAttemptAt: Math.max(now, firstAttemptAt),
  };
  const content = { format: DEAD_LETTER_FORMAT, payload, status: 'error' } as const;
  return { draft: platformDraft('dead-letters', { namespace, topic }, content, message), delivered };
}

function toOutcome({ agent }: RedisLease, [kind, ...values]: readonly string[]): Settled {
  const [first = ''] = values;
  if (kind === 'settled') return { ok: true, ids: values as GemstoneId[] };
  if (kind === 'raced') return { ok: false, error: new StateConflictError(agent, first) };
  if (kind === 'conflict') return { ok: false, error: new IdempotencyConflictError(first) };
  return { ok: false, error: new LeaseLostError(agent) };
}
