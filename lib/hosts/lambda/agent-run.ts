/** @module One event of an agent's queue, from its deliveries to the function's answer. */
import type { Backend, Lease } from '../../backends/backend.ts';
import type { Log } from '../../bus/log.ts';
import { type Clock, pause } from '../../core/clock.ts';
import { faultOf } from '../../core/fault.ts';
import { AgentRunner, type RunnerOptions } from '../../guild/agent-runner.ts';
import type { Agent } from '../../guild/define-agent.ts';
import { Pace } from '../../guild/pace.ts';
import type { BatchAnswer } from './events.ts';

/** A delivery of an event. */
export interface EventLease extends Lease {
  /** Nobody here will settle it any more. Has no effect on one that is settled. */
  end(isAcknowledged: boolean): void;
}

/** The deliveries of an event. */
export interface EventBatch {
  /** Up to `max` that may go now; waits while others may make some, and is empty when there will be no more. */
  lease(max: number): Promise<readonly EventLease[]>;
  /** Hands out nothing more; what must come again. */
  finish(): Promise<BatchAnswer>;
}

export interface AgentRunOptions {
  readonly agent: Agent;
  readonly backend: Backend;
  readonly batch: EventBatch;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly maxHops: number;
  /** For what the agent publishes in that namespace. */
  readonly draftsOf: (namespace: string) => RunnerOptions['drafts'];
  /** Time until AWS ends the process, in ms. */
  readonly remainingMs: number;
}

/** What is kept of the time for settling and for the answer, at most a fifth of all. */
const RESERVE_MS = 5_000;
/** What one attempt may take of the rest. */
const OF_USABLE = 0.8;
const MAX_BATCH = 10;

/**
 * Handles the deliveries of an event, as many at once as the agent's `concurrency` says, and those of one message group one
 * after the other. Before the time is over it hands back what still runs, uncounted: an attempt that has all of the agent's
 * time has ended by then.
 */
export async function runEvent(options: AgentRunOptions): Promise<BatchAnswer> {
  const { batch, clock, log, agent, remainingMs } = options;
  const over = new AbortController();
  const usableMs = remainingMs - Math.min(RESERVE_MS, remainingMs / 5);
  const timeUp = pause(clock, usableMs, over.signal);
  const runners = new Runners(options, usableMs);
  const handling: Promise<void>[] = [];
  const work = async () => {
    for (;;) {
      const leases = await batch.lease(MAX_BATCH);
      if (leases.length === 0) break;
      for (const lease of leases) handling.push(runners.handle(lease));
    }
    await Promise.all(handling);
  };
  const working = work().catch(async (error: unknown) => {
    log.error('cannot take deliveries: they come again', { agent: agent.name, error: faultOf(error) });
    await Promise.all(handling);
  });
  await Promise.race([working, timeUp]);
  await runners.drain(timeUp);
  await working;
  over.abort();
  return batch.finish();
}

/** One for each namespace of the event. */
class Runners {
  readonly #options: AgentRunOptions;
  readonly #agent: Agent;
  readonly #pace: Pace;
  readonly #runners = new Map<string, AgentRunner>();

  constructor(options: AgentRunOptions, usableMs: number) {
    const { agent } = options;
    this.#options = options;
    // A function that has less time than its agent must still tell that an attempt took too long: uncounted it would come again
    // for ever.
    const mostMs = Math.max(1, Math.floor(usableMs * OF_USABLE));
    this.#agent = mostMs < agent.timeoutMs ? { ...agent, timeoutMs: mostMs } : agent;
    this.#pace = new Pace(options.clock.now());
  }

  async handle(lease: EventLease): Promise<void> {
    await this.#of(lease.namespace).handle(lease);
    lease.end(false);
  }

  async drain(deadline: Promise<void>): Promise<void> {
    await Promise.all([...this.#runners.values()].map((runner) => runner.drain(deadline)));
  }

  #of(namespace: string): AgentRunner {
    const known = this.#runners.get(namespace);
    if (known !== undefined) return known;
    const { backend, clock, log, random, maxHops, draftsOf } = this.#options;
    const at = { agent: this.#agent, namespace, backend, clock, log, random, maxHops };
    const runner = new AgentRunner({ ...at, drafts: draftsOf(namespace), pace: this.#pace, use: [] });
    this.#runners.set(namespace, runner);
    return runner;
  }
}
