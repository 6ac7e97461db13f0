/** @module Plans as a program asks for them, and their pace (D7). */
import type { Backend, Plan, PlanId, PlanRequest } from '../backends/backend.ts';
import { type Clock, pause } from '../core/clock.ts';
import { type FieldFault, InvalidArgumentError } from '../core/errors.ts';
import { firstIdOf, type GemstoneId, gemstoneIdProblem, lastIdOf, type Priority } from '../core/gemstone-id.ts';
import { priorityRule } from '../core/message-rules.ts';
import { show } from '../core/show.ts';
import { MAX_AGENT_NAME, nameProblem } from '../core/topic.ts';
import { type HistoryQuery, toReadQuery } from './history-query.ts';

/** Takes up dead letters again, or puts them aside for good. */
export interface DeadLetterPlan {
  readonly action: 'redrive' | 'discard';
  readonly agent: string;
  /** Of the dead letters themselves. @default - all that pass the rest */
  readonly ids?: readonly GemstoneId[];
  /** Of the original message; likewise `sender` and `priority`. */
  readonly format?: string;
  readonly sender?: string;
  readonly priority?: Priority;
  /** The class of the last error, such as `TypeError`. */
  readonly errorName?: string;
}

/** Hands messages of the past to one agent again. */
export interface ReplayPlan {
  readonly action: 'replay';
  readonly agent: string;
  /** Which; of these only what the agent's subscription admits. */
  readonly messages: Omit<HistoryQuery, 'order' | 'limit' | 'after'>;
}

export interface RunPlanOptions {
  /** Entries a second. @default - as fast as it goes */
  readonly perSecond?: number;
  /** Told after every step. */
  readonly onProgress?: (plan: Plan) => void;
  /** Stops between two steps; the plan can be run on later. */
  readonly signal?: AbortSignal;
}

/** The last time that an id can hold. */
const END_OF_TIME = 2 ** 48 - 1;
const MAX_STEP = 100;
/** Steps a second of a plan that has a pace. */
const STEPS = 10;
const fields = ['action', 'agent', 'ids', 'format', 'sender', 'priority', 'errorName', 'messages'];

/**
 * The port's request.
 *
 * @throws InvalidArgumentError with every fault.
 */
export function toPlanRequest(namespace: string, plan: DeadLetterPlan | ReplayPlan): PlanRequest {
  const faults: FieldFault[] = [];
  const check = (field: string, problem: string | undefined) =>
    problem !== undefined && faults.push({ field, problem });
  if (typeof plan !== 'object' || plan === null) {
    throw new InvalidArgumentError([{ field: 'plan', problem: `got ${show(plan)}: allowed is an object` }]);
  }
  for (const field of Object.keys(plan)) {
    const isMisplaced = field === 'messages' ? plan.action !== 'replay' : plan.action === 'replay' && field !== 'agent';
    if (!fields.includes(field)) check(field, `is unknown: allowed are ${fields.join(', ')}`);
    else if (isMisplaced && field !== 'action') check(field, `does not belong to action ${show(plan.action)}`);
  }
  check('agent', nameProblem(plan.agent, MAX_AGENT_NAME));
  if (plan.action === 'replay') {
    check(
      'messages',
      typeof plan.messages === 'object' && plan.messages !== null
        ? undefined
        : `got ${show(plan.messages)}: say which, such as { topic: 'doc.tasks' }`,
    );
    if (faults.length > 0) throw new InvalidArgumentError(faults);
    const { where, from = firstIdOf(0), to = lastIdOf(END_OF_TIME), filter } = toReadQuery(namespace, plan.messages);
    if (from > to) {
      const problem = `${show(plan.messages.since)} is after until ${show(plan.messages.until)}: exchange them`;
      throw new InvalidArgumentError([{ field: 'since', problem }]);
    }
    return { namespace, agent: plan.agent, action: 'replay', where, from, to, ...(filter !== undefined && { filter }) };
  }
  const { action, agent, ids, format, sender, priority, errorName } = plan;
  check(
    'action',
    action === 'redrive' || action === 'discard'
      ? undefined
      : `got ${show(action)}: allowed are redrive, discard and replay`,
  );
  if (ids !== undefined && !Array.isArray(ids)) check('ids', `got ${show(ids)}: allowed is an array of gemstone IDs`);
  else for (const id of ids ?? []) check('ids', gemstoneIdProblem(id));
  for (const [field, value] of Object.entries({ format, sender, errorName })) {
    if (value !== undefined && (typeof value !== 'string' || value === ''))
      check(field, `got ${show(value)}: allowed is text`);
  }
  if (priority !== undefined) check('priority', priorityRule(priority));
  if (faults.length > 0) throw new InvalidArgumentError(faults);
  const filter = {
    ...(format !== undefined && { format }),
    ...(sender !== undefined && { sender }),
    ...(priority !== undefined && { priority }),
    ...(errorName !== undefined && { errorName }),
  };
  return { namespace, agent, action, ...(ids !== undefined && { ids }), filter };
}

/** Works a plan off, step by step. @throws InvalidArgumentError for a pace that is none; NotFoundError. */
export async function runPlan(
  backend: Backend,
  clock: Clock,
  id: PlanId,
  { perSecond = Number.POSITIVE_INFINITY, onProgress, signal = NEVER }: RunPlanOptions,
): Promise<Plan> {
  if (!(perSecond > 0)) {
    throw new InvalidArgumentError([
      { field: 'perSecond', problem: `got ${show(perSecond)}: allowed is a number above 0` },
    ]);
  }
  const max = Math.max(1, Math.min(MAX_STEP, Math.floor(perSecond / STEPS)));
  for (;;) {
    const plan = await backend.runPlan(id, { max });
    onProgress?.(plan);
    if (plan.finished || signal.aborted) return plan;
    if (perSecond !== Number.POSITIVE_INFINITY) await pause(clock, (max * 1_000) / perSecond, signal);
    if (signal.aborted) return plan;
  }
}

const NEVER = new AbortController().signal;
