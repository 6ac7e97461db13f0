/** @module One event of an agent's queue, from its deliveries to the function's answer. */
import type { Backend, Lease } from '../../backends/backend.ts';
import type { Log } from '../../bus/log.ts';
import { type Clock, pause } from '../../core/clock.ts';
import { faultOf } from '../../core/fault.ts';
import { AgentRunner, type RunnerOptions } from '../../guild/agent-runner.ts';
import { mayEndProcess } from '../../guild/alone.ts';
import type { Agent } from '../../guild/define-agent.ts';
import { Pace } from '../../guild/pace.ts';
import { Slots } from '../../guild/slots.ts';
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
/** What of that is kept for the answer. */
const OF_RESERVE = 0.4;
/** What one attempt may take of the rest, where that is less than the agent gives it. */
const OF_USABLE = 0.8;
const MAX_BATCH = 10;

/**
 * Handles the deliveries of an event, as many at once as the agent's `concurrency` says, and those of one message group one
 * after the other. Each is looked up when it has its turn, since a pause, or what others spent, may keep it from its start. What
 * would have less than the agent's time goes back unstarted, uncounted, once another has ended: so each attempt has ended before
 * the time is over, and what still runs then is handed back. What may have ended a process before runs alone: should it do so
 * again, nothing else becomes a dead letter for that. It answers in time even if not all could be settled: what was not
 * acknowledged comes again.
 */
export async function runEvent(options: AgentRunOptions): Promise<BatchAnswer> {
  const { batch, clock, log, agent, remainingMs } = options;
  const over = new AbortController();
  const reserveMs = Math.min(RESERVE_MS, remainingMs / 5);
  const usableMs = remainingMs - reserveMs;
  const timeUp = pause(clock, usableMs, over.signal);
  const lastMoment = pause(clock, remainingMs - reserveMs * OF_RESERVE, over.signal);
  const runners = new Runners(options, usableMs);
  const handling: Promise<void>[] = [];
  const work = async () => {
    for (let room = await runners.room(); room > 0; room = await runners.room()) {
      const leases = await batch.lease(room);
      if (leases.length === 0) break;
      const alone = leases.filter((lease) => mayEndProcess(lease, agent.retry.attempts));
      for (const lease of leases) if (!alone.includes(lease)) handling.push(runners.handle(lease));
      for (const lease of alone) {
        await Promise.all(handling);
        await runners.handle(lease);
      }
    }
    await Promise.all(handling);
  };
  const working = work().catch(async (error: unknown) => {
    log.error('cannot take deliveries: they come again', { agent: agent.name, error: faultOf(error) });
    await Promise.all(handling);
  });
  await Promise.race([working, timeUp]);
  const inTime = (work: Promise<void>) => Promise.race([work.then(() => true), lastMoment.then(() => false)]);
  const isDrained = await inTime(runners.drain(timeUp));
  // Before what is just being opened, and will not be started, so that no more is.
  const answer = await batch.finish();
  const isSettled = (await inTime(working)) && isDrained;
  if (!isSettled) log.warn('answers before all is settled: the rest comes again', { agent: agent.name });
  over.abort();
  return answer;
}

/** One for each namespace of the event. */
class Runners {
  readonly #options: AgentRunOptions;
  readonly #agent: Agent;
  readonly #pace: Pace;
  readonly #startsUntil: number;
  readonly #slots: Slots;
  readonly #runners = new Map<string, AgentRunner>();
  /** Nothing is started any more. */
  isOver = false;

  constructor(options: AgentRunOptions, usableMs: number) {
    const { agent } = options;
    this.#options = options;
    this.#slots = new Slots(agent.concurrency);
    // A function that has less time than its agent must still tell that an attempt took too long: uncounted it would come again
    // for ever.
    const mostMs = Math.max(1, Math.floor(usableMs * OF_USABLE));
    this.#agent = agent.timeoutMs > usableMs ? { ...agent, timeoutMs: mostMs } : agent;
    const now = options.clock.now();
    this.#pace = new Pace(now);
    this.#startsUntil = now + usableMs - this.#agent.timeoutMs;
  }

  /** How many may be started now; waits until that is one, and is 0 when nothing is started any more. */
  async room(): Promise<number> {
    while (this.#slots.free <= 0 && !this.isOver) await this.#slots.change();
    return this.isOver ? 0 : Math.min(this.#slots.free, MAX_BATCH);
  }

  async handle(lease: EventLease): Promise<void> {
    this.#slots.take();
    if (this.isOver) await this.#options.backend.settle([{ kind: 'released', lease, delayMs: 0 }]);
    else await this.#of(lease.namespace).handle(lease);
    lease.end(false);
    this.#slots.release();
  }

  async drain(deadline: Promise<void>): Promise<void> {
    this.isOver = true;
    this.#slots.wake();
    await Promise.all([...this.#runners.values()].map((runner) => runner.drain(deadline)));
  }

  #of(namespace: string): AgentRunner {
    const known = this.#runners.get(namespace);
    if (known !== undefined) return known;
    const { backend, clock, log, random, maxHops, draftsOf } = this.#options;
    const at = { agent: this.#agent, namespace, backend, clock, log, random, maxHops };
    const [pace, startsUntil] = [this.#pace, this.#startsUntil];
    const runner = new AgentRunner({ ...at, drafts: draftsOf(namespace), pace, startsUntil, use: [] });
    this.#runners.set(namespace, runner);
    return runner;
  }
}
