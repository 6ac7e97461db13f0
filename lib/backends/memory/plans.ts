/** @module Plans (D7): lists that are frozen when they are made, and worked off entry by entry. */
import { randomUUID } from 'node:crypto';
import { admissionOf, follows } from '../../core/admission.ts';
import { EmptyPlanError, NotFoundError } from '../../core/errors.ts';
import type { Message } from '../../core/message.ts';
import type { Plan, PlanId, PlanRequest } from '../backend.ts';
import { wantedLetters } from '../wanted-letters.ts';
import type { Buried } from './dead-letters.ts';
import { DAY_MS } from './memory-features.ts';
import type { MemoryNamespace, OpenThreads } from './memory-namespace.ts';

interface Frozen {
  readonly id: PlanId;
  readonly namespace: MemoryNamespace;
  readonly agent: string;
  readonly action: Plan['action'];
  readonly madeAt: number;
  readonly total: number;
  done: number;
  skipped: number;
  /** Dead letters, or messages to replay; let go of when the plan is finished. */
  entries: readonly (Buried | Message)[];
}

export class Plans {
  readonly #plans = new Map<PlanId, Frozen>();

  /** @throws EmptyPlanError, InvalidArgumentError, NotFoundError */
  make(request: PlanRequest, namespace: MemoryNamespace, now: number): Plan {
    const { agent, action } = request;
    this.#forgetOld(now);
    if (action !== 'discard') namespace.mustHaveSubscription(agent);
    const entries = request.action === 'replay' ? toReplay(request, namespace, now) : openLetters(request, namespace);
    if (entries.length === 0) throw new EmptyPlanError(action, agent);
    const id = randomUUID() as string as PlanId;
    const total = entries.length;
    const frozen = { id, namespace, agent, action, madeAt: now, total, done: 0, skipped: 0, entries };
    this.#plans.set(id, frozen);
    return report(frozen);
  }

  /** @throws NotFoundError also if the agent has no subscription any more. */
  run(id: PlanId, max: number): Plan {
    const frozen = this.#plans.get(id);
    if (frozen === undefined) throw new NotFoundError(`plan ${id}`);
    const end = Math.min(frozen.total, frozen.done + max);
    const open = frozen.namespace.openThreads();
    for (; frozen.done < end; frozen.done++) if (!workOff(frozen, frozen.done, open)) frozen.skipped++;
    if (frozen.done === frozen.total) frozen.entries = [];
    return report(frozen);
  }

  #forgetOld(now: number): void {
    for (const [id, { madeAt, done, total }] of this.#plans) {
      if (madeAt > now - DAY_MS) return;
      if (done === total) this.#plans.delete(id);
    }
  }
}

/** Whether there was something left to do for the entry. */
function workOff({ namespace, agent, action, entries }: Frozen, index: number, open: OpenThreads): boolean {
  const entry = entries[index] as Buried | Message;
  if (action !== 'discard') namespace.mustHaveSubscription(agent);
  if (!('letter' in entry)) return namespace.replay(agent, entry, open);
  if (!namespace.deadLetters.take(agent, entry.letter.id)) return false;
  if (action === 'redrive') namespace.redrive(agent, entry.delivery, entry.reason, open);
  return true;
}

function openLetters(request: PlanRequest & { action: 'redrive' | 'discard' }, namespace: MemoryNamespace): Buried[] {
  return wantedLetters(namespace.deadLetters.of(request.agent), request, ({ letter, delivery, errorName }) => ({
    id: letter.id,
    original: delivery.message,
    errorName,
  }));
}

function toReplay(request: PlanRequest & { action: 'replay' }, namespace: MemoryNamespace, now: number): Message[] {
  const { agent, where, from, to, filter = {} } = request;
  const subscription = namespace.subscriptionOf(agent);
  const query = {
    namespace: namespace.name,
    where,
    from,
    to,
    filter,
    order: 'id',
    limit: Number.POSITIVE_INFINITY,
  } as const;
  const { items } = namespace.read(query, now);
  return items.filter(
    (message) =>
      subscription !== undefined &&
      follows(subscription, message.topic) &&
      admissionOf(subscription, message) === 'admitted',
  );
}

function report({ id, namespace, agent, action, total, done, skipped }: Frozen): Plan {
  return { id, namespace: namespace.name, agent, action, total, done, skipped, finished: done === total };
}
