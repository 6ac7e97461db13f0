import { type Features, UnsupportedFeatureError } from 'guildwire';
import { type Mutant, mutant } from './mutant.ts';

const lacking: Partial<Features> = {
  startFrom: ['now'],
  orderingByKey: false,
  plans: false,
  guarantees: ['at-least-once', 'exactly-once'],
  pausing: false,
  tailing: false,
  progress: false,
};

const refuse = (feature: string) => () => Promise.reject(new UnsupportedFeatureError('mutant', feature));

/** Backends whose `features` say what is not so. */
export const promisingMutants: readonly Mutant[] = [
  mutant('D7', 'plans are promised and refused', () => ({ plan: refuse('plans'), runPlan: refuse('plans') })),
  mutant('D17', 'pausing is promised and refused', () => ({ pause: refuse('pausing') })),
  mutant('G3 G4', 'counting is promised and refused', () => ({ progress: refuse('counts'), fates: refuse('fates') })),
  mutant('H2 R1', 'tails are promised and refused', (inner) => ({
    read: (query) => (query.order === 'arrival' ? refuse('tails')() : inner.read(query)),
  })),
  mutant('D3 D4 D7 D8 D17 H2 G3', 'what is said to be missing is done in silence', ({ features }) => ({
    features: { ...features, ...lacking },
  })),
];
