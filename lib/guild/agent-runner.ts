/** @module One instance of one agent at work: leases deliveries, runs the handler, settles what it decided. */
import type { Lease, Outcome, Settlement, Spend } from '../backends/backend.ts';
import { Alarm } from '../core/alarm.ts';
import { pause } from '../core/clock.ts';
import { BackendUnavailableError, HandlerTimeoutError, LeaseLostError, StateConflictError } from '../core/errors.ts';
import { faultOf } from '../core/fault.ts';
import type { Message } from '../core/message.ts';
import { OpenList } from '../core/open-list.ts';
import { Attempt, leaseFields, type Workplace } from './attempt.ts';
import type { Handler } from './define-agent.ts';
import { DeliveryGuard } from './delivery-guard.ts';
import { enrichment } from './enrichment.ts';
import { decodePayload, describeFailure, failureSettlement, readable } from './failure.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import type { Pace } from './pace.ts';
import { Settler } from './settler.ts';
import { Slots } from './slots.ts';
import { subscriptionOf } from './subscription-of.ts';

export interface RunnerOptions extends Workplace {
  readonly random: () => number;
  readonly maxHops: number;
  readonly pace: Pace;
}

/** How long one call waits for a delivery. */
const LEASE_WAIT_MS = 20_000;
/** What a lease lasts beyond the handler's time, for settling. */
const SETTLE_MARGIN_MS = 10_000;
/** A longer handler has its lease extended, so that a dead consumer is noticed all the same. */
const MAX_LEASE_MS = 30_000;
const MAX_BACKOFF_MS = 30_000;
/** Deliveries that are started between two looks at the clock. */
const CLOCK_STRIDE = 8;
const PREPARATION_RETRY_MS = 1_000;

export class AgentRunner {
  readonly #options: RunnerOptions;
  readonly #guard: DeliveryGuard;
  readonly #handlers: ReadonlyMap<string | undefined, Handler>;
  readonly #settler: Settler;
  readonly #stopping = new AbortController();
  readonly #deadlines: Alarm;
  readonly #keeper: LeaseKeeper;
  readonly #leaseMs: number;
  /** In the order of their deadlines, since all attempts of an agent may take the same time. */
  readonly #attempts = new OpenList<Attempt>();
  readonly #slots: Slots;
  /** Nothing is started any more. */
  #isOver = false;
  /** Whether the last handler was done when it returned. */
  #hasHandledAtOnce = false;
  #loop: Promise<void> | undefined;

