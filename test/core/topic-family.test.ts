import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { genericJson } from '../../lib/core/format.ts';
import { matches, patternProblem } from '../../lib/core/topic.ts';
import { DEFAULT_RETENTION_DAYS, TopicFamilies, type TopicFamily } from '../../lib/core/topic-family.ts';

const family = (pattern: string): TopicFamily => ({ pattern, formats: [], retentionDays: 7 });
const familyOf = (patterns: readonly string[], topic: string) =>
  new TopicFamilies(patterns.map(family), false).of(topic)?.pattern;

const parts = fc.array(fc.constantFrom('a', 'b', '*'), { minLength: 1, maxLength: 4 });
const patterns = fc
  .tuple(parts, fc.boolean())
  .map(([segments, isOpen]) => (isOpen ? [...segments.slice(1), '**'] : segments).join('.'));
const topics = fc
  .array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 5 })
  .map((segments) => segments.join('.'));

/** An independent reading of the order: negative if `one` is the closer family, 0 for a tie. */
function naiveOrder(one: string, other: string): number {
  const literals = (pattern: string) => pattern.split('.').filter((segment) => !/^\*+$/.test(segment)).length;
  const length = (pattern: string) => pattern.split('.').length;
  if (literals(one) !== literals(other)) return literals(other) - literals(one);
  if (length(one) !== length(other)) return length(other) - length(one);
  if (one.endsWith('**') !== other.endsWith('**')) return one.endsWith('**') ? 1 : -1;
  const [left, right] = [one.split('.'), other.split('.')];
  const at = left.findIndex((segment, index) => segment.startsWith('*') !== right[index]?.startsWith('*'));
  return at < 0 ? 0 : left[at]?.startsWith('*') ? 1 : -1;
}

describe('the family of a topic', () => {
  test.each([
    {
      patterns: ['doc.**', 'doc.*.*', 'doc.review.*'],
      topic: 'doc.review.a',
      chosen: 'doc.review.*',
      rule: 'most literals',
    },
    { patterns: ['**', 'doc.**'], topic: 'doc.review', chosen: 'doc.**', rule: 'most literals, open or not' },
    { patterns: ['*', '**', '*.*'], topic: 'a.b', chosen: '*.*', rule: 'more segments' },
    { patterns: ['doc.**', 'doc.*.**'], topic: 'doc.a.b', chosen: 'doc.*.**', rule: 'more segments' },
    { patterns: ['doc.**', 'doc.*'], topic: 'doc.a', chosen: 'doc.*', rule: '`*` before `**`' },
    { patterns: ['*.b.c', 'a.*.c', 'a.b.*'], topic: 'a.b.c', chosen: 'a.b.*', rule: 'the first literal from the left' },
    { patterns: ['*.a.*.d', '*.*.c.d'], topic: 'z.a.c.d', chosen: '*.a.*.d', rule: 'the first literal from the left' },
    { patterns: ['a.b', 'a.*', 'a.**', '**'], topic: 'a.b', chosen: 'a.b', rule: 'the topic itself' },
  ])('is $chosen for $topic, by $rule', ({ patterns, topic, chosen }) => {
    expect(familyOf(patterns, topic)).toBe(chosen);
    expect(familyOf(patterns.toReversed(), topic)).toBe(chosen);
  });

  test('is one, never a tie, whatever the order of declaration', () => {
    const cases = fc
      .tuple(fc.uniqueArray(patterns, { minLength: 1, maxLength: 12 }), topics)
      .chain(([declared, topic]) =>
        fc.record({
          declared: fc.constant(declared),
          topic: fc.constant(topic),
          shuffled: fc.shuffledSubarray(declared, { minLength: declared.length }),
        }),
      );
    fc.assert(
      fc.property(cases, ({ declared, shuffled, topic }) => {
        const candidates = declared.filter((pattern) => matches(pattern, topic)).toSorted(naiveOrder);
        const [best, second] = candidates;

        expect(familyOf(declared, topic)).toBe(best);
        expect(familyOf(shuffled, topic)).toBe(best);
        if (best !== undefined && second !== undefined) expect(naiveOrder(best, second)).toBeLessThan(0);
      }),
      { numRuns: 1_000 },
    );
  });

  test('is none if no pattern names the topic', () => {
    expect(familyOf(['doc.*'], 'doc')).toBeUndefined();
    expect(familyOf([], 'doc')).toBeUndefined();
  });

  test('is one that takes all, if undeclared topics are allowed and nothing else names the topic', () => {
    const families = new TopicFamilies([family('doc.*')], true);

    expect(families.of('doc.a')?.pattern).toBe('doc.*');
    expect(families.of('other')).toEqual({ pattern: '**', formats: [], retentionDays: DEFAULT_RETENTION_DAYS });
    expect(families.patterns).toEqual(['doc.*']);
  });

  test('is the built-in one for every reserved topic, whatever is declared', () => {
    const reserved = ['$inbox.a', '$self.a', '$dead.a', '$reply.a', '$errors', '$topics'];
    const families = new TopicFamilies([{ ...family('**'), formats: [genericJson] }], false);

    const found = new Set(reserved.map((topic) => families.of(topic)));

    expect([...found]).toEqual([{ pattern: '$**', formats: [], retentionDays: DEFAULT_RETENTION_DAYS }]);
  });
});

