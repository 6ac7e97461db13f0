/** @module One pattern as conditions on the attributes of a message, as far as conditions can say it. */
import { covers } from '../core/topic.ts';
import { type messageAttributes, SYSTEM_FAMILY } from '../environment/aws-names.ts';

export type FilterKey = (typeof messageAttributes)[number];

/** The operators of SNS that are used (https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html). */
export type Condition =
  | string
  | { readonly prefix: string }
  | { readonly suffix: string }
  | { readonly exists: true }
  | { readonly 'anything-but': readonly string[] };

/** All keys must hold, and of each key one condition. */
export type Branch = { readonly [Key in FilterKey]?: readonly Condition[] };

/** How much a branch says: all that it can, no single segments, or the topic alone. */
export type Detail = 'segments' | 'depth' | 'topic';

export interface PatternBranch {
  /** Undefined: every topic of the family is let through. */
  readonly branch: Branch | undefined;
  /** Whether it lets through exactly what the pattern names, of the topics of the family. */
  readonly isExact: boolean;
}

const MAX_DEPTH = 8;
const SEGMENT_KEYS = ['s0', 's1', 's2', 's3'] as const;

/** @param family What the topics have in common that are published on this SNS topic; needs no condition. */
export function branchOf(pattern: string, family: string, detail: Detail): PatternBranch {
  if (covers(pattern, family)) return { branch: undefined, isExact: true };
  const segments = pattern.split('.');
  if (segments.every((segment) => !segment.startsWith('*'))) return { branch: { topic: [pattern] }, isExact: true };
  const isOpen = segments.at(-1) === '**';
  const fixed = isOpen ? segments.slice(0, -1) : segments;
  const lead = countLiterals(fixed);
  const trail = isOpen || lead > 0 ? 0 : countLiterals(fixed.toReversed());
  const knows = (index: number) => isLiteral(segmentOf(family, index)) && segmentOf(family, index) === fixed[index];

  const branch: { [Key in FilterKey]?: readonly Condition[] } = {};
  const left: number[] = [];
  if (lead > 0 && !rangeOf(0, lead).every(knows)) branch.topic = [{ prefix: `${fixed.slice(0, lead).join('.')}.` }];
  if (trail > 0) branch.topic = [{ suffix: `.${fixed.slice(-trail).join('.')}` }];
  for (const index of rangeOf(lead, fixed.length - trail)) {
    const segment = fixed[index] ?? '*';
    if (!isLiteral(segment) || knows(index)) continue;
    const key = SEGMENT_KEYS[index];
    if (key === undefined || detail !== 'segments') left.push(index);
    else branch[key] = [segment];
  }
  const depths = depthsOf(fixed.length, isOpen);
  const isDepthKnown = depthsOfPattern(family).every((depth) => depths.includes(depth));
  // A prefix of all that is fixed leaves only topics that go on behind it.
  const isDepthSaid = isDepthKnown || (isOpen && lead === fixed.length);
  if (!isDepthSaid && detail !== 'topic') branch.depth = depths.map(String);
  return {
    branch: Object.keys(branch).length === 0 ? undefined : branch,
    isExact: left.length === 0 && (isDepthSaid || detail !== 'topic'),
  };
}

const isLiteral = (segment: string) => !segment.startsWith('*');
const segmentOf = (pattern: string, index: number) => pattern.split('.')[index] ?? '**';
const rangeOf = (from: number, to: number) =>
  Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index);

function countLiterals(segments: readonly string[]): number {
  const end = segments.findIndex((segment) => !isLiteral(segment));
  return end === -1 ? segments.length : end;
}

const depthsOf = (fixed: number, isOpen: boolean) => (isOpen ? rangeOf(fixed + 1, MAX_DEPTH + 1) : [fixed]);

function depthsOfPattern(pattern: string): readonly number[] {
  // A pattern of reserved topics that has a wildcard has it behind their first segment.
  if (pattern === SYSTEM_FAMILY) return [2];
  const segments = pattern.split('.');
  const isOpen = segments.at(-1) === '**';
  return depthsOf(isOpen ? segments.length - 1 : segments.length, isOpen);
}
