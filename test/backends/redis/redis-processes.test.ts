import { genericJson, type Message, openBackend, openBus, systemClock } from 'guildwire';
import { afterAll, expect, test } from 'vitest';
import { ConsumerProcess } from '../../redis-server/consumer-processes.ts';
import { RedisServer } from '../../redis-server/redis-server.ts';
import { storeFaults } from '../../redis-server/store-faults.ts';

const server = await RedisServer.start();
afterAll(async () => {
  const faults = await storeFaults(server.url);
  await server[Symbol.asyncDispose]();
  expect(faults).toEqual([]);
});

const END = -1;
const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);
const sorted = (payloads: readonly unknown[]) => payloads.map(Number).toSorted((one, other) => one - other);
const payloadsOf = (messages: readonly Message[]) => messages.map(({ payload }) => payload);

/** A bus of this process, whose clock is wrong by so much. */
async function openHere(namespace: string, skewMs = 0) {
  const clock = { ...systemClock, now: () => systemClock.now() + skewMs };
  const backend = await openBackend(server.url, { clock });
  return { backend, bus: openBus(backend, { namespace, sender: 'user:test', clock }) };
}

test('two processes share what an agent gets, and one that is killed loses nothing and doubles nothing', async () => {
  const { backend, bus } = await openHere('shared');
  await using _open = backend;
  await using one = await ConsumerProcess.start(server.url, 'shared');
  await using other = await ConsumerProcess.start(server.url, 'shared');

  const ids = [];
  for (const n of numbers(400)) {
    ids.push(await bus.publish('in', genericJson, n));
    if (n === 200) await Promise.all([one.said(20), other.said(20)]);
    if (n === 300) await one.end('SIGKILL');
  }
  for (const id of ids) await bus.settled(id);

  expect(sorted(payloadsOf((await bus.read({ topic: 'out', limit: 1_000 })).items))).toEqual(
    numbers(400).map((n) => 2 * n),
  );
  expect(await backend.stats('shared')).toMatchObject([{ agent: 'doubler', waiting: 0, dead: 0 }]);
});

test('clocks that are five seconds apart from the one of the server lose nothing, and tails skip nothing', async () => {
  const [ahead, behind] = [await openHere('skewed', 5_000), await openHere('skewed', -5_000)];
  await using _ahead = ahead.backend;
  await using _behind = behind.backend;
  await using _fast = await ConsumerProcess.start(server.url, 'skewed', 5_000);
  await using _slow = await ConsumerProcess.start(server.url, 'skewed', -5_000);
  const ending = new AbortController();
  const tails = [ahead, behind].map(({ bus }) => {
    const seen: Message[] = [];
    const following = (async () => {
      for await (const message of bus.tail({ topic: 'in' }, { signal: ending.signal })) {
        seen.push(message);
        if (message.payload === END) return;
      }
    })();
    return { seen, following };
  });
  // A tail starts with what comes after it asked.
  await Promise.all([ahead, behind].map(({ bus }) => bus.topics()));

  for (const n of numbers(200)) {
    const { bus } = n % 2 === 0 ? ahead : behind;
    await bus.publish('in', genericJson, n);
  }
  await ahead.bus.publish('in', genericJson, END);
  await Promise.all(tails.map(({ following }) => following));
  ending.abort();
  for (const { id } of tails[0]?.seen ?? []) await ahead.bus.settled(id);

  for (const { seen } of tails) expect(payloadsOf(seen)).toEqual([...numbers(200), END]);
  const outputs = payloadsOf((await behind.bus.read({ topic: 'out', limit: 1_000 })).items);
  expect(sorted(outputs)).toEqual([2 * END, ...numbers(200).map((n) => 2 * n)]);
  expect(await ahead.backend.stats('skewed')).toMatchObject([{ waiting: 0, dead: 0 }]);
});