describe('inference', () => {
  test('adds a family for each pattern in use that no declared one covers, once', () => {
    const declared = [{ ...family('doc.**'), formats: [genericJson] }];

    const families = TopicFamilies.of(declared, ['doc.review.*', 'mail.*', 'mail.*', 'mail.sent', '$dead.*'], false);

    expect(families.patterns.toSorted()).toEqual(['doc.**', 'mail.*', 'mail.sent']);
    expect(families.of('mail.in')).toEqual({ pattern: 'mail.*', formats: [], retentionDays: DEFAULT_RETENTION_DAYS });
    expect(families.of('doc.review.a')).toBe(declared[0]);
  });

  test('gives every topic that a pattern in use names a family', () => {
    fc.assert(
      fc.property(fc.array(patterns), fc.array(patterns), topics, (declared, used, topic) => {
        const families = TopicFamilies.of(declared.map(family), used, false);

        const isNamed = [...declared, ...used].some((pattern) => matches(pattern, topic));
        expect(families.of(topic) !== undefined).toBe(isNamed);
        expect(families.patterns.map(patternProblem).every((problem) => problem === undefined)).toBe(true);
      }),
    );
  });

  test('leaves the given lists as they are', () => {
    const declared = Object.freeze([family('**'), family('a.*'), family('a.b')]);
    const used = Object.freeze(['b.*', 'a.*']);

    TopicFamilies.of(declared, used, false);

    expect(declared.map(({ pattern }) => pattern)).toEqual(['**', 'a.*', 'a.b']);
    expect(used).toEqual(['b.*', 'a.*']);
  });
});

test('families say which of them were declared and which are inferred, the most literal first', () => {
  const families = TopicFamilies.of([family('doc.**'), family('doc.review.*')], ['a.*', 'doc.new', 'a.b'], true);
  const settings = new Map([['doc.x', { retentionDays: 1 }]]);

  const patternsOf = ({ declared, inferred }: TopicFamilies) =>
    [declared, inferred].map((some) => some.map(({ pattern }) => pattern));
  expect(patternsOf(families)).toEqual([
    ['doc.review.*', 'doc.**'],
    ['a.b', 'a.*'],
  ]);
  expect(patternsOf(families.with(settings))[0]).toEqual(['doc.review.*', 'doc.x', 'doc.**']);
  expect([families.allowUndeclared, families.with(settings).allowUndeclared]).toEqual([true, true]);
});
