/** @module One instance of one agent at work: leases deliveries, has them handled, settles what came of it. */
import type { Lease, Outcome, Settlement, Spend } from '../backends/backend.ts';
import type { Middleware } from '../bus/middleware/middleware.ts';
import { AskAgain } from '../core/ask-again.ts';
import { pause } from '../core/clock.ts';
import { BackendUnavailableError, LeaseLostError, StateConflictError } from '../core/errors.ts';
import { faultOf } from '../core/fault.ts';
import { HandlerTimeoutError, type Postponed } from '../core/handler-errors.ts';
import type { Message } from '../core/message.ts';
import { Alone } from './alone.ts';
import { leaseFields, type Workplace } from './attempt.ts';
import { Attempts } from './attempts.ts';
import { DeliveryGuard } from './delivery-guard.ts';
import { enrichment } from './enrichment.ts';
import { Failures, standBackMs } from './failure.ts';
import { LostRaces } from './lost-races.ts';
import type { Pace } from './pace.ts';
import { Settler } from './settler.ts';
import { Slots } from './slots.ts';
import { subscriptionOf } from './subscription-of.ts';

export interface RunnerOptions extends Workplace {
  readonly random: () => number;
  readonly maxHops: number;
  readonly pace: Pace;
  /** The guild's middleware, outside the agent's own. */
  readonly use: readonly Middleware[];
  /**
   * Unix ms until which what is handed in is started. Later it goes back, uncounted, once this runner was done with another: so
   * even one that has less time than that begins what it can. @default - at any time
   */
  readonly startsUntil?: number;
  /** The one slot, of all agents of a process, for deliveries that may have ended one. @default - one of its own */
  readonly aloneTurn?: Slots;
}

/** How long one call waits for a delivery. */
const LEASE_WAIT_MS = 20_000;
/** What a lease lasts beyond the handler's time, for settling. */
const SETTLE_MARGIN_MS = 10_000;
/** A longer handler has its lease extended, so that a dead consumer is noticed all the same. */
const MAX_LEASE_MS = 30_000;
const MAX_BACKOFF_MS = 5_000;
/** Deliveries that are started between two looks at the clock. */
const CLOCK_STRIDE = 8;
const PREPARATION_RETRY_MS = 1_000;

export class AgentRunner {
  readonly #options: RunnerOptions;
  readonly #guard: DeliveryGuard;
  readonly #settler: Settler;
  readonly #stopping = new AbortController();
  readonly #leaseMs: number;
  readonly #failures: Failures;
  readonly #attempts: Attempts;
  readonly #lostRaces: LostRaces;
  readonly #slots: Slots;
  readonly #alone: Alone;
  /** Nothing is started any more. */
  #isOver = false;
  #hasEndedOne = false;
  /** Unix ms until which nothing new is taken; 0 where nothing keeps it from that. */
  #standsBackUntil = 0;
  #loop: Promise<void> | undefined;
  /** Who waits for a delivery that was handed in. */
  readonly #handedIn = new Map<Lease, () => void>();

