import fc from 'fast-check';
import { expect, test } from 'vitest';
import { meet } from '../../lib/constructs/pattern-meet.ts';
import { matches, patternProblem } from '../../lib/core/topic.ts';

const segment = fc.constantFrom('a', 'b');
const pattern = fc
  .tuple(fc.array(fc.oneof(segment, fc.constant('*')), { maxLength: 4 }), fc.constantFrom('a', 'b', '*', '**'))
  .map(([segments, last]) => [...segments, last].join('.'));
const topic = fc.array(segment, { minLength: 1, maxLength: 7 }).map((segments) => segments.join('.'));

test('the meet of two patterns names what both name, and nothing else', () => {
  fc.assert(
    fc.property(pattern, pattern, topic, (one, other, name) => {
      const shared = meet(one, other);

      expect(shared === undefined || patternProblem(shared) === undefined).toBe(true);
      expect(shared !== undefined && matches(shared, name)).toBe(matches(one, name) && matches(other, name));
    }),
    { numRuns: 3_000 },
  );
});

test.each([
  ['doc.*.done', 'doc.review.**', 'doc.review.done'],
  ['a.**', '*.*.**', 'a.*.**'],
  ['a.**', '*.b', 'a.b'],
  ['a', 'a.**', undefined],
  ['**', '$dead.x', undefined],
  ['$dead.*', '$dead.x', '$dead.x'],
])('%s and %s meet in %s', (one, other, shared) => {
  expect(meet(one, other)).toBe(shared);
  expect(meet(other, one)).toBe(shared);
});
