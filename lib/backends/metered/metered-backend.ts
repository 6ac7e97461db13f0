/** @module A backend whose work is counted. */
import { type Clock, systemClock } from '../../core/clock.ts';
import type { GemstoneId } from '../../core/gemstone-id.ts';
import type { Draft, MessageKey } from '../../core/message.ts';
import type {
  Backend,
  Cursor,
  Lease,
  LeaseRequest,
  PlanId,
  PlanRequest,
  ProgressWait,
  ReadQuery,
  Settlement,
  Subscription,
} from '../backend.ts';
import type { Features } from '../features.ts';
import type { Uploads } from '../uploads.ts';
import { Metrics } from './metrics.ts';

type Answer<Method extends keyof Backend> = Backend[Method] extends (...given: never) => infer R ? R : never;

/** Does what its backend does, and counts what goes through it. */
export class MeteredBackend implements Backend {
  readonly metrics: Metrics;
  readonly #inner: Backend;
  readonly #clock: Clock;
  /** Unix ms at which a delivery was taken. */
  readonly #takenAt = new WeakMap<Lease, number>();

  constructor(inner: Backend, metrics: Metrics, clock: Clock) {
    this.#inner = inner;
    this.metrics = metrics;
    this.#clock = clock;
  }

  get name(): string {
    return this.#inner.name;
  }

  get features(): Features {
    return this.#inner.features;
  }

  get uploads(): Uploads {
    return this.#inner.uploads;
  }

  async append(drafts: readonly Draft[], nonce: string): Answer<'append'> {
    const outcomes = await this.#inner.append(drafts, nonce);
    for (const [index, { message }] of drafts.entries()) {
      const outcome = outcomes[index];
      if (outcome?.ok && !outcome.duplicate) this.metrics.published(message.namespace, message.topics);
    }
    return outcomes;
  }

  async lease(request: LeaseRequest): Answer<'lease'> {
    const leases = await this.#inner.lease(request);
    const now = leases.length === 0 ? 0 : this.#clock.now();
    for (const lease of leases) {
      this.metrics.delivered(lease);
      this.#takenAt.set(lease, now);
    }
    return leases;
  }

  async settle(settlements: readonly Settlement[]): Answer<'settle'> {
    const outcomes = await this.#inner.settle(settlements);
    const now = this.#clock.now();
    for (const [index, settlement] of settlements.entries()) {
      if (!outcomes[index]?.ok) continue;
      const takenAt = this.#takenAt.get(settlement.lease);
      this.metrics.settled(settlement, takenAt === undefined ? undefined : (now - takenAt) / 1_000);
    }
    return outcomes;
  }

  subscribe(subscription: Subscription): Answer<'subscribe'> {
    this.metrics.worksIn(subscription.namespace);
    return this.#inner.subscribe(subscription);
  }

  read(query: ReadQuery): Answer<'read'> {
    return this.#inner.read(query);
  }

  topics(namespace: string, after?: Cursor): Answer<'topics'> {
    return this.#inner.topics(namespace, after);
  }

  unsubscribe(namespace: string, agent: string): Answer<'unsubscribe'> {
    return this.#inner.unsubscribe(namespace, agent);
  }

  pause(namespace: string, agent: string, paused: boolean): Answer<'pause'> {
    return this.#inner.pause(namespace, agent, paused);
  }

  start(leases: readonly Lease[]): Answer<'start'> {
    return this.#inner.start(leases);
  }

  extend(leases: readonly Lease[], leaseMs: number): Answer<'extend'> {
    return this.#inner.extend(leases, leaseMs);
  }

  plan(request: PlanRequest): Answer<'plan'> {
    return this.#inner.plan(request);
  }

  runPlan(id: PlanId, options: { readonly max: number }): Answer<'runPlan'> {
    return this.#inner.runPlan(id, options);
  }

  state(namespace: string, agent: string, keys: readonly string[]): Answer<'state'> {
    return this.#inner.state(namespace, agent, keys);
  }

  progress(namespace: string, root: GemstoneId, wait: ProgressWait): Answer<'progress'> {
    return this.#inner.progress(namespace, root, wait);
  }

  fates(namespace: string, key: MessageKey): Answer<'fates'> {
    return this.#inner.fates(namespace, key);
  }

  stats(namespace: string): Answer<'stats'> {
    return this.#inner.stats(namespace);
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.#inner[Symbol.asyncDispose]();
  }
}

/**
 * The backend with its work counted: what is published and handled through what this gives. Give the same one to the guild
 * and to the HTTP app, whose `/metrics` then tells it.
 *
 * @param metrics Where it is counted; several backends of a process may share one. @default - counters of its own
 * @param clock @default - the system's
 * @example
 * const counted = metered(backend);
 * await using running = await startGuild(guild, { backend: () => counted });
 * const app = createHttpApp({ backend: counted, guild });
 */
export function metered(backend: Backend, metrics = new Metrics(), clock: Clock = systemClock): MeteredBackend {
  return new MeteredBackend(backend, metrics, clock);
}
