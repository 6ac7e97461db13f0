import type { Branch, Condition, FilterKey } from '../../lib/constructs/filter-branch.ts';
import type { FilterPolicy } from '../../lib/constructs/filter-policy.ts';

export type Attributes = Readonly<Record<FilterKey, string>>;

/** What SNS does with a policy of string conditions, as its documentation says it. */
export function lets(policy: FilterPolicy | undefined, attributes: Partial<Attributes>): boolean {
  if (policy === undefined) return true;
  const { $or, ...shared } = policy;
  return holds(shared, attributes) && ($or === undefined || $or.some((branch) => holds(branch, attributes)));
}

const holds = (branch: Branch, attributes: Partial<Attributes>) =>
  Object.entries(branch).every(([key, conditions]) => {
    const value = attributes[key as FilterKey];
    return value !== undefined && conditions.some((condition) => satisfies(condition, value));
  });

function satisfies(condition: Condition, value: string): boolean {
  if (typeof condition === 'string') return value === condition;
  if ('prefix' in condition) return value.startsWith(condition.prefix);
  if ('suffix' in condition) return value.endsWith(condition.suffix);
  if ('exists' in condition) return true;
  return !condition['anything-but'].includes(value);
}

/** The nine attributes, as whoever publishes sets them. */
export function attributesOf(message: {
  readonly topic: string;
  readonly priority: number;
  readonly sender: string;
  readonly recipients: readonly string[];
}): Attributes {
  const { topic, priority, sender, recipients } = message;
  const segments = topic.split('.');
  const [s0, s1, s2, s3] = [0, 1, 2, 3].map((index) => segments[index] ?? '-') as [string, string, string, string];
  const recipient = recipients.length === 0 ? '-' : recipients.length === 1 ? (recipients[0] ?? '-') : '*';
  return { topic, s0, s1, s2, s3, depth: String(segments.length), priority: String(priority), sender, recipient };
}
