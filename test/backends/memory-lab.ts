import {
  type Bus,
  genericJson,
  type Json,
  type Lease,
  MemoryBackend,
  type MemoryOptions,
  type Outcome,
  openBus,
  type PublishOptions,
  type Settlement,
  type Subscription,
} from 'guildwire';
import { seededRandom, VirtualClock } from 'guildwire/testing';

export const NAMESPACE = 'lab';

/** A memory backend in virtual time, whose deliveries the test takes and settles itself. */
export class MemoryLab {
  readonly clock = new VirtualClock();
  readonly backend: MemoryBackend;
  readonly bus: Bus;

  constructor(options: MemoryOptions = {}) {
    this.backend = new MemoryBackend({ random: seededRandom(1), ...options, clock: this.clock });
    this.bus = openBus(this.backend, { namespace: NAMESPACE, sender: 'user:test', clock: this.clock });
  }

  subscribe(agent: string, options: Partial<Subscription> = {}): Promise<void> {
    const defaults = { patterns: ['**'], onlyWhenTagged: false, ordering: 'none', from: 'now' } as const;
    return this.backend.subscribe({
      namespace: NAMESPACE,
      agent,
      guarantee: 'at-least-once',
      ...defaults,
      ...options,
    });
  }

  async publish(topic: string, payload: Json = null, options: PublishOptions = {}): Promise<string> {
    return this.bus.publish(topic, genericJson, payload, options);
  }

  lease(
    agent: string,
    options: {
      readonly max?: number;
      readonly leaseMs?: number;
      readonly waitMs?: number;
      readonly signal?: AbortSignal;
    } = {},
  ): Promise<readonly Lease[]> {
    return this.backend.lease({ agent, namespaces: [NAMESPACE], max: 100, leaseMs: 60_000, waitMs: 0, ...options });
  }

  async settle(lease: Lease, settlement: Partial<Settlement> = {}): Promise<Outcome> {
    const whole = { kind: 'completed', outputs: [], state: [], ...settlement, lease } as unknown as Settlement;
    const [outcome] = await this.backend.settle([whole]);
    return outcome as Outcome;
  }

  /** Takes and acknowledges everything that an agent can have now. */
  async work(agent: string): Promise<readonly Json[]> {
    const leases = await this.lease(agent, { max: 10_000 });
    for (const lease of leases) await this.settle(lease);
    return payloadsOf(leases);
  }

  async waiting(agent: string): Promise<number> {
    const stats = await this.backend.stats(NAMESPACE);
    return stats.find((entry) => entry.agent === agent)?.waiting ?? 0;
  }
}

export const payloadsOf = (leases: readonly Lease[]): readonly Json[] =>
  leases.map(({ message }) => message?.payload ?? null);

export const fault = { code: 'HANDLER_FAILED', message: 'no luck', retryable: true } as const;

/** How a promise stands, without waiting for it. */
export function standOf(promise: Promise<unknown>): { readonly now: () => string } {
  let stand = 'waits';
  promise.then(
    () => {
      stand = 'done';
    },
    (error: { readonly code?: string }) => {
      stand = error.code ?? String(error);
    },
  );
  return { now: () => stand };
}
