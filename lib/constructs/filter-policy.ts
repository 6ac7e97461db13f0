/**
 * @module The filter policy of a subscription: what SNS keeps from an agent's queue. It lets through at least what the agent
 * follows; the guard before a handler has the last word, so what a policy cannot say costs a delivery and no more.
 *
 * Limits: five keys, and 150 combinations of values, which are multiplied, also with how deep they lie
 * (https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html). How `$or` is counted is not
 * documented: each key counts once, and its branches both as nested values and as a sum, whichever is more.
 */
import { covers, isReserved, matches } from '../core/topic.ts';
import { NOTHING_TO_SAY, SEVERAL, SYSTEM_FAMILY } from '../environment/aws-names.ts';
import { type Branch, branchOf, type Condition, type Detail } from './filter-branch.ts';
import { meet } from './pattern-meet.ts';

export type FilterPolicy = Branch & { readonly $or?: readonly Branch[] };

export type Lane = 'urgent' | 'normal';

/** Which messages of a family an agent is to get. */
export interface Interest {
  readonly agent: string;
  /** All that it follows, `$inbox` and `$self` included. */
  readonly patterns: readonly string[];
  readonly publishes: readonly string[];
  readonly onlyWhenTagged: boolean;
  /** @default - messages of any priority */
  readonly lane?: Lane;
}

export interface Filter {
  /** Undefined: everything that is published on the topic. */
  readonly policy: FilterPolicy | undefined;
  /** What is left to the guard, in words; empty if the policy lets through nothing that the agent does not get. */
  readonly leftOut: readonly string[];
}

export const MAX_KEYS = 5;
export const MAX_COMBINATIONS = 150;
/** Patterns that a warning names. */
const MAX_NAMED = 3;

const URGENT: readonly string[] = ['0', '1', '2', '3'];

const lanes: Readonly<Record<Lane, readonly Condition[]>> = { urgent: URGENT, normal: [{ 'anything-but': URGENT }] };

/** From all that can be said to the least, in the order in which it is given up. */
const levels: readonly { readonly detail: Detail; readonly sender: boolean; readonly recipient: boolean }[] = [
  { detail: 'segments', sender: true, recipient: true },
  { detail: 'segments', sender: true, recipient: false },
  { detail: 'segments', sender: false, recipient: false },
  { detail: 'depth', sender: false, recipient: false },
  { detail: 'topic', sender: false, recipient: false },
];

/**
 * The policy for the messages of one family, of which the agent follows some; undefined if it follows none.
 *
 * @param family Its pattern, or that of the built-in one.
 */
export function filterFor(interest: Interest, family: string): Filter | undefined {
  const followed = [...new Set(interest.patterns)].filter((pattern) => overlaps(pattern, family));
  if (followed.length === 0) return undefined;
  // Its own topics stay beside a pattern that covers them: it gets what lies there without being named.
  const widest = followed.filter(
    (pattern) =>
      ownTopics(interest.agent).includes(pattern) ||
      !followed.some((other) => other !== pattern && covers(other, pattern)),
  );
  const lane: Branch = interest.lane === undefined ? {} : { priority: lanes[interest.lane] };
  for (const level of levels) {
    const { policy, leftOut } = policyAt(interest, family, widest, level);
    const whole = { ...lane, ...policy };
    if (fits(whole)) return { policy: Object.keys(whole).length === 0 ? undefined : whole, leftOut };
  }
  const topic = commonPrefix(widest);
  const least: FilterPolicy = { ...lane, ...(topic === undefined ? {} : { topic: [{ prefix: topic }] }) };
  return {
    policy: Object.keys(least).length === 0 ? undefined : least,
    leftOut: [topic === undefined ? 'anything of what it follows' : `all but how a topic begins (${topic})`],
  };
}

const ownTopics = (agent: string): readonly string[] => [`$inbox.${agent}`, `$self.${agent}`];

/** Whether some topic of the family is named by the pattern. */
const overlaps = (pattern: string, family: string) =>
  family === SYSTEM_FAMILY ? isReserved(pattern) : !isReserved(pattern) && meet(pattern, family) !== undefined;

