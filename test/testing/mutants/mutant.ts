import {
  type Backend,
  createGemstoneIdGenerator,
  type Draft,
  type Lease,
  type Message,
  type ReadQuery,
  type Settlement,
} from 'guildwire';
import type { CreateHarness, Harness } from 'guildwire/testing';
import { memoryHarness } from 'guildwire/testing';
import { altered } from '../altered.ts';

type Defect = (inner: Backend, harness: Harness) => Partial<Backend>;

/** A backend that breaks the contract in one way, and the lines at which the suite must find that out. */
export interface Mutant {
  readonly name: string;
  readonly lines: readonly string[];
  readonly harness: CreateHarness;
}

/** @param lines Numbers of the contract, with a space between them. */
export function mutant(lines: string, name: string, defect: Defect): Mutant {
  return { name, lines: lines.split(' '), harness: harnessWith(defect) };
}

/** The memory backend with some methods replaced; tests that open it twice get the same one. */
export function harnessWith(defect: Defect): CreateHarness {
  return (seed) => {
    const harness = memoryHarness(seed);
    let backend: Backend | undefined;
    return {
      ...harness,
      open: async (subscriptions) => {
        const inner = await harness.open(subscriptions);
        backend ??= altered(inner, defect(inner, harness));
        return backend;
      },
    };
  };
}

export const idsOf = ({ clock, random }: Harness) => createGemstoneIdGenerator(() => clock.now(), random);

/** What is stored is not what was published; `undefined` leaves a field out. */
export function storing(inner: Backend, change: (message: Draft['message']) => object): Partial<Backend> {
  const changed = (draft: Draft): Draft => {
    const message = { ...draft.message, ...change(draft.message) };
    const fields = Object.entries(message).filter(([, value]) => value !== undefined);
    return { ...draft, message: Object.freeze(Object.fromEntries(fields)) as typeof message };
  };
  return { append: (drafts, nonce) => inner.append(drafts.map(changed), nonce) };
}

/** What is read is not what was stored. */
export function reading(
  inner: Backend,
  change: (items: readonly Message[], query: ReadQuery) => readonly Message[],
): Partial<Backend> {
  return {
    read: async (query) => {
      const page = await inner.read(query);
      return { ...page, items: change(page.items, query) };
    },
  };
}

/** What a consumer gets is not what it should get; undefined keeps the lease from it for good. */
export function leasing(inner: Backend, change: (lease: Lease) => Partial<Lease> | undefined): Partial<Backend> {
  const originals = new WeakMap<Lease, Lease>();
  const original = (lease: Lease) => originals.get(lease) ?? lease;
  return {
    lease: async (request) => {
      const changed: Lease[] = [];
      for (const lease of await inner.lease(request)) {
        const fields = change(lease);
        if (fields === undefined) {
          await inner.settle([{ kind: 'dropped', lease, reason: 'filtered' }]);
          continue;
        }
        const other: Lease = Object.create(lease, Object.getOwnPropertyDescriptors(fields));
        originals.set(other, lease);
        changed.push(other);
      }
      return changed;
    },
    start: (leases) => inner.start(leases.map(original)),
    extend: (leases, leaseMs) => inner.extend(leases.map(original), leaseMs),
    settle: (settlements) => inner.settle(settlements.map((each) => ({ ...each, lease: original(each.lease) }))),
  };
}

/** What is settled is not what the attempt decided. */
export function settling(inner: Backend, change: (settlement: Settlement) => Settlement): Partial<Backend> {
  return { settle: (settlements) => inner.settle(settlements.map(change)) };
}

/** What a completed attempt publishes is not what is stored. */
export function publishing(inner: Backend, change: (outputs: readonly Draft[]) => readonly Draft[]): Partial<Backend> {
  return settling(inner, (settlement) =>
    settlement.kind === 'completed' ? { ...settlement, outputs: change(settlement.outputs) } : settlement,
  );
}
