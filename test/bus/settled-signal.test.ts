import { getEventListeners } from 'node:events';
import { type GemstoneId, genericJson, MemoryBackend, openBus } from 'guildwire';
import { expect, test } from 'vitest';

test('a signal that outlives many waits for the end of a root keeps none of them', async () => {
  await using backend = new MemoryBackend();
  const bus = openBus(backend, { sender: 'user:test' });
  const { signal } = new AbortController();
  const known = await bus.publish('a', genericJson, 1);
  const unknown = '01KDVDNA00M23YN02SMKGW3CA4' as GemstoneId;

  await bus.settled(known, { signal });
  await expect(bus.settled(unknown, { signal })).rejects.toMatchObject({ code: 'NOT_FOUND' });

  expect(getEventListeners(signal, 'abort')).toEqual([]);
});
