import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  isPlatformOnly,
  isReserved,
  MAX_AGENT_NAME,
  MAX_NAMESPACE,
  nameProblem,
  patternProblem,
  topicProblem,
} from '../../lib/core/topic.ts';
import { topics } from './arbitraries.ts';

const LONGEST = `${'x'.repeat(99)}.${'y'.repeat(100)}`;
const DEEPEST = 'a.b.c.d.e.f.g.h';

describe('a topic', () => {
  test.each([
    'doc',
    'doc.review.grammar',
    'A-Z_09',
    '-',
    '0',
    '__proto__',
    DEEPEST,
    LONGEST,
    '$inbox.grammar',
    '$self.grammar',
    '$dead.grammar',
    '$reply.01HF7YAT000000000000000004',
    '$errors',
    '$topics',
  ])('is %j', (topic) => {
    expect(topicProblem(topic)).toBeUndefined();
  });

  test.each([
    ['', 'segment "" is not one or more of'],
    ['.', 'segment "" is not one or more of'],
    ['.doc', 'segment "" is not one or more of'],
    ['doc.', 'segment "" is not one or more of'],
    ['doc..review', 'segment "" is not one or more of'],
    ['doc review', 'segment "doc review" is not one or more of'],
    ['doc\n', 'is not one or more of'],
    ['döc', 'segment "döc" is not one or more of'],
    ['doc.%2e', 'segment "%2e" is not one or more of'],
    ['doc.*', 'segment "*" is not one or more of'],
    ['doc.**', 'segment "**" is not one or more of'],
    ['*', 'segment "*" is not one or more of'],
    ['doc.$inbox', 'segment "$inbox" is not one or more of'],
    ['doc:review', 'no topic reaches into another namespace'],
    ['other#doc', 'no topic reaches into another namespace'],
    ['other/doc', 'no topic reaches into another namespace'],
    ['$inbox.other/doc', 'no topic reaches into another namespace'],
    [`${DEEPEST}.i`, '9 segments, 8 are allowed'],
    [`${LONGEST}z`, '201 characters, 200 are allowed'],
    ['$', '"$" begins reserved topics only: $inbox, $self, $dead, $reply, $errors, $topics'],
    ['$mine', '"$" begins reserved topics only'],
    ['$constructor', '"$" begins reserved topics only'],
    ['$inboxes.a', '"$" begins reserved topics only'],
    ['$INBOX.a', '"$" begins reserved topics only'],
    ['$inbox', '$inbox takes one segment below it'],
    ['$inbox.a.b', '$inbox takes one segment below it'],
    ['$dead.', 'segment "" is not one or more of'],
    ['$self.*', 'segment "*" is not one or more of'],
    ['$errors.a', '$errors has no segments below it'],
    ['$topics.', '$topics has no segments below it'],
  ])('is not %j: %s', (topic, reason) => {
    const problem = topicProblem(topic);

    expect(problem).toContain(reason);
    expect(problem).toMatch(/^got "/);
  });

  test.each([[undefined], [null], [7], [['doc']], [{ topic: 'doc' }], [Symbol('doc')]])('is text, not %s', (value) => {
    expect(topicProblem(value)).toMatch(/^got .+: a topic is text$/);
    expect(patternProblem(value)).toMatch(/^got .+: a pattern is text$/);
  });

  test('cannot hold a character that separates namespace, topic and id, wherever it stands', () => {
    const inserted = fc.tuple(topics, fc.nat(), fc.constantFrom(':', '#', '/'));
    fc.assert(
      fc.property(inserted, ([topic, at, separator]) => {
        const index = at % (topic.length + 1);

        expect(topicProblem(topic.slice(0, index) + separator + topic.slice(index))).toMatch(/^got "/);
      }),
    );
  });

  test('is a pattern as well', () => {
    fc.assert(
      fc.property(topics, (topic) => {
        expect([topicProblem(topic), patternProblem(topic)]).toEqual([undefined, undefined]);
      }),
    );
  });
});

describe('a pattern', () => {
  test.each([
    '*',
    '**',
    'doc.*',
    'doc.*.done',
    '*.*',
    'doc.**',
    '*.**',
    '*.b.c.d.e.f.g.**',
    '$dead.*',
    '$inbox.*',
    '$errors',
  ])('is %j', (pattern) => {
    expect(patternProblem(pattern)).toBeUndefined();
  });

  test.each([
    ['**.doc', '`**` may only be the last segment'],
    ['doc.**.done', '`**` may only be the last segment'],
    ['doc*', 'is neither `*`, `**` nor one or more of'],
    ['doc.***', 'is neither `*`, `**` nor one or more of'],
    ['doc.', 'is neither `*`, `**` nor one or more of'],
    ['', 'is neither `*`, `**` nor one or more of'],
    ['other/**', 'no topic reaches into another namespace'],
    [`${DEEPEST}.*`, '9 segments, 8 are allowed'],
    ['$*', '"$" begins reserved topics only'],
    ['$**', '"$" begins reserved topics only'],
    ['$*.a', '"$" begins reserved topics only'],
    ['$dead', '$dead takes one segment below it'],
    ['$dead.*.a', '$dead takes one segment below it'],
    ['$errors.*', '$errors has no segments below it'],
  ])('is not %j: %s', (pattern, reason) => {
    const problem = patternProblem(pattern);

    expect(problem).toContain(reason);
    expect(problem).toMatch(/^got "/);
  });
});

test('a topic is reserved if its first segment begins with "$", and of those anybody may publish to inboxes only', () => {
  const reserved = ['$inbox.a', '$self.a', '$dead.a', '$reply.a', '$errors', '$topics'];

  expect(reserved.every(isReserved)).toBe(true);
  expect(reserved.filter((topic) => !isPlatformOnly(topic))).toEqual(['$inbox.a']);
  expect(['doc', 'inbox.a', 'self.a'].some((topic) => isReserved(topic) || isPlatformOnly(topic))).toBe(false);
});

test('names of agents and namespaces are one segment, of 48 and 64 characters at most', () => {
  const longest = (length: number) => 'n'.repeat(length);

  expect([MAX_AGENT_NAME, MAX_NAMESPACE]).toEqual([48, 64]);
  expect(['a', 'guild-123', 'A_b', longest(48)].map((name) => nameProblem(name, 48))).toEqual(Array(4).fill(undefined));
  for (const name of [
    '',
    'a.b',
    'a/b',
    'a:b',
    'a#b',
    '$a',
    '*',
    'a b',
    'a\n',
    'ä',
    longest(49),
    null,
    undefined,
    7,
    ['a'],
  ]) {
    expect(nameProblem(name, 48)).toMatch(/^got .+: allowed are 1 to 48 of A-Z, a-z, 0-9, _ and -$/s);
  }
});
