import type { Lease, LeaseRequest } from 'guildwire';
import { leasing, type Mutant, mutant, publishing, settling, storing } from './mutant.ts';

const FAULT = { code: 'MUTANT', message: 'of the mutant', retryable: true };

/** D1-D6, D10-D18: who gets what, when, and for how long. */
export const deliveryMutants: readonly Mutant[] = [
  mutant('D1', 'a delivery is handed to two consumers at once', (inner) => {
    const handed = new Map<string, readonly Lease[]>();
    return {
      lease: async (request) => {
        const again = handed.get(request.agent) ?? [];
        handed.delete(request.agent);
        if (again.length > 0) return again;
        const leases = await inner.lease(request);
        handed.set(request.agent, leases);
        return leases;
      },
    };
  }),
  mutant('D1', 'a message goes to one agent only', (inner) => {
    const first = new Map<string, string>();
    return leasing(inner, ({ agent, key }) => {
      const id = key?.id ?? '';
      first.set(id, first.get(id) ?? agent);
      return first.get(id) === agent ? {} : undefined;
    });
  }),
  mutant('D2', 'what waits is not counted', (inner) => ({
    stats: async (namespace) =>
      (await inner.stats(namespace)).map((stats) => ({ ...stats, waiting: 0, oldestAt: undefined })),
  })),
  mutant('D2', 'only the first pattern is followed', (inner) => ({
    subscribe: (subscription) => inner.subscribe({ ...subscription, patterns: subscription.patterns.slice(0, 1) }),
  })),
  mutant('D2 P1', 'what waits is forgotten when its consumer returns', (inner) => ({
    subscribe: async (subscription) => {
      await inner.unsubscribe(subscription.namespace, subscription.agent);
      await inner.subscribe({ ...subscription, from: 'now' });
    },
  })),
  mutant('D2', 'where a subscription is, is one id', (inner) => {
    const last = new Map<string, string>();
    return leasing(inner, ({ agent, key, attemptsBefore }) => {
      const id = key?.id ?? '';
      if (attemptsBefore > 0 && id < (last.get(agent) ?? '')) return undefined;
      last.set(agent, id);
      return {};
    });
  }),
  mutant('D3', 'a new subscription always starts now', (inner) => ({
    subscribe: (subscription) => inner.subscribe({ ...subscription, from: 'now' }),
  })),
  mutant('D3', 'a subscription starts over at each restart', (inner) => ({
    subscribe: async (subscription) => {
      await inner.unsubscribe(subscription.namespace, subscription.agent);
      await inner.subscribe(subscription);
    },
  })),
  mutant('D4', 'order by key is promised and not kept', (inner) => ({
    subscribe: (subscription) => inner.subscribe({ ...subscription, ordering: 'none' }),
  })),
  mutant('D4', 'only a given key orders', (inner) => {
    let keys = 0;
    return storing(inner, ({ key }) => ({ key: key ?? `only-${keys++}` }));
  }),
  mutant('D5', 'the oldest goes first, whatever its priority', (inner) => ({
    lease: async (request) => {
      const leases = (await inner.lease({ ...request, max: 1_000 })).toSorted((one, other) =>
        (one.key?.id ?? '') < (other.key?.id ?? '') ? -1 : 1,
      );
      const rest = leases.slice(request.max);
      await inner.settle(rest.map((lease) => ({ kind: 'released', lease, delayMs: 0 })));
      return leases.slice(0, request.max);
    },
  })),
  mutant('D5', 'what is handed out together is in any order', (inner) => ({
    lease: async (request) => (await inner.lease(request)).toReversed(),
  })),
  mutant('D6', 'the first failed attempt is not counted', (inner) =>
    leasing(inner, ({ attemptsBefore }) => ({ attemptsBefore: Math.max(0, attemptsBefore - 1) })),
  ),
  mutant('D6', 'a crash before the start counts as an attempt', (inner) =>
    leasing(inner, ({ attemptsBefore, returned }) => ({ attemptsBefore: attemptsBefore + Number(returned) })),
  ),
  mutant('D6', 'a delivery that came back does not say so', (inner) => leasing(inner, () => ({ returned: false }))),
  mutant('D6', 'a start leaves no mark', () => ({ start: async (leases) => leases.map(() => ({ ok: true })) })),
  mutant('D6', 'the delay of a retry is ignored', (inner) =>
    settling(inner, (settlement) => (settlement.kind === 'retry' ? { ...settlement, delayMs: 0 } : settlement)),
  ),
  mutant('D17', 'handing back counts as an attempt', (inner) =>
    settling(inner, (settlement) =>
      settlement.kind === 'released' ? { ...settlement, kind: 'retry', fault: FAULT } : settlement,
    ),
  ),
  mutant('D10', 'leases never run out', (inner) => ({
    lease: (request: LeaseRequest) => inner.lease({ ...request, leaseMs: 1e12 }),
  })),
  mutant('D10', 'leases are not extended', (_, { clock }) => ({
    extend: async (leases, leaseMs) => leases.map(() => ({ ok: true, until: clock.now() + leaseMs })),
  })),
  mutant('D11', 'delayed messages come at once', (inner) => storing(inner, () => ({ deliverAt: undefined }))),
  mutant('D11', 'delayed messages come late', (inner, { unitMs }) =>
    storing(inner, ({ deliverAt }) => ({ deliverAt: deliverAt && deliverAt + 10 * unitMs })),
  ),
  mutant('D12 H6', 'messages never expire', (inner) => storing(inner, () => ({ expiresAt: undefined }))),
  mutant('D12 D15', 'what was dropped is not counted', (inner) => ({
    stats: async (namespace) => (await inner.stats(namespace)).map((stats) => ({ ...stats, dropped: {} })),
  })),
  mutant('D13 S2', 'an agent does not get what it sends to itself', (inner) =>
    leasing(inner, ({ key }) => (key?.topic.startsWith('$self.') ? undefined : {})),
  ),
  mutant('D14', 'every agent wants to be tagged', (inner) => ({
    subscribe: (subscription) => inner.subscribe({ ...subscription, onlyWhenTagged: true }),
  })),
  mutant('D15', 'bytes that do not decode are thrown away', (inner) =>
    leasing(inner, ({ message }) => (message === undefined ? undefined : {})),
  ),
  mutant('D16', 'an idempotency key holds in all namespaces', (inner) => {
    const ids = new Map<string, Awaited<ReturnType<typeof inner.append>>>();
    return {
      append: async (drafts, nonce) => {
        const key = drafts[0]?.message.idempotencyKey;
        const known = key === undefined ? undefined : ids.get(key);
        const outcomes = known ?? (await inner.append(drafts, nonce));
        if (key !== undefined) ids.set(key, outcomes);
        return outcomes;
      },
    };
  }),
  mutant('D16', 'pausing an agent pauses it in all namespaces', (inner) => {
    const namespaces = new Set<string>();
    return {
      subscribe: (subscription) => {
        namespaces.add(subscription.namespace);
        return inner.subscribe(subscription);
      },
      pause: async (_, agent, paused) => {
        for (const namespace of namespaces) await inner.pause(namespace, agent, paused);
      },
    };
  }),
  mutant('D17', 'pausing does nothing', () => ({ pause: async () => {} })),
  mutant('D17', 'a pause ends when its consumer returns', (inner) => ({
    subscribe: async (subscription) => {
      await inner.subscribe(subscription);
      await inner.pause(subscription.namespace, subscription.agent, false);
    },
  })),
  mutant('D18', 'unsubscribing does nothing', () => ({ unsubscribe: async () => {} })),
  mutant('D18', 'what waits outlives its subscription', (inner) => ({
    unsubscribe: (namespace, agent) => inner.pause(namespace, agent, true),
    subscribe: async (subscription) => {
      await inner.subscribe(subscription);
      await inner.pause(subscription.namespace, subscription.agent, false);
    },
  })),
  mutant('S2', 'timers are due at once', (inner) =>
    publishing(inner, (outputs) =>
      outputs.map(({ message: { deliverAt: _, ...message }, ...draft }) => ({ ...draft, message })),
    ),
  ),
];
