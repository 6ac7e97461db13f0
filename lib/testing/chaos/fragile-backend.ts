/** @module A backend whose store can be taken away: then every call rejects, and those that wait end. */
import type {
  Backend,
  Lease,
  LeaseRequest,
  PlanId,
  PlanRequest,
  ProgressWait,
  ReadQuery,
  Settlement,
  Subscription,
} from '../../backends/backend.ts';
import type { Features } from '../../backends/features.ts';
import type { Uploads } from '../../backends/uploads.ts';
import { BackendUnavailableError } from '../../core/errors.ts';
import type { GemstoneId } from '../../core/gemstone-id.ts';
import type { Draft, MessageKey } from '../../core/message.ts';

/** What a method of the port gives. */
export type Answer<Method extends keyof Backend> = Backend[Method] extends (...args: never) => infer Given
  ? Given
  : never;

export class FragileBackend implements Backend {
  readonly name: string;
  readonly features: Features;
  readonly uploads: Uploads;
  readonly #inner: Backend;
  readonly #underWay = new Set<(error: Error) => void>();
  #gone = new AbortController();
  #isDown = false;

  constructor(inner: Backend) {
    this.name = inner.name;
    this.features = inner.features;
    this.uploads = {
      place: (...args) => this.reach(() => inner.uploads.place(...args)),
      payload: (...args) => this.reach(() => inner.uploads.payload(...args)),
    };
    this.#inner = inner;
  }

  get isDown(): boolean {
    return this.#isDown;
  }

  /** Takes the store away until `up`: every call rejects with `BackendUnavailableError`, also those that are under way. */
  down(): void {
    this.#isDown = true;
    this.#gone.abort();
    const underWay = [...this.#underWay];
    this.#underWay.clear();
    for (const reject of underWay) reject(this.#away());
  }

  /** Brings the store back. */
  up(): void {
    if (!this.#isDown) return;
    this.#isDown = false;
    this.#gone = new AbortController();
  }

  append(drafts: readonly Draft[], nonce: string): Answer<'append'> {
    return this.reach(() => this.#inner.append(drafts, nonce));
  }

  read(query: ReadQuery): Answer<'read'> {
    return this.reach(() => this.#inner.read({ ...query, signal: this.#orGone(query.signal) }));
  }

  topics(...args: Parameters<Backend['topics']>): Answer<'topics'> {
    return this.reach(() => this.#inner.topics(...args));
  }

  subscribe(subscription: Subscription): Answer<'subscribe'> {
    return this.reach(() => this.#inner.subscribe(subscription));
  }

  unsubscribe(namespace: string, agent: string): Answer<'unsubscribe'> {
    return this.reach(() => this.#inner.unsubscribe(namespace, agent));
  }

  pause(namespace: string, agent: string, paused: boolean): Answer<'pause'> {
    return this.reach(() => this.#inner.pause(namespace, agent, paused));
  }

  lease(request: LeaseRequest): Answer<'lease'> {
    return this.reach(() => this.#inner.lease({ ...request, signal: this.#orGone(request.signal) }));
  }

  start(leases: readonly Lease[]): Answer<'start'> {
    return this.reach(() => this.#inner.start(leases));
  }

  extend(leases: readonly Lease[], leaseMs: number): Answer<'extend'> {
    return this.reach(() => this.#inner.extend(leases, leaseMs));
  }

  settle(settlements: readonly Settlement[]): Answer<'settle'> {
    return this.reach(() => this.#inner.settle(settlements));
  }

  plan(request: PlanRequest): Answer<'plan'> {
    return this.reach(() => this.#inner.plan(request));
  }

  runPlan(id: PlanId, options: { readonly max: number }): Answer<'runPlan'> {
    return this.reach(() => this.#inner.runPlan(id, options));
  }

  state(namespace: string, agent: string, keys: readonly string[]): Answer<'state'> {
    return this.reach(() => this.#inner.state(namespace, agent, keys));
  }

  progress(namespace: string, root: GemstoneId, wait: ProgressWait): Answer<'progress'> {
    return this.reach(() => this.#inner.progress(namespace, root, wait));
  }

  fates(namespace: string, key: MessageKey): Answer<'fates'> {
    return this.reach(() => this.#inner.fates(namespace, key));
  }

  stats(namespace: string): Answer<'stats'> {
    return this.reach(() => this.#inner.stats(namespace));
  }

  /** Closes the backend inside. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inner[Symbol.asyncDispose]();
  }

  /** What the call gives; rejects if the store is away, or goes away before the call is over. */
  protected async reach<T>(call: () => Promise<T>): Promise<T> {
    if (this.#isDown) throw this.#away();
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#underWay.add(reject);
    try {
      call().then(resolve, reject);
      return await promise;
    } finally {
      this.#underWay.delete(reject);
    }
  }

  /** Aborts also when the store goes away, so that nothing is handed to who no longer waits. */
  #orGone(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.#gone.signal : AbortSignal.any([signal, this.#gone.signal]);
  }

  #away(): BackendUnavailableError {
    return new BackendUnavailableError(`backend "${this.name}" was taken away: repeat the call when it is back`);
  }
}
