import { silentLog } from 'guildwire';
import { afterAll, expect, test } from 'vitest';
import { openRedisBackend } from '../../../lib/backends/redis/index.ts';
import { runKiller } from '../../guild/process-killer.ts';
import { wait } from '../../redis-server/consumer.ts';
import { RedisServer } from '../../redis-server/redis-server.ts';

const server = await RedisServer.start();
afterAll(() => server[Symbol.asyncDispose]());

const LEASE_MS = 400;
const POLL_MS = 50;

test('a handler that ends its process again and again takes none along beside it', async () => {
  await using store = await openRedisBackend(server.url, { pollMs: POLL_MS });

  const { handled, letters } = await runKiller({
    attempts: { one: 3, other: 2 },
    store,
    leaseMs: LEASE_MS,
    start: { log: silentLog },
    pause: () => wait(10),
    quiet: () => wait(300),
    outlive: () => wait(LEASE_MS + POLL_MS),
  });

  expect(letters).toEqual([['killer', 'crashed']]);
  expect(handled).toEqual(['one 1', 'one 3', 'other 1', 'other 2', 'other 3']);
});
