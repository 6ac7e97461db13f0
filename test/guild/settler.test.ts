import {
  type Agent,
  type Backend,
  BackendUnavailableError,
  defineAgent,
  genericJson,
  type Settlement,
} from 'guildwire';
import { expect, test } from 'vitest';
import { borrowed, deadLettersOf, Lab, ManualClock, turns } from './lab.ts';

/** An agent that keeps what it is given, one delivery at a time, and publishes it. */
function worker(): { readonly agent: Agent; readonly handled: unknown[] } {
  const handled: unknown[] = [];
  const agent = defineAgent({
    name: 'worker',
    entry: import.meta.url,
    subscribes: ['a'],
    publishes: ['out'],
    concurrency: 1,
    timeoutMs: 20_000,
    handlers: (on) => [
      on.any((payload, context) => {
        handled.push([payload, context.attempt]);
        context.publish('out', genericJson, payload);
      }),
    ],
  });
  return { agent, handled };
}

/** The lab's backend, with one method replaced. */
function changed<K extends 'settle' | 'lease' | 'read'>(lab: Lab<ManualClock>, name: K, method: Backend[K]): Backend {
  return new Proxy<Backend>(borrowed(lab.backend), {
    get: (target, property) => (property === name ? method : Reflect.get(target, property)),
  });
}

test('settlements of one moment go to the backend in one call', async () => {
  await using lab = new Lab({ clock: new ManualClock() });
  const { agent, handled } = worker();
  const calls: number[] = [];
  const backend = changed(lab, 'settle', (settlements: readonly Settlement[]) => {
    calls.push(settlements.length);
    return lab.backend.settle(settlements);
  });
  const running = await lab.start([{ ...agent, concurrency: 4 }], { backend: () => backend });

  await Promise.all([1, 2, 3, 4].map((n) => running.publish('a', genericJson, n)));
  await turns();

  expect(handled).toHaveLength(4);
  expect(calls).toEqual([4]);
});

test.each([
  ['cannot be reached', () => new BackendUnavailableError('connection lost'), 'connection lost'],
  ['fails in some other way', () => new TypeError('bug'), 'settling failed'],
])('when settling %s, the delivery is left to whoever gets it next, and the slot is free', async (_, make, text) => {
  await using lab = new Lab({ clock: new ManualClock() });
  const { agent, handled } = worker();
  let failures = 1;
  const backend = changed(lab, 'settle', async (settlements: readonly Settlement[]) => {
    if (failures-- > 0) throw make();
    return lab.backend.settle(settlements);
  });
  const running = await lab.start([agent], { backend: () => backend });

  await running.publish('a', genericJson, 1);
  await running.publish('a', genericJson, 2);
  await turns();
  expect(handled).toEqual([
    [1, 1],
    [2, 1],
  ]);
  await lab.clock.advance(30_000);
  await turns();

  expect(handled.slice(2)).toEqual([[1, 1]]);
  expect(lab.log.texts).toEqual([`warn: an attempt had no effect: ${text}`]);
  expect((await running.read({ topic: 'out' })).items.map(({ payload }) => payload)).toEqual([2, 1]);
});

test('when deliveries cannot be taken, it says so, waits longer each time, and goes on by itself', async () => {
  await using lab = new Lab({ clock: new ManualClock() });
  const { agent, handled } = worker();
  let calls = 0;
  const backend = changed(lab, 'lease', async (request) => {
    calls++;
    if (calls <= 10) throw new BackendUnavailableError('no route to host');
    return lab.backend.lease(request);
  });
  const running = await lab.start([agent], { backend: () => backend, random: () => 0 });
  await running.publish('a', genericJson, 1);
  await turns();

  const waits: number[] = [];
  for (let waited = 0; handled.length === 0; waited += 25) {
    const before = calls;
    await lab.clock.advance(25);
    if (calls > before) {
      waits.push(waited + 25);
      waited = -25;
    }
  }

  expect(waits).toEqual([50, 100, 200, 400, 800, 1_600, 2_500, 2_500, 2_500, 2_500]);
  expect(lab.log.texts).toHaveLength(10);
  expect(lab.log.said[0]).toMatchObject({
    level: 'error',
    text: 'cannot take deliveries, trying again in 50 ms',
    data: { agent: 'worker', error: { code: 'BACKEND_UNAVAILABLE', message: 'no route to host' } },
  });
});

test('when the history that a message asks for cannot be read, it is delivered later, and no attempt is counted', async () => {
  await using lab = new Lab({ clock: new ManualClock() });
  const { agent, handled } = worker();
  let failures = 2;
  const backend = changed(lab, 'read', async (query) => {
    if ('references' in query.where && failures-- > 0) throw new BackendUnavailableError('no route to host');
    return lab.backend.read(query);
  });
  const asker = defineAgent({
    name: 'asker',
    entry: import.meta.url,
    subscribes: ['start'],
    publishes: ['a'],
    handlers: (on) => [
      on.any((payload, context) => context.publish('a', genericJson, payload, { enrichWithHistory: 1 })),
    ],
  });
  const running = await lab.start([agent, asker], { backend: () => backend });

  await running.publish('start', genericJson, 1);
  await turns();
  expect(handled).toEqual([]);
  await lab.clock.advance(1_000);
  await lab.clock.advance(999);
  expect(handled).toEqual([]);
  await lab.clock.advance(1);

  expect(handled).toEqual([[1, 1]]);
  expect(lab.log.texts).toEqual(Array(2).fill(expect.stringMatching(/^error: .*, trying again$/)));
  expect(await deadLettersOf(running, 'worker')).toEqual([]);
});