  constructor(options: RunnerOptions) {
    const { agent, namespace, backend, clock, use } = options;
    this.#options = options;
    const wanted = Math.min(agent.timeoutMs + SETTLE_MARGIN_MS, MAX_LEASE_MS);
    this.#leaseMs = Math.max(wanted, backend.features.minLeaseMs);
    this.#slots = new Slots(agent.concurrency);
    this.#failures = new Failures(options);
    this.#settler = new Settler(
      backend,
      clock,
      (settlement) => this.#late(settlement),
      (settlement, outcome) => this.#onSettled(settlement, outcome),
    );
    this.#attempts = new Attempts({
      at: options,
      use,
      leaseMs: this.#leaseMs,
      failures: this.#failures,
      settle: (settlement, deadlineAt) => this.#settler.settle(settlement, deadlineAt),
      onLost: (lease) => this.#freeSlot(lease),
      onPostponed: (error) => this.#standBack(error),
    });
    this.#lostRaces = new LostRaces({
      at: options,
      leaseMs: this.#leaseMs,
      random: options.random,
      again: (lease, spent) => this.#begin(lease, clock.now(), spent),
      onLost: (lease) => this.#freeSlot(lease),
    });
    this.#alone = new Alone({
      at: options,
      leaseMs: this.#leaseMs,
      slots: this.#slots,
      turn: options.aloneTurn ?? new Slots(1),
      begin: (lease) => {
        this.#occupySlot();
        this.#begin(lease, clock.now());
      },
    });
    this.#guard = new DeliveryGuard({
      interest: subscriptionOf(agent, namespace),
      attempts: agent.retry.attempts,
      maxHops: options.maxHops,
      handles: (format) => this.#attempts.handles(format),
    });
  }

  start(): void {
    this.#loop ??= this.#work();
  }

  /** Handles a delivery that came by itself, as one of a function's event does; resolves when this runner is done with it. */
  async handle(lease: Lease): Promise<void> {
    while (this.#slots.free <= 0 && !this.#isOver) await this.#slots.change();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#handedIn.set(lease, resolve);
    const { clock, startsUntil = Number.POSITIVE_INFINITY } = this.#options;
    const now = clock.now();
    this.#occupySlot();
    if (this.#hasEndedOne && now > startsUntil) this.#settler.settle({ kind: 'released', lease, delayMs: 0 });
    else this.#begin(lease, now);
    return promise;
  }

  /** Takes nothing new, and lets what runs finish until `deadline` resolves; what still runs then is handed back. */
  async drain(deadline: Promise<void>): Promise<void> {
    this.#stopping.abort();
    this.#slots.wake();
    await Promise.race([this.#loop, deadline]);
    const idle = this.#slots.idle();
    await Promise.race([idle, deadline]);
    this.#isOver = true;
    this.#attempts.releaseAll();
    this.#lostRaces.releaseAll();
    this.#alone.releaseAll();
    await this.#slots.idle();
    this.#attempts.stop();
    this.#lostRaces.stop();
    this.#alone.stop();
    await Promise.race([this.#attempts.idle(), deadline]);
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
    const again = new AskAgain(clock);
    for (let failures = 0; !signal.aborted; ) {
      if (this.#slots.free === 0) {
        await this.#slots.change();
        continue;
      }
      if (this.#standsBackUntil > 0) {
        await this.#standAside();
        continue;
      }
      try {
        const request = { ...wanted, max: this.#slots.free };
        let now = 0;
        let started = 0;
        again.asking();
        const leases = await backend.lease(request);
        if (leases.length === 0) await again.gotNothing(signal);
        else again.gotSomething();
        const alone: Lease[] = [];
        for (const lease of leases) {
          // Reading the clock costs as much as all else here, and only a handler that does not wait can take long.
          if (started++ % CLOCK_STRIDE === 0 || this.#attempts.hasHandledAtOnce) now = clock.now();
          this.#attempts.hasHandledAtOnce = false;
          if (pace.isDue(now)) {
            await pace.turn(now);
            now = clock.now();
          }
          // Those before it took long: without this, what waits for its turn would be handed to another.
          if (lease.until - now < this.#leaseMs / 2) {
            await backend.extend(leases.slice(started - 1), this.#leaseMs);
            now = clock.now();
          }
          if (this.#alone.isFor(lease)) {
            alone.push(lease);
            continue;
          }
          this.#occupySlot();
          this.#begin(lease, now);
        }
        if (alone.length > 0) await this.#alone.run(alone);
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

  #occupySlot(): void {
    this.#slots.take();
    this.#options.clock.beginWork();
  }

  /** Takes nothing new for as long as the error says, if it says so. */
  #standBack(error: Postponed): void {
    const ms = standBackMs(error);
    const until = this.#options.clock.now() + ms;
    if (ms === 0 || until <= this.#standsBackUntil) return;
    const { agent, log } = this.#options;
    if (this.#standsBackUntil === 0) log.warn(`takes nothing for ${ms} ms: ${error.message}`, { agent: agent.name });
    this.#standsBackUntil = until;
  }

  async #standAside(): Promise<void> {
    const { clock } = this.#options;
    const until = this.#standsBackUntil;
    await pause(clock, until - clock.now(), this.#stopping.signal);
    // Unless it was told meanwhile to wait for longer.
    if (until === this.#standsBackUntil) this.#standsBackUntil = 0;
  }

  /** Starts an attempt. Whatever comes of it is settled, and settling frees the slot. */
  #begin(lease: Lease, now: number, spent?: Spend): void {
    const refusal = this.#refusal(lease, now);
    if (refusal !== undefined) {
      this.#failures.tell(refusal);
      this.#settler.settle(spent === undefined ? refusal : { ...refusal, spent });
      return;
    }
    const isStarted = lease.returned || this.#options.agent.guarantee === 'at-most-once';
    if (isStarted || (lease.message as Message).enrichWithHistory > 0) void this.#beginSlowly(lease, isStarted, spent);
    else this.#attempts.run(lease, NOTHING, now, spent);
  }

  /** How the delivery is settled without its handler; undefined if it may start. */
  #refusal(lease: Lease, now: number): Settlement | undefined {
    if (this.#isOver) return this.#failures.handBack(lease, false);
    // What was handed out already when something told this instance to stand back.
    const delayMs = this.#standsBackUntil === 0 ? 0 : this.#standsBackUntil - this.#options.clock.now();
    if (delayMs <= 0) return this.#guard.refusal(lease, now);
    return { kind: 'released', lease, delayMs: Math.min(delayMs, this.#options.backend.features.maxDelayMs) };
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
        this.#freeSlot(lease);
      } else if (this.#isOver) this.#settler.settle(this.#failures.handBack(lease, started !== undefined));
      else this.#attempts.run(lease, history, clock.now(), spent);
    } catch (error) {
      log.error('cannot prepare a delivery, trying again', { ...leaseFields(lease), error: faultOf(error) });
      this.#settler.settle({ kind: 'released', lease, delayMs: PREPARATION_RETRY_MS });
    }
  }

  /** Handlers that held the process past their deadline have no effect either (D10). */
  #late(settlement: Settlement): Settlement {
    if (settlement.kind !== 'completed') return settlement;
    const { name, timeoutMs } = this.#options.agent;
    const { lease, spent } = settlement;
    const failure = this.#failures.settlement(lease, new HandlerTimeoutError(name, timeoutMs));
    return spent === undefined ? failure : { ...failure, spent };
  }

  #onSettled(settlement: Settlement, outcome: Outcome): void {
    if (outcome.ok) {
      this.#freeSlot(settlement.lease);
    } else if (outcome.error instanceof StateConflictError) {
      this.#lostRaces.lost(settlement.lease, outcome.error.key, settlement.spent);
    } else if (settlement.kind === 'completed' && !LEFT_TO_OTHERS.some((kind) => outcome.error instanceof kind)) {
      // The backend refuses what the attempt decided, so the attempt has failed like one that threw.
      const { lease, spent } = settlement;
      const failure = this.#failures.settlement(lease, outcome.error);
      this.#settler.settle(spent === undefined ? failure : { ...failure, spent });
    } else {
      this.#options.log.warn(`an attempt had no effect: ${outcome.error.message}`, leaseFields(settlement.lease));
      this.#freeSlot(settlement.lease);
    }
  }

  #freeSlot(lease: Lease): void {
    this.#hasEndedOne = true;
    this.#options.clock.endWork();
    this.#slots.release();
    this.#lostRaces.ended(lease);
    if (this.#handedIn.size === 0) return;
    this.#handedIn.get(lease)?.();
    this.#handedIn.delete(lease);
  }
}

/** Outcomes that leave the delivery to whoever gets it next. */
const LEFT_TO_OTHERS = [LeaseLostError, BackendUnavailableError] as const;
const NOTHING: readonly never[] = Object.freeze([]);
