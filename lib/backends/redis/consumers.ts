/** @module Taking deliveries, starting them and holding on to them. */
import { LeaseLostError, UnsupportedFeatureError } from '../../core/errors.ts';
import { faultOf } from '../../core/fault.ts';
import { HandlerCrashedError } from '../../core/handler-errors.ts';
import type { Lease, LeaseRequest, Outcome } from '../backend.ts';
import type { Channel } from './channels.ts';
import { closed } from './faults.ts';
import { Letters } from './letters.ts';
import { Line } from './line.ts';
import type { Namespaces } from './namespace.ts';
import { RedisLease } from './redis-lease.ts';
import { list, number, type Reply } from './reply.ts';
import type { Settlements } from './settlements.ts';

/** Keeps a call short; whoever wants more asks again. */
const MAX_BATCH = 100;
/** How much longer than until it looks again by itself a consumer takes what it is told of. */
const WAIT_MARGIN_MS = 500;
const NEVER = Number.MAX_SAFE_INTEGER;

export class Consumers {
  readonly #namespaces: Namespaces;
  readonly #settlements: Settlements;
  readonly #lines = new Map<string, Line>();
  readonly #letters = new Map<string, Letters>();
  /** How far the store's clock is ahead of the time that this process runs, as of the last answer. */
  #storeAheadMs = Number.POSITIVE_INFINITY;

  constructor(namespaces: Namespaces, settlements: Settlements) {
    this.#namespaces = namespaces;
    this.#settlements = settlements;
  }

