import type { DeadLetter, GemstoneId, Json, Message, Settled } from 'guildwire';
import { type Expected, expectedDeliveries } from './expected.ts';
import type { Ending, Observer } from './observer.ts';
import type { Plan } from './plan.ts';
import type { Runs } from './planned-guild.ts';

/** How a root was said to have come out, and when. */
export interface Claim {
  readonly result: Settled;
  readonly at: number;
}

/** All that is known when nothing happens any more. */
export interface Facts {
  readonly plan: Plan;
  readonly runs: Runs;
  readonly observer: Observer;
  /** What agents and the user published, one for each topic. */
  readonly log: readonly Message[];
  readonly deadLetters: readonly DeadLetter[];
  readonly settled: ReadonlyMap<GemstoneId, Claim>;
  readonly roots: ReadonlyMap<string, GemstoneId>;
  /** What stateful agents remember, by agent and key. */
  readonly state: ReadonlyMap<string, Json | undefined>;
  /** Whether something was injected that a consumer may die of. */
  readonly mayDie: boolean;
}

/** The facts, with every delivery that must have come about and the settlements that ended it. */
export interface Evidence extends Facts {
  readonly deliveries: readonly (Expected & {
    readonly endings: readonly Ending[];
    /** The first of `endings`. */
    readonly ending: Ending | undefined;
  })[];
}

export type Delivered = Evidence['deliveries'][number];

export function evidenceOf(facts: Facts): Evidence {
  const endings = Map.groupBy(facts.observer.endings, ({ delivery }) => delivery);
  const deliveries = expectedDeliveries(facts.plan, facts.log).map((expected) => {
    const own = endings.get(expected.delivery) ?? [];
    return { ...expected, endings: own, ending: own[0] };
  });
  return { ...facts, deliveries };
}

export const isCompleted = ({ ending }: Delivered) => ending?.settlement.kind === 'completed';
