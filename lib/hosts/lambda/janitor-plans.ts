/** @module What the janitor does about plans: those that somebody began and left are worked off, at a pace. */
import type { Plan, PlanId } from '../../backends/backend.ts';
import type { Log } from '../../bus/log.ts';
import { type Clock, pause } from '../../core/clock.ts';
import { NotFoundError } from '../../core/errors.ts';
import { faultOf } from '../../core/fault.ts';

export interface AbandonedOptions {
  readonly plans: {
    abandoned(namespace: string, idleMs: number): Promise<readonly Plan[]>;
    run(id: PlanId, max: number): Promise<Plan>;
    forget(id: PlanId): Promise<void>;
  };
  /** Of any namespace nobody knows which there are: then plans are left to whoever runs them by their id. */
  readonly namespaces: '*' | readonly string[];
  readonly clock: Clock;
  readonly log: Log;
  /** Unix ms after which nothing more is begun. */
  readonly until: number;
  readonly onFailure: (error: unknown) => void;
}

/** Whoever works on a plan at any pace has done a step of it within that time. */
const IDLE_MS = 600_000;
/** Entries a second: agents have their own work besides. */
const STEP = 50;
const STEP_MS = 1_000;
const NEVER = new AbortController().signal;

/** How many entries it worked off. What it does not come to, the next tick does. Never rejects. */
export async function runAbandoned(options: AbandonedOptions): Promise<number> {
  const { plans, namespaces, clock, until, onFailure, log } = options;
  let worked = 0;
  for (const namespace of namespaces === '*' ? [] : namespaces) {
    try {
      for (const plan of await plans.abandoned(namespace, IDLE_MS)) {
        if (clock.now() >= until) return worked;
        worked += await runOne(plan, options);
      }
    } catch (error) {
      log.error('could not look for plans: the next tick tries again', { namespace, error: faultOf(error) });
      onFailure(error);
    }
  }
  return worked;
}

async function runOne(begun: Plan, { plans, clock, until, log, onFailure }: AbandonedOptions): Promise<number> {
  const about = { plan: begun.id, agent: begun.agent, action: begun.action };
  log.info('works off a plan that was left', { ...about, left: begun.total - begun.done });
  let plan = begun;
  try {
    for (;;) {
      plan = await plans.run(begun.id, STEP);
      if (plan.finished || clock.now() + STEP_MS >= until) return plan.done - begun.done;
      await pause(clock, STEP_MS, NEVER);
    }
  } catch (error) {
    // The guild was deployed without its agent.
    const isHopeless = error instanceof NotFoundError;
    const rest = isHopeless ? 'it is left to whoever runs it by its id' : 'the next tick tries again';
    log.error(`could not work off a plan: ${rest}`, { ...about, error: faultOf(error) });
    if (isHopeless) await plans.forget(begun.id);
    onFailure(error);
    return plan.done - begun.done;
  }
}
