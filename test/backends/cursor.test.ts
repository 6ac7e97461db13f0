import fc from 'fast-check';
import { type GemstoneId, InvalidArgumentError, type ReadQuery } from 'guildwire';
import { expect, test } from 'vitest';
import { parseCursor, toCursor } from '../../lib/backends/cursor.ts';
import { topics } from '../core/arbitraries.ts';

const id = '01HF7YAT000000000000000004' as GemstoneId;
const from = '01HF7YAT000000000000000000' as GemstoneId;
const query: ReadQuery = { namespace: 'n', where: { topic: 'a' }, order: 'id', limit: 10 };

test('a cursor gives back the place that it was made of', () => {
  fc.assert(
    fc.property(topics, (topic) => {
      expect(parseCursor(toCursor(query, { topic, id }), query)).toEqual({ topic, id });
    }),
  );
});

test('a cursor is for another limit, wait and signal as well, since they do not change what is read', () => {
  const cursor = toCursor(query, { topic: 'a', id });
  const { signal } = new AbortController();

  expect(parseCursor(cursor, { ...query, limit: 1, waitMs: 5, signal, after: cursor })).toEqual({ topic: 'a', id });
});

test.each<[string, Partial<ReadQuery>]>([
  ['namespace', { namespace: 'other' }],
  ['topic', { where: { topic: 'b' } }],
  ['kind of place', { where: { pattern: 'a' } }],
  ['order', { order: 'id-desc' }],
  ['beginning', { from }],
  ['end', { to: from }],
  ['filter', { filter: { format: 'x' } }],
])('a cursor is refused for another %s', (_, change) => {
  const cursor = toCursor(query, { topic: 'a', id });

  expect(() => parseCursor(cursor, { ...query, ...change })).toThrow(InvalidArgumentError);
  expect(() => parseCursor(cursor, { ...query, ...change })).toThrow(
    'after: is not a cursor of this query: repeat the query that gave it, unchanged, or start without a cursor',
  );
});

test('a cursor that was changed anywhere, or is none, is refused', () => {
  const cursor = toCursor(query, { topic: 'a', id });
  const texts = fc.oneof(
    fc.string(),
    fc.string({ unit: 'binary' }).map((text) => Buffer.from(text).toString('base64url')),
    fc
      .nat(cursor.length - 2)
      .map((at) => cursor.slice(0, at) + (cursor[at] === 'A' ? 'B' : 'A') + cursor.slice(at + 1)),
  );

  fc.assert(
    fc.property(texts, (text) => {
      expect(() => parseCursor(text, query)).toThrow(InvalidArgumentError);
    }),
  );
});