  async lease(request: LeaseRequest): Promise<readonly Lease[]> {
    const { agent, waitMs, signal } = request;
    const [namespace = '', ...others] = request.namespaces;
    if (others.length > 0) throw new UnsupportedFeatureError('redis', 'leasing from several namespaces at once');
    if (this.#namespaces.closing.aborted) throw closed();
    if (signal?.aborted || request.max < 1) return [];
    if (waitMs <= 0) return (await this.#handOut(namespace, request, this.#namespaces.nonce(), 0)).leases;
    const giveUpAt = performance.now() + waitMs;
    const signals = [this.#namespaces.closing, ...(signal === undefined ? [] : [signal])];
    const leave = await this.#lineOf(namespace, agent).enter(waitMs, signals);
    try {
      return await this.#await(namespace, request, giveUpAt, signals);
    } finally {
      leave();
    }
  }

  /** What comes first until then. */
  async #await(
    namespace: string,
    request: LeaseRequest,
    giveUpAt: number,
    signals: readonly AbortSignal[],
  ): Promise<readonly Lease[]> {
    const { clock, pollMs } = this.#namespaces.settings;
    const { agent, leaseMs } = request;
    const channel = this.#namespaces.queueChannel(namespace, agent);
    const letters = this.#lettersOf(namespace, agent, channel);
    const nonce = this.#namespaces.nonce();
    // By the own clock, from before the call that asks: whatever the store's says, the lease is not over earlier.
    let askedAt = clock.now();
    const received = (given: readonly Reply[]) =>
      given.map((each) => new RedisLease(namespace, agent, askedAt + leaseMs, list(each)));
    letters.expect(nonce);
    while (!signals.some(({ aborted }) => aborted)) {
      const seen = channel.heard;
      askedAt = clock.now();
      const { leases, nextMs } = await this.#handOut(namespace, request, nonce, pollMs + WAIT_MARGIN_MS);
      if (leases.length > 0) return leases;
      const leftMs = giveUpAt - performance.now();
      if (leftMs <= 0) break;
      await channel.changed(seen, Math.min(leftMs, nextMs, pollMs), signals, () => true);
      const given = letters.take();
      if (given !== undefined) return received(given);
    }
    if (this.#namespaces.closing.aborted) return [];
    const args = [agent, nonce, this.#namespaces.waiter];
    return received(list(await this.#namespaces.call('stop_waiting', namespace, args, { raw: true })));
  }

  #lettersOf(namespace: string, agent: string, channel: Channel): Letters {
    const name = `${namespace}/${agent}`;
    const known = this.#letters.get(name);
    if (known !== undefined) return known;
    const letters = new Letters(() => channel.say(''));
    this.#letters.set(name, letters);
    this.#namespaces.openLetters(namespace, agent, (letter) => letters.add(letter));
    return letters;
  }

  #lineOf(namespace: string, agent: string): Line {
    const name = `${namespace}/${agent}`;
    const line = this.#lines.get(name) ?? new Line();
    this.#lines.set(name, line);
    return line;
  }

  async #handOut(namespace: string, request: LeaseRequest, nonce: string, waitsMs: number) {
    const { agent, max, leaseMs } = request;
    const { clock, timeoutMs } = this.#namespaces.settings;
    const now = clock.now();
    // By the store's clock: an answer that comes later would be given to nobody.
    const waitsUntil = Math.ceil(performance.now() + this.#storeAheadMs + timeoutMs);
    const args = [
      agent,
      Math.min(max, MAX_BATCH),
      leaseMs,
      nonce,
      Number.isFinite(waitsUntil) ? waitsUntil : NEVER,
      this.#namespaces.waiter,
      waitsMs,
      this.#namespaces.hearsLetters ? 1 : 0,
    ];
    const [storeNow, nextMs, given, lost] = list(await this.#namespaces.call('lease', namespace, args, { raw: true }));
    this.#storeAheadMs = number(storeNow) - performance.now();
    const toLease = (each: Reply) => new RedisLease(namespace, agent, now + leaseMs, list(each));
    const gone = list(lost).map(toLease);
    if (gone.length > 0) await this.#bury(gone);
    return { leases: list(given).map(toLease), nextMs: number(nextMs) < 0 ? NEVER : number(nextMs) };
  }

  /** Acknowledged when they were started, by consumers that are gone: nobody may have them again. */
  async #bury(lost: readonly RedisLease[]): Promise<void> {
    await this.#settlements.settle(
      lost.map((lease) => {
        const fault = faultOf(new HandlerCrashedError(lease.agent, 1));
        return { kind: 'dead', lease, reason: 'crashed', fault };
      }),
    );
  }

  async start(leases: readonly Lease[]): Promise<Outcome[]> {
    const results = await this.#forEach('start', leases, []);
    return leases.map((lease, index) => {
      if (results[index] === -1) return lost(lease);
      if (results[index] === 1) RedisLease.of(lease).isAcknowledged = true;
      return { ok: true };
    });
  }

  async extend(leases: readonly Lease[], leaseMs: number): Promise<Outcome<{ readonly until: number }>[]> {
    const until = this.#namespaces.settings.clock.now() + leaseMs;
    const results = await this.#forEach('extend', leases, [leaseMs]);
    return leases.map((lease, index) => {
      if (results[index] === -1) return lost(lease);
      RedisLease.of(lease).until = until;
      return { ok: true, until };
    });
  }

  /** What the function answers for each lease; leases of a namespace go in one call. */
  async #forEach(name: string, leases: readonly Lease[], args: readonly number[]): Promise<readonly number[]> {
    const results: number[] = [];
    for (const [namespace, indexed] of byNamespace(leases)) {
      const named = indexed.flatMap(({ lease }) => [lease.agent, lease.delivery, lease.token]);
      const answers = list(await this.#namespaces.call(name, namespace, [...args, ...named]));
      for (const [at, { index }] of indexed.entries()) results[index] = number(answers[at]);
    }
    return results;
  }
}

function byNamespace(leases: readonly Lease[]) {
  const indexed = leases.map((lease, index) => ({ lease: RedisLease.of(lease), index }));
  return Map.groupBy(indexed, ({ lease }) => lease.namespace);
}

const lost = (lease: Lease) => ({ ok: false, error: new LeaseLostError(lease.agent) }) as const;
