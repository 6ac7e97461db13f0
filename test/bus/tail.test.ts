import { expect, onTestFinished, test } from 'vitest';
import type { Backend, Cursor, Page, ReadQuery } from '../../lib/backends/backend.ts';
import { MemoryBackend } from '../../lib/backends/memory/memory-backend.ts';
import { openBus } from '../../lib/bus/bus.ts';
import { type Clock, systemClock } from '../../lib/core/clock.ts';
import { genericJson } from '../../lib/core/format.ts';
import { createGemstoneIdGenerator } from '../../lib/core/gemstone-id.ts';
import type { Message } from '../../lib/core/message.ts';
import { messageWith } from '../core/arbitraries.ts';

/** A bus over a backend in memory whose reads go through `read`. */
function opened(read: (query: ReadQuery, inner: Backend) => Promise<Page<Message>>, clock?: Clock) {
  const inner = new MemoryBackend(clock === undefined ? {} : { clock });
  onTestFinished(() => inner[Symbol.asyncDispose]());
  const backend = new Proxy<Backend>(inner, {
    get: (_, name) => {
      if (name === 'read') return (query: ReadQuery) => read(query, inner);
      const value: unknown = Reflect.get(inner, name);
      return typeof value === 'function' ? value.bind(inner) : value;
    },
  });
  return openBus(backend, { sender: 'user:ada' });
}

const following = async (bus: ReturnType<typeof opened>) => {
  const messages = bus.tail({ topic: 'a' });
  const { value } = await messages.next();
  await messages.return(undefined);
  return value?.payload;
};

test('what a store gives again is shown once, however long who reads takes over it', async () => {
  let now = 1_800_000_000_000;
  const clock: Clock = { ...systemClock, now: () => now };
  const ids = createGemstoneIdGenerator(() => now);
  const [first, second] = ['first', 'second'].map((payload) => messageWith({ topic: 'a', id: ids.next(4), payload }));
  const pages = [[first], [first, second]] as Message[][];
  const backend = {
    features: { tailing: true, tailHorizonMs: 10_000 },
    read: async () => ({ items: pages.shift() ?? [], next: 'c' as Cursor }),
  };
  const bus = openBus(backend as never as Backend, { sender: 'user:ada', clock });
  const messages = bus.tail({ topic: 'a', since: 0 });

  const shown = [(await messages.next()).value?.payload];
  now += 30_000;
  shown.push((await messages.next()).value?.payload);

  expect(shown).toEqual(['first', 'second']);
});

test('begins behind what is there, also where the clock of the store is behind', async () => {
  const aMinuteAgo: Clock = { ...systemClock, now: () => Date.now() - 60_000 };
  const asked = Promise.withResolvers<void>();
  const bus = opened((query, inner) => {
    if (query.order === 'arrival') asked.resolve();
    return inner.read(query);
  }, aMinuteAgo);
  await bus.publish('a', genericJson, 'before');

  const seen = following(bus);
  await asked.promise;
  await bus.publish('a', genericJson, 'after');

  expect(await seen).toBe('after');
});

test('shows what is published while it begins', async () => {
  let isBegun = false;
  const bus = opened(async (query, inner) => {
    if (!isBegun) {
      isBegun = true;
      await bus.publish('a', genericJson, 'meanwhile');
    }
    return inner.read(query);
  });

  expect(await following(bus)).toBe('meanwhile');
});
