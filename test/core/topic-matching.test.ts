import fc from 'fast-check';
import { expect, test } from 'vitest';
import { covers, matches, patternProblem, topicProblem } from '../../lib/core/topic.ts';

const reservedTopics = ['$errors', '$topics', '$dead.a', '$dead.b', '$inbox.a', '$inbox.b', '$self.a', '$reply.a'];
const reservedPatterns = ['$errors', '$topics', '$dead.a', '$dead.*', '$inbox.*', '$inbox.a'];

/** An independent reading of the rules: the pattern as a regular expression over the whole topic. */
function naiveMatches(pattern: string, topic: string): boolean {
  if (topic.startsWith('$') && pattern.startsWith('*')) return false;
  const source = pattern
    .replaceAll('$', '\\$')
    .replaceAll('.', '\\.')
    .replaceAll(/\*+/g, (stars) => (stars === '*' ? '[^.]+' : '.+'));
  return new RegExp(`^${source}$`).test(topic);
}

/** All sequences of 1 to `longest` segments. */
function sequences(segments: readonly string[], longest: number): string[] {
  if (longest === 1) return [...segments];
  const shorter = sequences(segments, longest - 1);
  return [...new Set([...shorter, ...shorter.flatMap((rest) => segments.map((segment) => `${rest}.${segment}`))])];
}

const allTopics = [...sequences(['a', 'b', 'c'], 4), ...reservedTopics];
const closed = sequences(['a', 'b', '*'], 3);
const allPatterns = [
  ...closed,
  '**',
  ...sequences(['a', 'b', '*'], 2).map((head) => `${head}.**`),
  ...reservedPatterns,
];

test('the matcher agrees with a regular expression on every short topic and pattern', () => {
  const disagreements = allPatterns.flatMap((pattern) =>
    allTopics
      .filter((topic) => matches(pattern, topic) !== naiveMatches(pattern, topic))
      .map((topic) => [pattern, topic]),
  );

  expect(disagreements).toEqual([]);
  expect([...allTopics.map(topicProblem), ...allPatterns.map(patternProblem)].every((it) => it === undefined)).toBe(
    true,
  );
});

test('the matcher agrees with a regular expression on long topics and patterns', () => {
  const segment = fc.constantFrom('a', 'b', 'ab', 'A', '-');
  const topics = fc.oneof(
    fc.array(segment, { minLength: 1, maxLength: 8 }).map((parts) => parts.join('.')),
    fc.constantFrom(...reservedTopics),
  );
  /** The topic itself with some segments replaced, so that it often matches. */
  const pairs = topics.chain((topic) => {
    const parts = topic.split('.');
    const masked = fc
      .array(fc.constantFrom('keep', 'keep', '*', 'other'), { minLength: parts.length, maxLength: parts.length })
      .map((mask) => parts.map((part, index) => (mask[index] === '*' ? '*' : mask[index] === 'other' ? 'b' : part)));
    const cut = fc.option(fc.integer({ min: 0, max: parts.length - 1 }));
    return fc.tuple(masked, cut).map(([kept, at]) => ({
      topic,
      pattern: (at === null ? kept : [...kept.slice(0, at), '**']).join('.'),
    }));
  });

  fc.assert(
    fc.property(pairs, ({ topic, pattern }) => {
      expect(matches(pattern, topic)).toBe(naiveMatches(pattern, topic));
    }),
    { numRuns: 2_000 },
  );
});

test('a pattern that begins with a wildcard names no reserved topic, and a literal root lets wildcards work behind it', () => {
  const byWildcard = reservedTopics.filter((topic) =>
    ['*', '**', '*.*', '*.**', '*.a'].some((it) => matches(it, topic)),
  );

  expect(byWildcard).toEqual([]);
  expect(reservedTopics.filter((topic) => matches('$dead.*', topic))).toEqual(['$dead.a', '$dead.b']);
});

test('case, hyphens and prefixes of segments count', () => {
  expect(matches('doc.a', 'doc.A')).toBe(false);
  expect(matches('doc.*', 'docs.a')).toBe(false);
  expect(matches('doc.*', 'doc')).toBe(false);
  expect(matches('doc.**', 'doc')).toBe(false);
  expect(matches('doc', 'doc.a')).toBe(false);
});

test('one pattern covers another exactly if it names every topic that the other names', () => {
  const named = new Map(allPatterns.map((pattern) => [pattern, allTopics.filter((topic) => matches(pattern, topic))]));

  const disagreements = allPatterns.flatMap((wide) => {
    const names = new Set(named.get(wide));
    return allPatterns
      .filter((narrow) => covers(wide, narrow) !== named.get(narrow)?.every((topic) => names.has(topic)))
      .map((narrow) => ({ wide, narrow, covers: covers(wide, narrow) }));
  });

  expect(disagreements).toEqual([]);
});
