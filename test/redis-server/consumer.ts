import type { Backend, Lease, Subscription } from '../../lib/backends/backend.ts';

/** A subscription to `a.*` and `a`, but for what a test says. */
export function subscriptionTo(namespace: string, changes: Partial<Subscription> = {}): Subscription {
  return {
    namespace,
    agent: 'one',
    patterns: ['a', 'a.*'],
    onlyWhenTagged: false,
    ordering: 'none',
    guarantee: 'at-least-once',
    from: 'now',
    ...changes,
  };
}

/** What can be taken now, for a minute. */
export function take(backend: Backend, namespace: string, max = 10, waitMs = 0): Promise<readonly Lease[]> {
  return backend.lease({ agent: 'one', namespaces: [namespace], max, leaseMs: 60_000, waitMs });
}

export async function complete(backend: Backend, leases: readonly Lease[]): Promise<readonly boolean[]> {
  const outcomes = await backend.settle(
    leases.map((lease) => ({ kind: 'completed', lease, outputs: [], state: [] }) as const),
  );
  return outcomes.map(({ ok }) => ok);
}

export const payloadsOf = (leases: readonly Lease[]) => leases.map(({ message }) => message?.payload);

export const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
