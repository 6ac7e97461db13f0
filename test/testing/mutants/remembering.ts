import { type Backend, type Json, StateConflictError } from 'guildwire';

type Owner = { readonly namespace: string; readonly agent: string };

/** State that the backend keeps beside its own; true to the contract but for what the options say. */
export function remembering(
  inner: Backend,
  { scope = ({ namespace, agent }: Owner) => `${namespace}/${agent}`, forgets = false },
): Partial<Backend> {
  const kept = new Map<string, { readonly value: Json | undefined; readonly version: number }>();
  let versions = 0;
  const at = (owner: Owner, key: string) => kept.get(`${scope(owner)}/${key}`) ?? { value: undefined, version: 0 };
  return {
    state: async (namespace, agent, keys) => keys.map((key) => at({ namespace, agent }, key)),
    settle: async (settlements) =>
      Promise.all(
        settlements.map(async (settlement) => {
          const { lease } = settlement;
          const writes = settlement.kind === 'completed' ? settlement.state : [];
          const lost = writes.find(({ key, ifVersion }) => at(lease, key).version !== ifVersion);
          if (lost !== undefined) return { ok: false, error: new StateConflictError(lease.agent, lost.key) };
          const [outcome] = await inner.settle([
            settlement.kind === 'completed' ? { ...settlement, state: [] } : settlement,
          ]);
          for (const { key, value } of outcome?.ok ? writes : []) {
            const version = forgets ? at(lease, key).version + 1 : ++versions;
            if (value === undefined) kept.delete(`${scope(lease)}/${key}`);
            else kept.set(`${scope(lease)}/${key}`, { value, version });
          }
          return outcome as NonNullable<typeof outcome>;
        }),
      ),
  };
}
