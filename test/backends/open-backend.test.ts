import {
  BackendUnavailableError,
  genericJson,
  InvalidArgumentError,
  MemoryBackend,
  openBackend,
  openBus,
} from 'guildwire';
import { seededRandom, VirtualClock } from 'guildwire/testing';
import { describe, expect, test } from 'vitest';
import { TopicFamilies } from '../../lib/core/topic-family.ts';

const busOn = async (url: string) => {
  const backend = await openBackend(url);
  return { backend, bus: openBus(backend, { sender: 'user:test' }) };
};

describe('memory:', () => {
  test('is the own backend of whoever opens it', async () => {
    const [one, other] = [await busOn('memory:'), await busOn('memory:')];

    const id = await one.bus.publish('a', genericJson, 1);

    expect(await one.bus.get([{ topic: 'a', id }])).toHaveLength(1);
    expect(await other.bus.get([{ topic: 'a', id }])).toEqual([]);
  });

  test('is a memory backend, on the clock and with the families that it is given', async () => {
    const clock = new VirtualClock();
    const families = new TopicFamilies([{ pattern: 'a', formats: [], retentionDays: 1 }], false);
    const backend = await openBackend('memory:', { clock, families, random: seededRandom(1) });
    const bus = openBus(backend, { sender: 'user:test', clock });
    await bus.publish('a', genericJson, 1);

    await clock.advance(2 * 86_400_000);
    await bus.publish('a', genericJson, 2);

    expect(backend).toBeInstanceOf(MemoryBackend);
    expect(backend.name).toBe('memory');
    expect((await bus.read({ topic: 'a' })).items.map(({ payload }) => payload)).toEqual([2]);
  });

  test('cannot be used once it is closed, and may be closed again', async () => {
    const { backend, bus } = await busOn('memory:');

    await backend[Symbol.asyncDispose]();
    await backend[Symbol.asyncDispose]();

    const calls = [
      () => bus.publish('a', genericJson, 1),
      () => bus.read({ topic: 'a' }),
      () => bus.topics(),
      () => bus.stats(),
      () => bus.unsubscribe('x'),
      () => backend.lease({ agent: 'x', namespaces: ['default'], max: 1, leaseMs: 1, waitMs: 0 }),
      () => backend.state('default', 'x', ['k']),
    ];
    for (const call of calls) {
      const error = await call().catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(BackendUnavailableError);
      expect(error).toMatchObject({ retryable: true, message: expect.stringContaining('backend "memory" is closed') });
    }
  });

  test('lets go of who waits for a delivery when it is closed', async () => {
    const { backend } = await busOn('memory:');
    const waiting = backend.lease({ agent: 'x', namespaces: ['default'], max: 1, leaseMs: 1, waitMs: 1e9 });

    await backend[Symbol.asyncDispose]();

    expect(await waiting).toEqual([]);
  });
});

describe('memory:NAME', () => {
  test('is shared by all who open that name, and by no others', async () => {
    const [one, same, other] = [
      await busOn('memory:shared-1'),
      await busOn('memory:shared-1'),
      await busOn('memory:shared-2'),
    ];

    const id = await one.bus.publish('a', genericJson, 1);

    expect(await same.bus.get([{ topic: 'a', id }])).toHaveLength(1);
    expect(await other.bus.get([{ topic: 'a', id }])).toEqual([]);
    for (const { backend } of [one, same, other]) await backend[Symbol.asyncDispose]();
  });

  test('stays until the last who opened it closes it, and is new after that', async () => {
    const [one, other] = [await busOn('memory:shared-3'), await busOn('memory:shared-3')];
    const id = await one.bus.publish('a', genericJson, 1);

    await one.backend[Symbol.asyncDispose]();
    await one.backend[Symbol.asyncDispose]();
    expect(await other.bus.get([{ topic: 'a', id }])).toHaveLength(1);
    await other.backend[Symbol.asyncDispose]();

    await expect(other.bus.topics()).rejects.toBeInstanceOf(BackendUnavailableError);
    const anew = await busOn('memory:shared-3');
    expect(await anew.bus.get([{ topic: 'a', id }])).toEqual([]);
    await anew.backend[Symbol.asyncDispose]();
  });
});

test.each(['memory', 'memory:a b', `memory:${'n'.repeat(65)}`, 'memory:a/b', 'Memory:', 'nonsense', ''])(
  'a URL of no known kind is refused: %j',
  async (url) => {
    const error = await openBackend(url).catch((thrown: unknown) => thrown);

    expect(error).toBeInstanceOf(InvalidArgumentError);
    expect((error as InvalidArgumentError).faults).toEqual([
      { field: 'backend', problem: expect.stringMatching(/^got ".*": known are memory:/) },
    ]);
  },
);
