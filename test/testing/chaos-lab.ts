import {
  type Bus,
  genericJson,
  type Lease,
  MemoryBackend,
  openBus,
  type Settlement,
  type Subscription,
} from 'guildwire';
import { type ChaosBackend, type ChaosOptions, chaos, seededRandom, VirtualClock } from 'guildwire/testing';

const NAMESPACE = 'lab';
export const LEASE_MS = 8_000;

/** A memory backend under chaos, whose deliveries the test takes and settles itself. */
export class ChaosLab {
  readonly clock = new VirtualClock();
  readonly inner = new MemoryBackend({ clock: this.clock, random: seededRandom(1) });
  readonly chaos: ChaosBackend;
  /** Publishes without chaos. */
  readonly bus: Bus = openBus(this.inner, { namespace: NAMESPACE, sender: 'user:test', clock: this.clock });

  constructor(options: Partial<ChaosOptions>) {
    this.chaos = chaos(this.inner, { seed: 1, clock: this.clock, ...options });
  }

  get happened(): readonly string[] {
    return this.chaos.faults.map(({ name }) => name);
  }

  subscribe(agent: string, options: Partial<Subscription> = {}): Promise<void> {
    const defaults = { patterns: ['**'], onlyWhenTagged: false, ordering: 'none', from: 'now' } as const;
    return this.chaos.subscribe({
      namespace: NAMESPACE,
      agent,
      guarantee: 'at-least-once',
      ...defaults,
      ...options,
    });
  }

  async publish(count: number): Promise<void> {
    for (let n = 0; n < count; n++) await this.bus.publish('a', genericJson, n);
  }

  lease(
    agent: string,
    options: { readonly max?: number; readonly waitMs?: number; readonly signal?: AbortSignal } = {},
  ): Promise<readonly Lease[]> {
    const { max = 100, waitMs = 0, ...rest } = options;
    return this.chaos.lease({ agent, namespaces: [NAMESPACE], max, leaseMs: LEASE_MS, waitMs, ...rest });
  }

  /** How it is settled, as codes. */
  async settle(leases: readonly Lease[]): Promise<readonly string[]> {
    const settlements = leases.map((lease): Settlement => ({ kind: 'completed', lease, outputs: [], state: [] }));
    return (await this.chaos.settle(settlements)).map((outcome) => (outcome.ok ? 'ok' : outcome.error.code));
  }

  async waiting(agent: string): Promise<number | undefined> {
    return (await this.inner.stats(NAMESPACE)).find((stats) => stats.agent === agent)?.waiting;
  }
}

export const payloads = (leases: readonly Lease[]) => leases.map(({ message }) => message?.payload);

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