  constructor(options: RunnerOptions) {
    const { agent, namespace, backend, clock } = options;
    this.#options = options;
    const handlers = new Map(agent.handlers.map((handler) => [handler.format?.name, handler]));
    this.#handlers = handlers;
    this.#guard = new DeliveryGuard({
      interest: subscriptionOf(agent, namespace),
      attempts: agent.retry.attempts,
      maxHops: options.maxHops,
      handles: (format) => handlers.has(format) || handlers.has(undefined),
    });
    this.#slots = new Slots(agent.concurrency);
    this.#settler = new Settler(
      backend,
      clock,
      (settlement) => this.#late(settlement),
      (settlement, outcome) => this.#onSettled(settlement, outcome),
    );
    this.#deadlines = new Alarm(clock, () => this.#giveUpLate());
    const wanted = Math.min(agent.timeoutMs + SETTLE_MARGIN_MS, MAX_LEASE_MS);
    this.#leaseMs = Math.max(wanted, backend.features.minLeaseMs);
    this.#keeper = new LeaseKeeper(options, this.#attempts, this.#leaseMs, (attempt, error) =>
      this.#onLeaseLost(attempt, error),
    );
  }

  start(): void {
    this.#loop ??= this.#work();
  }

  /** Takes nothing new, and lets what runs finish until `deadline` resolves; what still runs then is handed back. */
  async drain(deadline: Promise<void>): Promise<void> {
    this.#stopping.abort();
    this.#slots.wake();
    await Promise.race([this.#loop, deadline]);
    const idle = this.#slots.idle();
    await Promise.race([idle, deadline]);
    this.#releaseAll();
    await idle;
    this.#deadlines.cancel();
    this.#keeper.stop();
  }

  async #work(): Promise<void> {
    const { backend, clock, agent, namespace, pace, log } = this.#options;
    const { signal } = this.#stopping;
    const wanted = {
      agent: agent.name,
      namespaces: [namespace],
      leaseMs: this.#leaseMs,
      waitMs: LEASE_WAIT_MS,
      signal,
    };
    for (let failures = 0; !signal.aborted; ) {
      if (this.#slots.free === 0) {
        await this.#slots.change();
        continue;
      }
      try {
        const request = { ...wanted, max: this.#slots.free };
        let now = 0;
        let started = 0;
        const leases = await backend.lease(request);
        for (const lease of leases) {
          // Reading the clock costs as much as all else here, and only a handler that does not wait can take long.
          if (started++ % CLOCK_STRIDE === 0 || this.#hasHandledAtOnce) now = clock.now();
          this.#hasHandledAtOnce = false;
          if (pace.isDue(now)) await pace.turn(now);
          // Those before it took long: without this, what waits for its turn would be handed to another.
          if (lease.until - now < this.#leaseMs / 2) await backend.extend(leases.slice(started - 1), this.#leaseMs);
          this.#take(lease, now);
        }
        failures = 0;
      } catch (error) {
        const waitMs = Math.min(MAX_BACKOFF_MS, 100 * 2 ** failures++) * (0.5 + this.#options.random() / 2);
        log.error(`cannot take deliveries, trying again in ${Math.round(waitMs)} ms`, {
          agent: agent.name,
          error: faultOf(error),
        });
        await pause(clock, waitMs, signal);
      }
    }
  }

  #take(lease: Lease, now: number): void {
    this.#slots.take();
    this.#options.clock.beginWork();
    this.#begin(lease, now);
  }

  /** Starts an attempt. Whatever comes of it is settled, and settling frees the slot. */
  #begin(lease: Lease, now: number, spent?: Spend): void {
    const refusal = this.#isOver ? this.#handBack(lease, false) : this.#guard.refusal(lease, now);
    if (refusal !== undefined) {
      this.#tell(refusal);
      this.#settler.settle(refusal);
      return;
    }
    const isStarted = lease.returned || this.#options.agent.guarantee === 'at-most-once';
    if (isStarted || (lease.message as Message).enrichWithHistory > 0) void this.#beginSlowly(lease, isStarted, spent);
    else this.#run(lease, NOTHING, now, spent);
  }

  /** For the few deliveries that need the backend once more before their handler runs. */
  async #beginSlowly(lease: Lease, isStarted: boolean, spent: Spend | undefined): Promise<void> {
    const { backend, clock, log } = this.#options;
    const message = lease.message as Message;
    try {
      // Before the start, which acknowledges an at-most-once delivery: what fails here can still be handed back.
      const history = message.enrichWithHistory > 0 ? await enrichment(backend, message) : NOTHING;
      const [started] = isStarted && !this.#isOver ? await backend.start([lease]) : [];
      if (started?.ok === false) {
        log.warn(`a delivery was not started: ${started.error.message}`, leaseFields(lease));
        this.#freeSlot();
      } else if (this.#isOver) this.#settler.settle(this.#handBack(lease, started !== undefined));
      else this.#run(lease, history, clock.now(), spent);
    } catch (error) {
      log.error('cannot prepare a delivery, trying again', { ...leaseFields(lease), error: faultOf(error) });
      this.#settler.settle({ kind: 'released', lease, delayMs: PREPARATION_RETRY_MS });
    }
  }

  /** For the next consumer; a delivery that was acknowledged has none, and becomes a dead letter. */
  #handBack(lease: Lease, isStarted: boolean): Settlement {
    if (!isStarted || this.#options.agent.guarantee !== 'at-most-once') return { kind: 'released', lease, delayMs: 0 };
    return this.#failure(lease, new Error('the guild stopped before the handler was done'));
  }

  /** Runs the handler; a handler that does not wait is settled without a promise. */
  #run(lease: Lease, history: readonly Message[], now: number, spent: Spend | undefined): void {
    const { agent } = this.#options;
    const message = lease.message as Message;
    const handler = this.#handlerOf(message) as Handler;
    const deadlineAt = now + agent.timeoutMs;
    const attempt = new Attempt(this.#options, lease, message, history, deadlineAt, spent);
    this.#attempts.add(attempt);
    this.#deadlines.set(deadlineAt);
    this.#keeper.keep(now);
    try {
      const payload = handler.format === undefined ? message.payload : decodePayload(handler.format, message);
      const result = handler.run(payload as never, attempt as never);
      if (isThenable(result)) {
        result.then(
          () => this.#complete(attempt),
          (error: unknown) => this.#fail(attempt, error),
        );
      } else {
        this.#hasHandledAtOnce = true;
        this.#complete(attempt);
      }
    } catch (error) {
      this.#fail(attempt, error);
    }
  }

  #complete(attempt: Attempt): void {
    if (!attempt.isOpen) return;
    if (attempt.hasState) {
      void this.#completeWithState(attempt);
      return;
    }
    this.#attempts.close(attempt);
    this.#settle(attempt, { kind: 'completed', lease: attempt.lease, outputs: attempt.end(), state: NOTHING });
  }

  async #completeWithState(attempt: Attempt): Promise<void> {
    try {
      const state = await attempt.state.writes();
      if (!this.#attempts.close(attempt)) return;
      this.#settle(attempt, { kind: 'completed', lease: attempt.lease, outputs: attempt.end(), state });
    } catch (error) {
      this.#fail(attempt, error);
    }
  }

  /** Nothing happens if the attempt was ended from outside before. */
  #fail(attempt: Attempt, thrown: unknown): void {
    if (!this.#attempts.close(attempt)) return;
    const error = readable(thrown);
    attempt.abort(error ?? new Error('the attempt failed'));
    this.#settle(attempt, this.#failure(attempt.lease, error));
  }

  #settle({ spent, deadlineAt }: Attempt, settlement: Settlement): void {
    this.#settler.settle(spent === undefined ? settlement : { ...settlement, spent }, deadlineAt);
  }

  /** Handlers that held the process past their deadline have no effect either (D10). */
  #late(settlement: Settlement): Settlement {
    if (settlement.kind !== 'completed') return settlement;
    const { name, timeoutMs } = this.#options.agent;
    const { lease, spent } = settlement;
    const failure = this.#failure(lease, new HandlerTimeoutError(name, timeoutMs));
    return spent === undefined ? failure : { ...failure, spent };
  }

  #onSettled(settlement: Settlement, outcome: Outcome): void {
    if (outcome.ok) {
      this.#freeSlot();
    } else if (outcome.error instanceof StateConflictError) {
      // Somebody else changed what this attempt had read: it is run again, and that is no failure.
      this.#begin(settlement.lease, this.#options.clock.now(), settlement.spent);
    } else if (settlement.kind === 'completed' && !LEFT_TO_OTHERS.some((kind) => outcome.error instanceof kind)) {
      // The backend refuses what the attempt decided, so the attempt has failed like one that threw.
      const { lease, spent } = settlement;
      const failure = this.#failure(lease, outcome.error);
      this.#settler.settle(spent === undefined ? failure : { ...failure, spent });
    } else {
      this.#options.log.warn(`an attempt had no effect: ${outcome.error.message}`, leaseFields(settlement.lease));
      this.#freeSlot();
    }
  }

  #freeSlot(): void {
    this.#options.clock.endWork();
    this.#slots.release();
  }

  #handlerOf(message: Message): Handler | undefined {
    return this.#handlers.get(message.format) ?? this.#handlers.get(undefined);
  }

  #failure(lease: Lease, error: unknown): Settlement {
    const { agent, random, backend } = this.#options;
    const settlement = failureSettlement(lease, error, agent, backend.features.maxDelayMs, random);
    this.#tell(settlement);
    return settlement;
  }

  /** A retry is a warning, a dead letter an error; what else may happen is nothing to tell. */
  #tell(settlement: Settlement): void {
    if (settlement.kind !== 'retry' && settlement.kind !== 'dead') return;
    const { agent, log } = this.#options;
    const write = settlement.kind === 'retry' ? log.warn : log.error;
    write(describeFailure(settlement, agent), { ...leaseFields(settlement.lease), error: settlement.fault });
  }

  /** Ends the attempts that are out of time; when the next one will be. */
  #giveUpLate(): number | undefined {
    const now = this.#options.clock.now();
    for (let attempt = this.#attempts.first(); attempt !== undefined; attempt = this.#attempts.first()) {
      if (attempt.deadlineAt > now) return attempt.deadlineAt;
      this.#fail(attempt, attempt.timeoutError());
    }
    return undefined;
  }

  /** Somebody else has the delivery by now. */
  #onLeaseLost(attempt: Attempt, error: Error): void {
    if (!this.#attempts.close(attempt)) return;
    attempt.abort(error);
    this.#options.log.warn(`an attempt was ended: ${error.message}`, leaseFields(attempt.lease));
    this.#freeSlot();
  }

  /** Hands back what still runs; the handler, if it ever ends, finds that its attempt is over. */
  #releaseAll(): void {
    this.#isOver = true;
    for (const attempt of this.#attempts.open()) {
      this.#attempts.close(attempt);
      attempt.abort(new Error('the guild stops'));
      this.#settle(attempt, this.#handBack(attempt.lease, true));
    }
  }
}

/** Outcomes that leave the delivery to whoever gets it next. */
const LEFT_TO_OTHERS = [LeaseLostError, BackendUnavailableError] as const;
const NOTHING: readonly never[] = Object.freeze([]);

function isThenable(value: unknown): value is PromiseLike<void> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
