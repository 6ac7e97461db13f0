/** @module Any backend with faults put in: those that the delivery contract permits, and no others. */
import type { Backend, Lease, LeaseRequest, Settlement, Subscription } from '../../backends/backend.ts';
import { type Clock, pause, type Timer } from '../../core/clock.ts';
import { BackendUnavailableError, LeaseLostError } from '../../core/errors.ts';
import { type Draft, toReference } from '../../core/message.ts';
import type { ChaosSettings } from './chaos-options.ts';
import { FaultSchedule, type InjectedFault } from './fault-schedule.ts';
import { type Answer, FragileBackend } from './fragile-backend.ts';

/** By this part of a lease its answer may come late, so that it is still worth something. */
const LATE_PART = 4;
const NEVER = new AbortController().signal;

export class ChaosBackend extends FragileBackend {
  readonly #clock: Clock;
  readonly #schedule: FaultSchedule;
  /** Whose deliveries may be handed out twice, by namespace and agent. */
  readonly #repeatable = new Set<string>();
  /** Ends the outage that the seed drew. */
  #return: Timer | undefined;

  constructor(inner: Backend, settings: ChaosSettings) {
    super(inner);
    this.#clock = settings.clock;
    this.#schedule = new FaultSchedule(settings);
  }

  /** What happened so far, in order. */
  get faults(): readonly InjectedFault[] {
    return this.#schedule.happened;
  }

  override down(): void {
    this.#return?.cancel();
    super.down();
  }

  /** Brings the store back, also from an outage that the seed drew. */
  override up(): void {
    this.#return?.cancel();
    super.up();
  }

  override async append(drafts: readonly Draft[], nonce: string): Answer<'append'> {
    const [first] = drafts;
    const who = first?.message.sender.id ?? 'nobody';
    this.#mayGoAway(who, 'append');
    if (this.isDown) return super.append(drafts, nonce);
    const failure = this.#schedule.decide('failAppend', who);
    const isStored = failure === undefined || failure.random() < 0.5;
    const outcomes = isStored ? await super.append(drafts, nonce) : [];
    // What an attempt stores at once is waited for by a handler.
    await this.#mayBeLate(who, 'append', { works: first?.effect === undefined ? 0 : 1 });
    if (failure === undefined) return outcomes;
    const topics = first?.message.topics.join(', ') ?? 'nothing';
    this.#schedule.record(failure, `${who} ${topics}, ${isStored ? 'after' : 'before'} it was stored`);
    throw new BackendUnavailableError(this.#silence('append'));
  }

  override async lease(request: LeaseRequest): Answer<'lease'> {
    const { agent, leaseMs, signal = NEVER } = request;
    this.#mayGoAway(agent, 'lease');
    const leases = await super.lease(request);
    if (leases.length === 0) return leases;
    const handedOut = this.#mayShuffle(agent, this.#mayDouble(leases, request.max));
    await this.#mayBeLate(agent, 'lease', { mostMs: leaseMs / LATE_PART, signal });
    return handedOut;
  }

  override async settle(settlements: readonly Settlement[]): Answer<'settle'> {
    const who = settlements[0]?.lease.agent ?? 'nobody';
    this.#mayGoAway(who, 'settle');
    if (this.isDown) return super.settle(settlements);
    const crashes = settlements.map(({ lease: { agent } }) => ({
      before: this.#schedule.decide('crashBeforeSettle', agent),
      after: this.#schedule.decide('crashAfterSettle', agent),
    }));
    const arriving = settlements.filter((_, index) => crashes[index]?.before === undefined);
    const outcomes = arriving.length === 0 ? [] : await super.settle(arriving);
    const answers: Awaited<Answer<'settle'>> = [];
    for (const [index, { lease }] of settlements.entries()) {
      const { before, after } = crashes[index] ?? {};
      const crash = before ?? after;
      if (crash !== undefined) this.#schedule.record(crash, whatIs(lease));
      const outcome = before === undefined ? outcomes.shift() : undefined;
      if (before !== undefined) answers.push({ ok: false, error: new LeaseLostError(lease.agent) });
      else if (after === undefined && outcome !== undefined) answers.push(outcome);
      else answers.push({ ok: false, error: new BackendUnavailableError(this.#silence('settle')) });
    }
    await this.#mayBeLate(who, 'settle', { works: settlements.length });
    return answers;
  }

  override subscribe(subscription: Subscription): Answer<'subscribe'> {
    const { namespace, agent, ordering, guarantee } = subscription;
    const name = `${namespace}/${agent}`;
    if (ordering === 'none' && guarantee !== 'at-most-once') this.#repeatable.add(name);
    else this.#repeatable.delete(name);
    return super.subscribe(subscription);
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    this.#return?.cancel();
    await super[Symbol.asyncDispose]();
  }

  #mayGoAway(who: string, call: string): void {
    const outage = this.isDown ? undefined : this.#schedule.decide('outage', who);
    if (outage === undefined) return;
    const lengthMs = this.#schedule.lasts(outage);
    this.#schedule.record(outage, `for ${lengthMs} ms, from ${call} by ${who} on`);
    this.down();
    this.#return = this.#clock.setTimer(lengthMs, () => this.up());
  }

  /** @param works How many handlers count as at work meanwhile; virtual time could not pass while they do. */
  async #mayBeLate(
    who: string,
    call: string,
    { works = 0, mostMs, signal = NEVER }: { works?: number; mostMs?: number; signal?: AbortSignal },
  ): Promise<void> {
    const delay = this.#schedule.decide('delay', who);
    if (delay === undefined) return;
    const lengthMs = this.#schedule.lasts(delay, mostMs);
    this.#schedule.record(delay, `${who} by ${lengthMs} ms, the answer to ${call}`);
    for (let work = 0; work < works; work++) this.#clock.endWork();
    try {
      await this.reach(() => pause(this.#clock, lengthMs, signal));
    } finally {
      for (let work = 0; work < works; work++) this.#clock.beginWork();
    }
  }

  #mayDouble(leases: readonly Lease[], max: number): readonly Lease[] {
    const handedOut = [...leases];
    for (const lease of leases) {
      if (!this.#repeatable.has(`${lease.namespace}/${lease.agent}`)) continue;
      const duplicate = this.#schedule.decide('duplicate', lease.agent);
      if (duplicate === undefined || handedOut.length >= max) continue;
      this.#schedule.record(duplicate, whatIs(lease));
      handedOut.push(lease);
    }
    return handedOut;
  }

  #mayShuffle(agent: string, leases: readonly Lease[]): readonly Lease[] {
    const reorder = leases.length < 2 ? undefined : this.#schedule.decide('reorder', agent);
    if (reorder === undefined) return leases;
    this.#schedule.record(reorder, `${agent} ${leases.length} deliveries`);
    return leases
      .map((lease) => ({ lease, place: reorder.random() }))
      .toSorted((one, other) => one.place - other.place)
      .map(({ lease }) => lease);
  }

  #silence(call: string): string {
    return `backend "${this.name}" gave no answer to ${call}, as chaos wants it: whether it took effect is unknown`;
  }
}

function whatIs({ agent, key, attemptsBefore }: Lease): string {
  const message = key === undefined ? 'bytes without a key' : toReference(key);
  return `${agent} ${message}, attempt ${attemptsBefore + 1}`;
}
