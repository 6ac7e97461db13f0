import { describe, expect, onTestFinished, test } from 'vitest';
import { MemoryBackend } from '../../lib/backends/memory/memory-backend.ts';
import { type BusOptions, openBus, type PublishEntry } from '../../lib/bus/bus.ts';
import { InvalidArgumentError } from '../../lib/core/errors.ts';
import { genericJson } from '../../lib/core/format.ts';
import { toReference } from '../../lib/core/message.ts';

function open(options: Partial<BusOptions> = {}) {
  const backend = new MemoryBackend();
  onTestFinished(() => backend[Symbol.asyncDispose]());
  return openBus(backend, { sender: 'user:ada', ...options });
}
const entry = (topics: string, payload: unknown = 1) => ({ topics, format: genericJson, payload }) as PublishEntry;

describe('a bus', () => {
  test('is refused for a namespace and a sender that are none, both named at once', () => {
    const openWrong = () => open({ namespace: 'a/b', sender: '' });

    expect(openWrong).toThrow(InvalidArgumentError);
    expect(openWrong).toThrow(/^namespace: got "a\/b": .+; sender: \.id got ""/);
  });

  test('publishes in the namespace "default" unless told otherwise', async () => {
    const bus = open();

    await bus.publish('doc.tasks', genericJson, 'Hello');

    expect(bus.namespace).toBe('default');
    expect((await bus.read({ topic: 'doc.tasks' })).items).toMatchObject([
      { namespace: 'default', topic: 'doc.tasks', sender: { id: 'user:ada' }, payload: 'Hello' },
    ]);
  });

  test('finds messages by reference or by key, in the order asked, without those that are not there', async () => {
    const bus = open();
    const [one, two] = [await bus.publish('a', genericJson, 1), await bus.publish('b', genericJson, 2)];

    const found = await bus.get([
      toReference({ topic: 'b', id: two }),
      { topic: 'a', id: two },
      { topic: 'a', id: one },
    ]);

    expect(found.map(({ payload }) => payload)).toEqual([2, 1]);
    expect(await bus.get([])).toEqual([]);
    await expect(bus.get(['a' as never])).rejects.toThrow('a reference is topic/id');
  });
});

describe('a batch', () => {
  test('has one outcome for each entry, in their order, and stores what is valid', async () => {
    const bus = open();

    const outcomes = await bus.publishMany([
      entry('a', 'first'),
      entry('a b'),
      entry('a', Number.NaN),
      null as never,
      entry('a', 'last'),
    ]);

    const stored = (await bus.read({ topic: 'a' })).items;
    expect(outcomes.map((outcome) => (outcome.ok ? outcome.id : outcome.error.code))).toEqual([
      stored[0]?.id,
      'INVALID_MESSAGE',
      'INVALID_MESSAGE',
      'INVALID_MESSAGE',
      stored[1]?.id,
    ]);
    expect(stored.map(({ payload }) => payload)).toEqual(['first', 'last']);
  });

  test('of nothing, or of nothing valid, stores nothing', async () => {
    const bus = open();

    const outcomes = [await bus.publishMany([]), await bus.publishMany([entry('a b'), entry('$errors')])];

    expect(outcomes.map((list) => list.map(({ ok }) => ok))).toEqual([[], [false, false]]);
    expect(await bus.topics()).toEqual([]);
  });

  test.each<[string, unknown]>([
    ['more than 100', Array.from({ length: 101 }, () => entry('a'))],
    ['one entry', entry('a')],
    ['text', 'a'],
    ['nothing', undefined],
  ])('that is no array of at most 100 is refused whole: %s', async (_, entries) => {
    const bus = open();

    await expect(bus.publishMany(entries as never)).rejects.toThrow('allowed is an array of at most 100');
    expect(await bus.topics()).toEqual([]);
  });
});
