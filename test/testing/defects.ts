import type { Backend, Outcome, Settlement } from 'guildwire';
import { altered } from './altered.ts';

/** Backends that break the contract, each in one way, now and then: what a check is worth is what it finds of these. */

const every = (count: number) => {
  let asked = 0;
  return () => ++asked % count === 0;
};

const OK = { ok: true, ids: [] } as const;

/** Says that it has a settlement which it never got, so that the delivery comes again. */
export function lostAcknowledgement(backend: Backend): Backend {
  const isLost = every(4);
  return altered(backend, {
    settle: async (settlements) => {
      const lost = settlements.map((settlement) => settlement.kind === 'completed' && isLost());
      const outcomes = await backend.settle(settlements.filter((_, index) => !lost[index]));
      return lost.map((isOne) => (isOne ? OK : (outcomes.shift() as (typeof outcomes)[number])));
    },
  });
}

/** Acknowledges, and forgets what the attempt published. */
export function lostOutputs(backend: Backend): Backend {
  const isLost = every(4);
  return changingSettlements(backend, (settlement) =>
    settlement.kind === 'completed' && isLost() ? { ...settlement, outputs: [] } : settlement,
  );
}

/** Takes a delivery out of the queue that nobody ever gets. */
export function lostDelivery(backend: Backend): Backend {
  const isLost = every(7);
  return altered(backend, {
    lease: async (request) => {
      const leases = await backend.lease(request);
      const lost = new Set(leases.filter(isLost));
      await backend.settle([...lost].map((lease) => ({ kind: 'dropped', lease, reason: 'filtered' })));
      return leases.filter((lease) => !lost.has(lease));
    },
  });
}

/** Stores what an attempt published, and then stores it again. */
export function doubledOutputs(backend: Backend): Backend {
  const isDoubled = every(4);
  return altered(backend, {
    settle: async (settlements) => {
      const outcomes = await backend.settle(settlements);
      for (const [index, settlement] of settlements.entries()) {
        if (settlement.kind !== 'completed' || settlement.outputs.length === 0 || !outcomes[index]?.ok) continue;
        if (isDoubled()) await backend.append(settlement.outputs, 'again');
      }
      return outcomes;
    },
  });
}

/** Says that it is done while it is not. */
export function earlyProgress(backend: Backend): Backend {
  return altered(backend, {
    progress: async (namespace, root) => {
      const progress = await backend.progress(namespace, root, { waitMs: 0, timers: true });
      return { ...progress, running: 0, waiting: 0, retrying: 0, delayed: 0, timers: 0 };
    },
  });
}

/** Counts one too many. */
export function miscountedProgress(backend: Backend): Backend {
  return altered(backend, {
    progress: async (...asked) => {
      const progress = await backend.progress(...asked);
      return { ...progress, handled: progress.handled + 1 };
    },
  });
}

/** Hands out what waits behind others of its key. */
export function brokenOrder(backend: Backend): Backend {
  return altered(backend, {
    subscribe: (subscription) => backend.subscribe({ ...subscription, ordering: 'none' }),
  });
}

/** Acknowledges, and forgets what the attempt wrote. */
export function lostState(backend: Backend): Backend {
  const isLost = every(3);
  return changingSettlements(backend, (settlement) =>
    settlement.kind === 'completed' && settlement.state.length > 0 && isLost()
      ? { ...settlement, state: [] }
      : settlement,
  );
}

/** Acknowledges what failed for good, and keeps no dead letter. */
export function lostDeadLetter(backend: Backend): Backend {
  return changingSettlements(backend, (settlement) =>
    settlement.kind === 'dead' ? { kind: 'dropped', lease: settlement.lease, reason: 'filtered' } : settlement,
  );
}

/** Takes what comes again under an idempotency key for something new. */
export function forgottenKeys(backend: Backend): Backend {
  return altered(backend, {
    append: (drafts, nonce) =>
      backend.append(
        drafts.map((draft) => {
          const { idempotencyKey: _, ...message } = draft.message;
          return { ...draft, message };
        }),
        nonce,
      ),
  });
}

/** Lets a consumer commit that has lost its lease. */
export function unfencedConsumers(backend: Backend): Backend {
  return altered(backend, {
    settle: async (settlements) => {
      const outcomes = await backend.settle(settlements);
      return Promise.all(
        outcomes.map(async (outcome, index): Promise<Outcome<{ readonly ids: readonly never[] }> | typeof outcome> => {
          const settlement = settlements[index];
          if (outcome.ok || outcome.error.code !== 'LEASE_LOST' || settlement?.kind !== 'completed') return outcome;
          await backend.append(settlement.outputs, 'late');
          return OK;
        }),
      );
    },
  });
}

function changingSettlements(backend: Backend, change: (settlement: Settlement) => Settlement): Backend {
  return altered(backend, { settle: (settlements) => backend.settle(settlements.map(change)) });
}
