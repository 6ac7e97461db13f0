import { BackendUnavailableError, type Json, type PlanId, type PlanRequest, toReference } from 'guildwire';
import { leasing, type Mutant, mutant, publishing, reading, settling, storing } from './mutant.ts';
import { remembering } from './remembering.ts';

type Letter = { readonly errors: readonly Json[]; readonly lastAttemptAt: number };

/** D7, S1, G2-G4, O1, R1: dead letters, plans, state, counts, outages and answers. */
export const recordMutants: readonly Mutant[] = [
  mutant('D7', 'dead letters are not listed', (inner) =>
    reading(inner, (items, { where }) => ('deadLettersOf' in where ? [] : items)),
  ),
  mutant('D7', 'what was redriven or discarded is still listed', (inner) => ({
    read: (query) => {
      const { where } = query;
      return inner.read(
        'deadLettersOf' in where ? { ...query, where: { topic: `$dead.${where.deadLettersOf}` } } : query,
      );
    },
  })),
  mutant('D7', 'dead letters are delivered to nobody', (inner) => ({
    subscribe: (subscription) => {
      const patterns = subscription.patterns.filter((pattern) => !pattern.startsWith('$dead'));
      return inner.subscribe({ ...subscription, patterns });
    },
  })),
  mutant('D7', 'a dead letter tells the last error only', (inner) =>
    reading(inner, (items) =>
      items.map((message) => {
        if (!message.topic.startsWith('$dead')) return message;
        const letter = message.payload as unknown as Letter;
        return { ...message, payload: { ...letter, errors: letter.errors.slice(-1) } };
      }),
    ),
  ),
  mutant('D7', 'a dead letter tells one time', (inner) =>
    reading(inner, (items) =>
      items.map((message) => {
        if (!message.topic.startsWith('$dead')) return message;
        const letter = message.payload as unknown as Letter;
        return { ...message, payload: { ...letter, firstAttemptAt: letter.lastAttemptAt } };
      }),
    ),
  ),
  mutant('D7', 'a plan is made when it is run', (inner) => {
    const asked = new Map<PlanId, PlanRequest>();
    return {
      plan: async (request) => {
        const plan = await inner.plan(request);
        asked.set(plan.id, request);
        return plan;
      },
      runPlan: async (id, options) => {
        const request = asked.get(id);
        asked.delete(id);
        if (request !== undefined && options.max > 0) await inner.runPlan((await inner.plan(request)).id, options);
        return inner.runPlan(id, options);
      },
    };
  }),
  mutant('D7', 'a plan takes all, whatever its filter', (inner) => ({
    plan: (request) => {
      const { namespace, agent, action } = request;
      return inner.plan(action === 'replay' ? request : { namespace, agent, action });
    },
  })),
  mutant('D7', 'a plan looks at no format and no sender', (inner) => ({
    plan: ({ filter: { format: _format, sender: _sender, ...filter } = {}, ...request }) =>
      inner.plan({ ...request, filter }),
  })),
  mutant('D7', 'a plan skips every other entry', (inner) => ({
    runPlan: async (id, { max }) => {
      const { done, total } = await inner.runPlan(id, { max: Math.ceil(max / 2) });
      return { ...(await inner.runPlan(id, { max: 0 })), done: total, finished: done > 0 };
    },
  })),
  mutant('D7', 'what is redriven comes twice', (inner) => ({
    settle: async (settlements) => {
      for (const { lease } of settlements) {
        const { cause, message } = lease;
        if (cause !== 'redriven' || message === undefined) continue;
        await inner.append([{ message, priority: 4, payloadBytes: 0 }], 'twice');
      }
      return inner.settle(settlements);
    },
  })),
  mutant('D7', 'attempts of a redriven delivery go on', (inner) =>
    leasing(inner, ({ attemptsBefore, epoch }) => ({ attemptsBefore: attemptsBefore + epoch })),
  ),
  mutant('D7', 'a redriven delivery is the one that died', (inner) => leasing(inner, () => ({ epoch: 0 }))),
  mutant('D7', 'a replay does not say so', (inner) => leasing(inner, () => ({ cause: 'published' }))),
  mutant('S1', 'what was read may have changed by the commit', (inner) => ({
    settle: async (settlements) => {
      const current = settlements.map(async (settlement) => {
        if (settlement.kind !== 'completed') return settlement;
        const { agent, namespace } = settlement.lease;
        const keys = settlement.state.map(({ key }) => key);
        const versions = await inner.state(namespace, agent, keys);
        const state = settlement.state.map((write, n) => ({ ...write, ifVersion: versions[n]?.version ?? 0 }));
        return { ...settlement, state };
      });
      return inner.settle(await Promise.all(current));
    },
  })),
  mutant('S1', 'a completed attempt writes no state', (inner) =>
    settling(inner, (settlement) => (settlement.kind === 'completed' ? { ...settlement, state: [] } : settlement)),
  ),
  mutant('S1', 'agents share their state', (inner) => remembering(inner, { scope: ({ namespace }) => namespace })),
  mutant('S1 D16', 'namespaces share their state', (inner) => remembering(inner, { scope: ({ agent }) => agent })),
  mutant('S1', 'a key that was deleted starts anew', (inner) => remembering(inner, { forgets: true })),
  mutant('G1', 'outputs are roots again', (inner) =>
    publishing(inner, (outputs) => outputs.map((draft) => ({ ...draft, message: { ...draft.message, hops: 0 } }))),
  ),
  mutant('G2', 'deadlines are not stored', (inner) => storing(inner, () => ({ deadlineAt: undefined }))),
  mutant('G2', 'nothing was ever spent', (inner) => leasing(inner, () => ({ spent: { usd: 0, tokens: 0 } }))),
  mutant('G2', 'failed attempts have spent nothing', (inner) =>
    settling(inner, ({ spent, ...settlement }) =>
      settlement.kind === 'completed' && spent !== undefined ? { ...settlement, spent } : settlement,
    ),
  ),
  mutant('G3', 'all is done before it is', (inner) => ({
    progress: async (namespace, root, wait) => {
      const progress = await inner.progress(namespace, root, { ...wait, waitMs: 0 });
      return { ...progress, waiting: 0, running: 0, retrying: 0, delayed: 0, timers: 0 };
    },
  })),
  mutant('G3', 'halted counts as failed', (inner) => ({
    progress: async (...asked) => {
      const progress = await inner.progress(...asked);
      return { ...progress, failed: progress.failed + progress.halted, halted: 0 };
    },
  })),
  mutant('G3', 'timers are not counted', (inner) => ({
    progress: async (...asked) => ({ ...(await inner.progress(...asked)), timers: 0 }),
  })),
  mutant('G3', 'an unknown root is settled', (inner) => {
    const none = { waiting: 0, running: 0, retrying: 0, delayed: 0, timers: 0, handled: 0, failed: 0, halted: 0 };
    return { progress: (...asked) => inner.progress(...asked).catch(() => none) };
  }),
  mutant('G4', 'every delivery was handled', (inner) => ({
    fates: async (...asked) => (await inner.fates(...asked)).map((fate) => ({ ...fate, state: 'handled' })),
  })),
  mutant('G4', 'only the first epoch is remembered', (inner) => ({
    fates: async (...asked) => (await inner.fates(...asked)).filter(({ epoch }) => epoch === 0),
  })),
  mutant('O1', 'append says yes while the store is away', (inner) => ({
    append: async (drafts, nonce) => {
      const outcomes = await inner.append(drafts, nonce).catch((error: unknown) => error);
      if (!(outcomes instanceof BackendUnavailableError)) return outcomes as never;
      return drafts.map(() => ({ ok: true, id: '0'.repeat(26) as never, duplicate: false }));
    },
  })),
  mutant('O1', 'calls hang while the store is away', (inner) => ({
    append: (drafts, nonce) => inner.append(drafts, nonce).catch(() => new Promise(() => {})),
  })),
  mutant('O1', 'what was refused while away is stored later', (inner) => {
    const refused: Parameters<typeof inner.append>[0][number][] = [];
    return {
      append: async (drafts, nonce) => {
        const kept = refused
          .splice(0)
          .map(({ message: { idempotencyKey: _, ...message }, ...rest }) => ({ ...rest, message }));
        if (kept.length > 0) await inner.append(kept, 'kept').catch(() => {});
        return inner.append(drafts, nonce).catch((error: unknown) => {
          refused.push(...drafts);
          throw error;
        });
      },
    };
  }),
  mutant('O1', 'who waits while the store is away waits for ever', (inner) => ({
    lease: (request) => inner.lease(request).catch(() => new Promise(() => {})),
  })),
  mutant('R1', 'answers are not stored', (inner) =>
    settling(inner, (settlement) =>
      settlement.kind !== 'completed'
        ? settlement
        : {
            ...settlement,
            outputs: settlement.outputs.filter(({ message }) => !message.topics[0]?.startsWith('$reply')),
          },
    ),
  ),
  mutant('D9', 'an answer can be read once', (inner) => {
    const read = new Set<string>();
    return reading(inner, (items) =>
      items.filter((message) => {
        const reference = toReference(message);
        const isGone = read.has(reference);
        if (message.topic.startsWith('$reply')) read.add(reference);
        return !isGone;
      }),
    );
  }),
];
