/**
 * @module Topics and patterns: their grammar, and the one matcher that every part of Guildwire uses.
 *
 * A topic is at most 8 segments of `[A-Za-z0-9_-]+` joined by `.`, at most 200 characters. In a pattern `*` stands for one
 * segment and `**`, last only, for one or more. A topic whose first segment begins with `$` is reserved; as in MQTT
 * (https://docs.oasis-open.org/mqtt/mqtt/v5.0/mqtt-v5.0.html, 4.7.2) a pattern that begins with a wildcard matches none.
 */
import { show } from './show.ts';

const MAX_SEGMENTS = 8;
const MAX_LENGTH = 200;
const SEGMENT = /^[A-Za-z0-9_-]+$/;

/** What the platform keeps for itself, by first segment, and whether a name follows. */
const RESERVED = {
  /** `$inbox.<agent>`: every agent follows its own; anybody may publish there. */
  $inbox: { named: true },
  /** `$self.<agent>`: an agent's messages to itself. */
  $self: { named: true },
  /** `$dead.<agent>`: its dead letters. */
  $dead: { named: true },
  /** `$reply.<id>`: replies to one request; stored only. */
  $reply: { named: true },
  /** Failures of those who consume dead letters. */
  $errors: { named: false },
  /** A message when a topic is first used. */
  $topics: { named: false },
} as const;

/** First segments that the platform keeps for itself. */
export const reservedRoots: readonly string[] = Object.keys(RESERVED);

const isReservedRoot = (segment: string): segment is keyof typeof RESERVED => Object.hasOwn(RESERVED, segment);

/** What keeps `value` from being a topic, or undefined. */
export function topicProblem(value: unknown): string | undefined {
  if (typeof value !== 'string') return `got ${show(value)}: a topic is text`;
  return segmentsProblem(value, (segment) =>
    SEGMENT.test(segment) ? undefined : `segment ${show(segment)} is not one or more of A-Z, a-z, 0-9, _ and -`,
  );
}

/** What keeps `value` from being a pattern (every topic is one), or undefined. */
export function patternProblem(value: unknown): string | undefined {
  if (typeof value !== 'string') return `got ${show(value)}: a pattern is text`;
  return segmentsProblem(value, (segment, isLast) => {
    if (segment === '*' || SEGMENT.test(segment)) return undefined;
    if (segment === '**') return isLast ? undefined : '`**` may only be the last segment';
    return `segment ${show(segment)} is neither \`*\`, \`**\` nor one or more of A-Z, a-z, 0-9, _ and -`;
  });
}

function segmentsProblem(
  text: string,
  check: (segment: string, isLast: boolean) => string | undefined,
): string | undefined {
  const got = `got ${show(text)}: `;
  if (text.length > MAX_LENGTH) return `${got}${text.length} characters, ${MAX_LENGTH} are allowed`;
  if (/[:#/]/.test(text)) return `${got}":", "#" and "/" are refused, so that no topic reaches into another namespace`;
  const segments = text.split('.');
  if (segments.length > MAX_SEGMENTS) return `${got}${segments.length} segments, ${MAX_SEGMENTS} are allowed`;
  const [root = ''] = segments;
  if (root.startsWith('$')) return reservedProblem(root, segments.slice(1), check, got);
  for (const [index, segment] of segments.entries()) {
    const problem = check(segment, index === segments.length - 1);
    if (problem !== undefined) return got + problem;
  }
  return undefined;
}

function reservedProblem(
  root: string,
  rest: readonly string[],
  check: (segment: string, isLast: boolean) => string | undefined,
  got: string,
): string | undefined {
  if (!isReservedRoot(root)) return `${got}"$" begins reserved topics only: ${Object.keys(RESERVED).join(', ')}`;
  const [name] = rest;
  if (!RESERVED[root].named) return rest.length === 0 ? undefined : `${got}${root} has no segments below it`;
  if (name === undefined || rest.length > 1) return `${got}${root} takes one segment below it, as in ${root}.name`;
  // One segment follows, so `**` would be another way to write `*`.
  const problem = check(name, false);
  return problem === undefined ? undefined : got + problem;
}

/** Whether the platform owns the topic: its first segment begins with `$`. */
export const isReserved = (topic: string): boolean => topic.startsWith('$');

/** Whether only the platform writes there: every reserved topic but an inbox. */
export const isPlatformOnly = (topic: string): boolean => isReserved(topic) && !topic.startsWith('$inbox.');

/**
 * Whether `pattern` names `topic`. Both must be well formed.
 *
 * @example matches('doc.*.done', 'doc.42.done') // true
 */
export function matches(pattern: string, topic: string): boolean {
  if (pattern === topic) return true;
  if (!pattern.includes('*')) return false;
  const wanted = pattern.split('.');
  const segments = topic.split('.');
  if (isReserved(topic) && wanted[0] !== segments[0]) return false;
  const isOpen = wanted.at(-1) === '**';
  if (isOpen ? segments.length < wanted.length : segments.length !== wanted.length) return false;
  return wanted.every((segment, index) => segment === '*' || segment === '**' || segment === segments[index]);
}

/** Whether every topic that `narrow` names is named by `wide` as well. */
export function covers(wide: string, narrow: string): boolean {
  const outer = wide.split('.');
  const inner = narrow.split('.');
  if (isReserved(narrow) && outer[0] !== inner[0]) return false;
  if (outer.at(-1) === '**' ? inner.length < outer.length : inner.length !== outer.length) return false;
  return outer.every((segment, index) => {
    if (segment === '**') return true;
    // `**` stands for several lengths; one segment covers only one of them.
    return inner[index] !== '**' && (segment === '*' || segment === inner[index]);
  });
}

/** A namespace or agent name: one segment of at most `maxLength`. What is wrong with `value`, or undefined. */
export function nameProblem(value: unknown, maxLength: number): string | undefined {
  if (typeof value === 'string' && SEGMENT.test(value) && value.length <= maxLength) return undefined;
  return `got ${show(value)}: allowed are 1 to ${maxLength} of A-Z, a-z, 0-9, _ and -`;
}

export const MAX_AGENT_NAME = 48;
export const MAX_NAMESPACE = 64;
