import { describe, expect, test } from 'vitest';
import { type HistoryQuery, toReadQuery } from '../../lib/bus/history-query.ts';
import { InvalidArgumentError } from '../../lib/core/errors.ts';
import { firstIdOf, type GemstoneId, lastIdOf, MAX_ID_TIME_MS } from '../../lib/core/gemstone-id.ts';

const ID = '01HF7YAT000000000000000004' as GemstoneId;

function fieldsOf(query: object): readonly string[] {
  try {
    toReadQuery('default', query);
  } catch (error) {
    if (error instanceof InvalidArgumentError) return error.faults.map(({ field }) => field);
    throw error;
  }
  return [];
}

describe('a history query', () => {
  test('reads a hundred, oldest first, from the beginning to the end, unless it says otherwise', () => {
    expect(toReadQuery('guild-123', { topic: 'doc.tasks' })).toEqual({
      namespace: 'guild-123',
      where: { topic: 'doc.tasks' },
      order: 'id',
      limit: 100,
      filter: {},
    });
  });

  test.each<HistoryQuery>([
    { topic: 'doc.tasks' },
    { topic: '$dead.grammar' },
    { pattern: 'doc.**' },
    { pattern: '$dead.*' },
    { thread: ID },
    { conversation: 'c' },
    { agent: 'grammar' },
    { deadLettersOf: 'grammar' },
  ])('asks for %j', (place) => {
    expect(toReadQuery('default', place).where).toEqual(place);
  });

  test('passes on order, limit, cursor and filters', () => {
    const query = {
      topic: 'doc.tasks',
      order: 'desc',
      limit: 1_000,
      after: 'cursor',
      format: 'doc.task',
      sender: 'user:ada',
      priority: 0,
    } as HistoryQuery;

    expect(toReadQuery('default', query)).toEqual({
      namespace: 'default',
      where: { topic: 'doc.tasks' },
      order: 'id-desc',
      limit: 1_000,
      after: 'cursor',
      filter: { format: 'doc.task', sender: 'user:ada', priority: 0 },
    });
  });

  test('takes since and until as times, whose millisecond belongs to it wholly, or as ids', () => {
    const byTime = toReadQuery('default', { topic: 'a', since: 1_000, until: 2_000 });
    const byId = toReadQuery('default', { topic: 'a', since: ID, until: ID, order: 'desc' });

    expect([byTime.from, byTime.to]).toEqual([firstIdOf(1_000), lastIdOf(2_000)]);
    expect([byId.from, byId.to]).toEqual([ID, ID]);
  });

  test('takes times from 0 to any number, beyond what an id can hold too', () => {
    const { from, to } = toReadQuery('default', { topic: 'a', since: 0, until: Number.MAX_SAFE_INTEGER });

    expect([from, to]).toEqual([firstIdOf(0), lastIdOf(MAX_ID_TIME_MS)]);
  });

  test('takes options that are undefined as not given', () => {
    const unset = { since: undefined, limit: undefined, order: undefined, pattern: undefined, unheardOf: undefined };

    expect(toReadQuery('default', { topic: 'a', ...unset } as unknown as HistoryQuery)).toEqual(
      toReadQuery('default', { topic: 'a' }),
    );
  });
});

describe('a history query is refused', () => {
  test.each<[string, object]>([
    ['nothing', {}],
    ['topic and pattern', { topic: 'a', pattern: 'b' }],
    ['thread and conversation and agent', { thread: ID, conversation: 'c', agent: 'grammar' }],
  ])('if it says %s where it must say one thing', (got, query) => {
    expect(() => toReadQuery('default', query)).toThrow(
      `query: says ${got}: say exactly one of topic, pattern, thread`,
    );
  });

  test.each<[string, readonly unknown[]]>([
    ['order', ['ascending', 'ASC', 1, null]],
    ['since', [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, '2026-01-01', new Date(0), ID.toLowerCase(), null]],
    ['until', [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, '2026-01-01', new Date(0), ID.slice(1), null]],
    ['limit', [0, -1, 1_001, 1.5, Number.POSITIVE_INFINITY, '10', null]],
    ['after', ['', 5, null, {}]],
    ['format', ['', 5, null]],
    ['sender', ['', 5, null, { id: 'user:ada' }]],
    ['priority', [-1, 10, '4', null]],
    ['waitMs', [5]],
    ['__proto__', [5]],
    ['constructor', [5]],
  ])('for %s', (field, values) => {
    for (const value of values) {
      const query = JSON.parse('{"topic":"a"}');
      Object.defineProperty(query, field, { value, enumerable: true });

      expect(fieldsOf(query), String(value)).toEqual([field]);
    }
  });

  test.each<[string, readonly unknown[]]>([
    ['topic', ['', 'a b', 'doc.*', '$mine', 5, null]],
    ['pattern', ['', '**.a', 'a b', 5, null]],
    ['thread', ['', 'doc.tasks', `doc.tasks/${ID}`, ID.toLowerCase(), 5, null]],
    ['conversation', ['', 5, null]],
    ['agent', ['', 'a.b', 'a'.repeat(49), 5, null]],
    ['deadLettersOf', ['', '$dead.grammar', 5, null]],
  ])('for %s', (field, values) => {
    expect(values.map((value) => fieldsOf({ [field]: value }))).toEqual(values.map(() => [field]));
  });

  test('with all of its faults at once', () => {
    const fields = fieldsOf({
      topic: 'a b',
      pattern: '**.x',
      order: 'up',
      limit: 0,
      since: 'x',
      colour: 'red',
      priority: 11,
    });

    expect(fields).toEqual(['topic', 'pattern', 'order', 'limit', 'since', 'colour', 'priority', 'query']);
  });
});
