import type { GemstoneId } from 'guildwire';
import { idsOf, leasing, type Mutant, mutant, publishing, storing } from './mutant.ts';

/** P1-P5 and D8-D9: what is stored when somebody publishes, and what is not. */
export const publishingMutants: readonly Mutant[] = [
  mutant('P1 D2', 'append says yes and stores nothing', (_, harness) => {
    const ids = idsOf(harness);
    return {
      append: async (drafts) => drafts.map(({ priority }) => ({ ok: true, id: ids.next(priority), duplicate: false })),
    };
  }),
  mutant('P1', 'what is for tracing is not stored', (inner) =>
    storing(inner, () => ({ traceparent: undefined, tracestate: undefined })),
  ),
  mutant('P1', 'an empty array comes back as an object', (inner) =>
    storing(inner, ({ payload }) => ({ payload: JSON.parse(JSON.stringify(payload).replaceAll('[]', '{}')) })),
  ),
  mutant('P1', 'subscribing resolves before it is in force', (inner) => ({
    subscribe: async (subscription) => void setImmediate(() => inner.subscribe(subscription).catch(() => {})),
  })),
  mutant('P1', 'headers are not stored', (inner) => storing(inner, () => ({ headers: {} }))),
  mutant('P1', 'priority is not in the id', (inner) => ({
    append: (drafts, nonce) =>
      inner.append(
        drafts.map((draft) => ({ ...draft, priority: 4 })),
        nonce,
      ),
  })),
  mutant('P1', 'new topics are not announced', (inner) =>
    leasing(inner, ({ key }) => (key?.topic === '$topics' ? undefined : {})),
  ),
  mutant('P2', 'idempotency keys are forgotten', (inner) => storing(inner, () => ({ idempotencyKey: undefined }))),
  mutant('P2', 'a key with another payload counts as a repeat', (inner) => {
    const ids = new Map<string | undefined, GemstoneId>();
    return {
      append: async (drafts, nonce) =>
        (await inner.append(drafts, nonce)).map((outcome, index) => {
          const key = drafts[index]?.message.idempotencyKey;
          if (outcome.ok) ids.set(key, outcome.id);
          return outcome.ok ? outcome : { ok: true, id: ids.get(key) as GemstoneId, duplicate: true };
        }),
    };
  }),
  mutant('P3', 'a message is stored under its first topic only', (inner) =>
    storing(inner, ({ topics }) => ({ topics: topics.slice(0, 1) })),
  ),
  mutant('P3', 'each topic gets a message of its own', (inner) => ({
    append: async (drafts, nonce) => {
      const single = drafts.flatMap((draft) =>
        draft.message.topics.map((topic) => ({ ...draft, message: { ...draft.message, topics: [topic] } })),
      );
      return (await inner.append(single, nonce)).slice(0, drafts.length);
    },
  })),
  mutant('P4', 'one bad entry fails the batch', (inner) => ({
    append: async (drafts, nonce) => {
      const outcomes = await inner.append(drafts, nonce);
      for (const outcome of outcomes) if (!outcome.ok && drafts.length > 1) throw outcome.error;
      return outcomes;
    },
  })),
  mutant('P4', 'outcomes come in any order', (inner) => ({
    append: async (drafts, nonce) => (await inner.append(drafts, nonce)).toReversed(),
  })),
  mutant('P5', 'a payload that was set aside is not fetched', (inner) =>
    leasing(inner, ({ message }) =>
      message?.attachment === undefined ? {} : { message: { ...message, payload: null } },
    ),
  ),
  mutant('P5', 'what is handed out is not frozen', (inner) =>
    leasing(inner, ({ message }) => (message === undefined ? {} : { message: structuredClone(message) })),
  ),
  mutant('D8 D10', 'a late settlement still stores its outputs', (inner) => ({
    settle: async (settlements) => {
      const outcomes = await inner.settle(settlements);
      for (const [index, settlement] of settlements.entries())
        if (settlement.kind === 'completed' && !outcomes[index]?.ok) await inner.append(settlement.outputs, 'late');
      return outcomes;
    },
  })),
  mutant('D8', 'at most once is acknowledged at the end', (inner) => ({
    subscribe: (subscription) => inner.subscribe({ ...subscription, guarantee: 'at-least-once' }),
  })),
  mutant('D8', 'a lost lease may still be started', (inner) => ({
    start: async (leases) => (await inner.start(leases)).map(() => ({ ok: true })),
  })),
  mutant('D9', 'effects are not remembered', (inner) => ({
    append: (drafts, nonce) =>
      inner.append(
        drafts.map(({ effect: _, ...draft }) => draft),
        nonce,
      ),
  })),
  mutant('D9', 'only the first output is stored', (inner) => publishing(inner, (outputs) => outputs.slice(0, 1))),
  mutant('D9', 'outputs are stored in any order', (inner) => publishing(inner, (outputs) => outputs.toReversed())),
  mutant('D9', 'outputs lose their idempotency key', (inner) =>
    publishing(inner, (outputs) =>
      outputs.map(({ message: { idempotencyKey: _, ...message }, ...draft }) => ({ ...draft, message })),
    ),
  ),
  mutant('D9', 'outputs are stored twice', (inner) => publishing(inner, (outputs) => [...outputs, ...outputs])),
  mutant('D9', 'more outputs are promised than are stored at once', (inner) => ({
    features: { ...inner.features, maxOutputs: inner.features.maxOutputs + 1_000 },
  })),
];