function policyAt(
  interest: Interest,
  family: string,
  patterns: readonly string[],
  level: (typeof levels)[number],
): Filter {
  const { agent, onlyWhenTagged } = interest;
  const isOwn = (pattern: string) => ownTopics(agent).includes(pattern);
  const mayEcho = patterns.some((pattern) => interest.publishes.some((output) => meet(pattern, output) !== undefined));
  const wantsSender = mayEcho && agent !== NOTHING_TO_SAY;
  const extras: Branch = {
    ...(wantsSender && level.sender && { sender: [{ 'anything-but': [agent] }] }),
    ...(onlyWhenTagged && level.recipient && { recipient: [agent, SEVERAL] }),
  };
  const built = patterns.map((pattern) => ({ pattern, ...branchOf(pattern, family, level.detail) }));
  const leftOut = [
    ...partsOf(built.filter(({ isExact }) => !isExact).map(({ pattern }) => pattern)),
    ...(wantsSender && !level.sender ? ['its own messages'] : []),
    ...(onlyWhenTagged && !level.recipient ? ['messages that do not name it'] : []),
  ];
  // What it gets without being named, and from itself, stands beside the rest.
  const exempt = built.filter(({ pattern }) => isOwn(pattern)).map(({ branch }) => branch);
  const others = built.filter(({ pattern }) => !isOwn(pattern)).map(({ branch }) => branch);
  if (exempt.length === 0 || Object.keys(extras).length === 0) {
    return { policy: { ...extras, ...joined([...exempt, ...others]) }, leftOut };
  }
  const rest = others.map((branch) => ({ ...branch, ...extras }));
  return { policy: joined([...exempt, ...rest]) ?? {}, leftOut };
}

/** Of many patterns the first few, since a warning is read by people. */
function partsOf(patterns: readonly string[]): readonly string[] {
  const named = patterns.slice(0, MAX_NAMED).join(', ');
  if (patterns.length > MAX_NAMED) return [`parts of ${named} and ${patterns.length - MAX_NAMED} more`];
  return patterns.length === 0 ? [] : [`parts of ${named}`];
}

/** Any of the branches; undefined if one of them says nothing. */
function joined(branches: readonly (Branch | undefined)[]): FilterPolicy | undefined {
  const groups = new Map<string, Branch>();
  for (const branch of branches) {
    if (branch === undefined || Object.keys(branch).length === 0) return undefined;
    const { topic = [], ...others } = branch;
    // Branches that differ in nothing but the topic are one with several topics.
    const group = topic.length === 0 ? JSON.stringify(branch) : `topic ${JSON.stringify(others)}`;
    const known = groups.get(group);
    groups.set(group, known?.topic === undefined ? branch : { ...known, topic: [...known.topic, ...topic] });
  }
  const [only, ...more] = groups.values();
  return more.length === 0 ? only : { $or: [...groups.values()] };
}

/** Whether SNS takes the policy. */
export function fits(policy: FilterPolicy): boolean {
  return keysOf(policy).size <= MAX_KEYS && combinationsOf(policy) <= MAX_COMBINATIONS;
}

export function keysOf({ $or = [], ...shared }: FilterPolicy): ReadonlySet<string> {
  return new Set([shared, ...$or].flatMap((branch) => Object.keys(branch)));
}

export function combinationsOf({ $or = [], ...shared }: FilterPolicy): number {
  const product = (branch: Branch, depth: number) =>
    Object.values(branch).reduce((total, conditions) => total * depth * values(conditions), 1);
  if ($or.length === 0) return product(shared, 1);
  const sum = $or.reduce((total, branch) => total + product(branch, 1), 0);
  const nested = $or.reduce((total, branch) => total * product(branch, 2), 1);
  return product(shared, 1) * Math.max(sum, nested);
}

const values = (conditions: readonly Condition[]) =>
  conditions.reduce(
    (total, condition) =>
      total + (typeof condition === 'object' && 'anything-but' in condition ? condition['anything-but'].length : 1),
    0,
  );

/** How all topics begin that the patterns name; undefined if they begin in different ways. */
function commonPrefix(patterns: readonly string[]): string | undefined {
  const [first = '', ...others] = patterns.map((pattern) => pattern.split('.'));
  const shared: string[] = [];
  for (const [index, segment] of [...first].entries()) {
    if (segment.startsWith('*') || others.some((other) => other[index] !== segment)) break;
    shared.push(segment);
  }
  const prefix = shared.join('.');
  if (prefix === '') return undefined;
  return patterns.some((pattern) => matches(pattern, prefix)) ? prefix : `${prefix}.`;
}
