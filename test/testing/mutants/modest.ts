import { type Backend, InvalidArgumentError, type Subscription, UnsupportedFeatureError } from 'guildwire';
import { type CreateHarness, memoryHarness } from 'guildwire/testing';
import { altered } from '../altered.ts';

/** The memory backend without all that a backend may lack: it says so, and refuses what it is asked for all the same. */
export const modestHarness: CreateHarness = (seed) => {
  const harness = memoryHarness(seed);
  const declared = new Set<string>();
  let backend: Backend | undefined;
  return {
    ...harness,
    open: async (subscriptions) => {
      const inner = await harness.open(subscriptions);
      for (const subscription of subscriptions.filter((each) => missingFor(each) === undefined)) {
        declared.add(nameOf(subscription));
        await inner.subscribe(subscription);
      }
      backend ??= modest(inner, declared);
      return backend;
    },
  };
};

const nameOf = ({ namespace, agent }: Pick<Subscription, 'namespace' | 'agent'>) => `${namespace}/${agent}`;

function missingFor({ ordering, guarantee, from }: Subscription): string | undefined {
  if (ordering === 'key') return 'ordering by key';
  if (guarantee === 'at-most-once') return 'at-most-once';
  return from === 'now' ? undefined : 'a start in the past';
}

const missing = (feature: string) => () => Promise.reject(new UnsupportedFeatureError('modest', feature));

function modest(inner: Backend, declared: ReadonlySet<string>): Backend {
  return altered(inner, {
    features: {
      ...inner.features,
      runtimeSubscriptions: false,
      startFrom: ['now'],
      orderingByKey: false,
      priorities: 'none',
      plans: false,
      guarantees: ['at-least-once', 'exactly-once'],
      pausing: false,
      tailing: false,
      progress: false,
    },
    subscribe: async (subscription) => {
      const feature = missingFor(subscription);
      if (feature !== undefined) throw new UnsupportedFeatureError('modest', feature);
      const problem = 'is not declared by the deployment: add it there';
      if (!declared.has(nameOf(subscription))) throw new InvalidArgumentError([{ field: 'subscription', problem }]);
    },
    unsubscribe: missing('unsubscribing'),
    pause: missing('pausing'),
    read: (query) => (query.order === 'arrival' ? missing('tails')() : inner.read(query)),
    plan: missing('plans'),
    runPlan: missing('plans'),
    progress: missing('progress'),
    fates: missing('fates'),
  });
}
