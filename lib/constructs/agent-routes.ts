/** @module Which families an agent is attached to, and what of them it gets. */
import { covers } from '../core/topic.ts';
import { SYSTEM_FAMILY } from '../environment/aws-names.ts';
import type { Agent } from '../guild/define-agent.ts';
import { filterFor, type Lane } from './filter-policy.ts';
import { meet } from './pattern-meet.ts';
import type { LaneFilter } from './topic-family-base.ts';

export interface FamilyRoute {
  /** Of the family. */
  readonly pattern: string;
  /** One for each queue of the agent. */
  readonly filters: readonly LaneFilter[];
}

/** All that an agent follows, as its subscription has it on every backend. */
export const followedPatterns = ({ name, subscribes }: Agent): readonly string[] => [
  ...new Set([...subscribes, `$inbox.${name}`, `$self.${name}`]),
];

/** @param families Patterns, the most literal first; the built-in one is `$**`. */
export function routesOf(agent: Agent, families: readonly string[], lanes: boolean): readonly FamilyRoute[] {
  const patterns = followedPatterns(agent);
  const followed = families.filter(
    (family, index) => family === SYSTEM_FAMILY || isFollowed(patterns, family, families.slice(0, index)),
  );
  const wanted: readonly Lane[] = lanes ? ['normal', 'urgent'] : ['normal'];
  return followed.map((pattern) => ({
    pattern,
    filters: wanted.flatMap((lane) => {
      const { name, publishes, onlyWhenTagged } = agent;
      const interest = { agent: name, patterns, publishes, onlyWhenTagged, ...(lanes && { lane }) };
      const filter = filterFor(interest, pattern);
      return filter === undefined ? [] : [{ lane, filter }];
    }),
  }));
}

/** Whether it follows a topic of the family that none of the narrower ones takes away. */
const isFollowed = (patterns: readonly string[], family: string, narrower: readonly string[]) =>
  patterns.some((pattern) => {
    const shared = meet(pattern, family);
    return shared !== undefined && !narrower.some((other) => other !== SYSTEM_FAMILY && covers(other, shared));
  });
