import { type Agent, defineAgent, genericJson } from 'guildwire';
import { expect, test } from 'vitest';
import { gate, Lab, ManualClock, turns } from './lab.ts';

interface Work {
  readonly started: unknown[];
  readonly finished: unknown[];
  readonly agent: Agent;
}

/** An agent that works until `opened`, one delivery at a time. */
function worker(opened: Promise<void>, options: Partial<Agent> = {}): Work {
  const started: unknown[] = [];
  const finished: unknown[] = [];
  const agent = defineAgent({
    name: 'worker',
    entry: import.meta.url,
    subscribes: ['a'],
    publishes: ['out'],
    concurrency: 1,
    handlers: (on) => [
      on.any(async (payload, context) => {
        started.push(payload);
        context.publish('out', genericJson, payload);
        await opened;
        finished.push(payload);
      }),
    ],
  });
  return { started, finished, agent: { ...agent, ...options } };
}

const { opened: never } = gate();

test('drain takes nothing new, lets what runs finish, and leaves the rest where it is', async () => {
  await using lab = new Lab({ clock: new ManualClock() });
  const { opened, open } = gate();
  const { agent, started, finished } = worker(opened);
  const running = await lab.start([agent]);
  for (const n of [1, 2, 3]) await running.publish('a', genericJson, n);
  await turns();

  const drained = running.drain();
  await running.publish('a', genericJson, 4);
  await turns();
  open();
  await drained;

  expect([started, finished]).toEqual([[1], [1]]);
  expect((await running.read({ topic: 'out' })).items.map(({ payload }) => payload)).toEqual([1]);
  expect(await running.stats()).toMatchObject([{ agent: 'worker', waiting: 3 }]);
});

test('drain hands a delivery back at the deadline, uncounted, and another instance gets it', async () => {
  await using lab = new Lab({ clock: new ManualClock() });
  const stuck = worker(never);
  const running = await lab.start([stuck.agent]);
  await running.publish('a', genericJson, 1);
  await turns();
  const attempts: number[] = [];
  const next = defineAgent({
    name: 'worker',
    entry: import.meta.url,
    subscribes: ['a'],
    handlers: (on) => [on.any((_, { attempt }) => void attempts.push(attempt))],
  });
  const other = await lab.start([next]);

  const drained = running.drain(5_000);
  await lab.clock.advance(4_999);
  expect(attempts).toEqual([]);
  await lab.clock.advance(1);
  await drained;
  await turns();

  expect(attempts).toEqual([1]);
  expect(await other.stats()).toMatchObject([{ waiting: 0, dead: 0 }]);
  expect((await other.read({ topic: 'out' })).items).toEqual([]);
});

test('a handler that goes on after the deadline finds its signal aborted, and can publish nothing', async () => {
  await using lab = new Lab({ clock: new ManualClock() });
  const { opened, open } = gate();
  const found: string[] = [];
  const agent = defineAgent({
    name: 'worker',
    entry: import.meta.url,
    subscribes: ['a'],
    publishes: ['out'],
    handlers: (on) => [
      on.any(async (_, context) => {
        context.signal.addEventListener('abort', () => found.push(String(context.signal.reason)));
        await opened;
        try {
          context.publish('out', genericJson, 'too late');
        } catch (error) {
          found.push((error as Error).name);
        }
      }),
    ],
  });
  const running = await lab.start([agent]);
  await running.publish('a', genericJson, 1);
  await turns();

  const drained = running.drain(0);
  await lab.clock.advance(0);
  await drained;
  open();
  await turns();

  expect(found).toEqual(['Postponed: the guild stops', 'AttemptEndedError']);
  expect((await running.read({ topic: 'out' })).items).toEqual([]);
});

test('what was taken when the drain began is handled or handed back before it ends, and nothing is lost', async () => {
  await using lab = new Lab({ clock: new ManualClock() });
  const handled: unknown[] = [];
  let afterDrain = 0;
  let isDrained = false;
  const agent = defineAgent({
    name: 'busy',
    entry: import.meta.url,
    subscribes: ['a'],
    handlers: (on) => [
      on.any((payload) => {
        handled.push(payload);
        if (isDrained) afterDrain++;
        lab.clock.pass(20);
      }),
    ],
  });
  const running = await lab.start([agent]);
  await Promise.all(Array.from({ length: 30 }, (_, n) => running.publish('a', genericJson, n)));
  await turns(2);

  const before = handled.length;
  await running.drain();
  isDrained = true;
  const [stats] = await running.stats();
  await turns(10);

  expect(before).toBeLessThan(10);
  expect(afterDrain).toBe(0);
  expect(handled.length + Number(stats?.waiting)).toBe(30);
});

test('drained twice, also at once, it is drained once', async () => {
  await using lab = new Lab({ clock: new ManualClock() });
  const { opened, open } = gate();
  const { agent, finished } = worker(opened);
  const running = await lab.start([agent]);
  await running.publish('a', genericJson, 1);
  await turns();

  const both = Promise.all([running.drain(), running.drain(0)]);
  open();
  await both;
  await running.drain();

  expect(finished).toEqual([1]);
});

test('a guild that has nothing to do is drained at once, and can still publish and read', async () => {
  await using lab = new Lab({ clock: new ManualClock() });
  const { agent, started } = worker(never);
  const running = await lab.start([agent]);

  await running.drain();
  const id = await running.publish('a', genericJson, 1);
  await turns();

  expect((await running.get([{ topic: 'a', id }])).map(({ payload }) => payload)).toEqual([1]);
  expect(started).toEqual([]);
});

test('disposing of a guild lets what runs finish before its backend is closed', async () => {
  await using lab = new Lab({ clock: new ManualClock() });
  const { opened, open } = gate();
  const { agent, finished } = worker(opened);
  const closedAfter: unknown[] = [];
  const running = await lab.start([agent], {
    backend: () =>
      new Proxy(lab.backend, {
        get(target, property) {
          if (property === Symbol.asyncDispose) return async () => void closedAfter.push(...finished);
          const value: unknown = Reflect.get(target, property, target);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      }),
  });
  await running.publish('a', genericJson, 1);
  await turns();

  const disposed = running[Symbol.asyncDispose]();
  await turns();
  expect(closedAfter).toEqual([]);
  open();
  await disposed;

  expect(closedAfter).toEqual([1]);
});
