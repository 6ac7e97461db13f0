import { type Backend, type Context, defineAgent, genericJson, type Settlement, StateConflictError } from 'guildwire';
import { expect, test } from 'vitest';
import { atOnce, borrowed, gate, Lab, turns } from './lab.ts';

type WithState = Context<string, typeof genericJson>;
type Handler = (name: string, context: WithState) => Promise<void>;

const agentOf = (handle: Handler) =>
  defineAgent({
    name: 'keeper',
    entry: import.meta.url,
    subscribes: ['a'],
    publishes: [] as string[],
    state: genericJson,
    concurrency: 10,
    timeoutMs: 300_000,
    retry: atOnce(1),
    handlers: (on) => [on.any((payload, context) => handle(String(payload), context))],
  });

/** Adds one to what lies under the key, with `between` after it was read. */
async function count({ state }: WithState, key: string, between?: () => Promise<unknown>): Promise<void> {
  const before = Number((await state.get(key)) ?? 0);
  await between?.();
  state.set(key, before + 1);
}

/** Resolves when so many have come. */
function meeting(size: number): () => Promise<void> {
  const { opened, open } = gate();
  let come = 0;
  return () => {
    if (++come === size) open();
    return opened;
  };
}

const stored = async (lab: Lab, ...keys: string[]) =>
  (await lab.backend.state('default', 'keeper', keys)).map(({ value }) => value);

test('of many that lose at one key one runs again after the other, so that none of them loses twice', async () => {
  await using lab = new Lab();
  const all = meeting(10);
  const runs: string[] = [];
  const running = await lab.start([
    agentOf((name, context) => {
      runs.push(name);
      return count(context, 'k', runs.length > 10 ? turns : all);
    }),
  ]);

  for (let n = 0; n < 10; n++) await running.publish('a', genericJson, `m${n}`);
  await lab.clock.quiet();

  expect(runs).toHaveLength(10 + 9);
  expect(await stored(lab, 'k')).toEqual([10]);
  expect(lab.log.said).toEqual([]);
});

test('those that lost at one key do not wait for those that lost at another', async () => {
  await using lab = new Lab();
  const all = meeting(6);
  const { opened, open } = gate();
  const runs: string[] = [];
  const running = await lab.start([
    agentOf((name, context) => {
      runs.push(name);
      const [key = ''] = name;
      if (runs.length <= 6) return count(context, key, all);
      return count(context, key, () => (key === 'x' ? opened : turns()));
    }),
  ]);

  for (const name of ['x1', 'x2', 'x3', 'y1', 'y2', 'y3']) await running.publish('a', genericJson, name);
  await turns(50);
  expect(runs.slice(6).map(([key]) => key)).toEqual(['x', 'y', 'y']);
  expect(await stored(lab, 'x', 'y')).toEqual([1, 3]);
  open();
  await lab.clock.quiet();

  expect(await stored(lab, 'x')).toEqual([3]);
});

/** A backend on which every attempt loses, until it is told otherwise. */
function contested(lab: Lab) {
  const at = { isContested: true };
  const settle = async (settlements: readonly Settlement[]) =>
    at.isContested
      ? settlements.map(() => ({ ok: false, error: new StateConflictError('keeper', 'k') }) as const)
      : lab.backend.settle(settlements);
  const backend: Backend = new Proxy(borrowed(lab.backend), {
    get: (target, property) => (property === 'settle' ? settle : Reflect.get(target, property)),
  });
  return { at, backend };
}

test('one that loses again and again waits longer each time, up to a second, and is never counted', async () => {
  await using lab = new Lab();
  const { at, backend } = contested(lab);
  const times: number[] = [];
  const agent = agentOf(async (_, context) => {
    times.push(context.now());
    expect(context.attempt).toBe(1);
    await count(context, 'k');
  });
  const running = await lab.start([agent], { backend: () => backend, random: () => 1 });

  await running.publish('a', genericJson, 'm');
  await lab.clock.advance(5_000);
  at.isContested = false;
  await lab.clock.advance(1_000);

  const waits = times.slice(1).map((time, index) => time - (times[index] ?? 0));
  expect(waits).toEqual([0, 50, 100, 200, 400, 800, 1_000, 1_000, 1_000, 1_000]);
  expect(await stored(lab, 'k')).toEqual([1]);
  expect(lab.log.said).toEqual([]);
});

test('whoever waits for its turn keeps its delivery, however long that takes', async () => {
  await using lab = new Lab();
  const all = meeting(3);
  const runs: string[] = [];
  const running = await lab.start([
    agentOf((name, context) => {
      runs.push(name);
      return count(context, 'k', runs.length > 3 ? () => context.sleep(100_000) : all);
    }),
  ]);

  for (const name of ['m1', 'm2', 'm3']) await running.publish('a', genericJson, name);
  await lab.clock.advance(250_000);

  expect(runs).toHaveLength(3 + 2);
  expect(await stored(lab, 'k')).toEqual([3]);
  expect(lab.log.said).toEqual([]);
});

test('one that somebody else has by now is let go of, and the next has its turn', async () => {
  await using lab = new Lab();
  const all = meeting(3);
  const runs: string[] = [];
  const extend: Backend['extend'] = async (leases, leaseMs) => {
    const kept = leases.filter(({ message }) => message?.payload !== 'lost');
    const outcomes = await lab.backend.extend(kept, leaseMs);
    return leases.map((lease) => outcomes[kept.indexOf(lease)] ?? { ok: false, error: new Error('gone') as never });
  };
  const backend: Backend = new Proxy(borrowed(lab.backend), {
    get: (target, property) => (property === 'extend' ? extend : Reflect.get(target, property)),
  });
  const agent = agentOf((name, context) => {
    runs.push(name);
    // The first one to settle wins.
    if (runs.length <= 3) return count(context, 'k', all);
    return count(context, 'k', () => context.sleep(15_000));
  });
  const running = await lab.start([agent], { backend: () => backend });

  for (const name of ['m1', 'm2', 'lost']) await running.publish('a', genericJson, name);
  await lab.clock.advance(20_000);

  expect(runs).toEqual(['m1', 'm2', 'lost', 'm2']);
  expect(lab.log.texts).toEqual(['warn: an attempt was not run again: gone']);
});

test('a drain hands back at its deadline what still waits for its turn', async () => {
  await using lab = new Lab();
  const all = meeting(3);
  const runs: string[] = [];
  const first = await lab.start([
    agentOf((name, context) => {
      runs.push(name);
      return count(context, 'k', runs.length > 3 ? () => context.sleep(100_000) : all);
    }),
  ]);
  for (const name of ['m1', 'm2', 'm3']) await first.publish('a', genericJson, name);
  await lab.clock.advance(1_000);
  expect(runs).toHaveLength(4);

  const drained = first.drain(0);
  await lab.clock.advance(0);
  await drained;
  await lab.start([agentOf((_, context) => count(context, 'k', turns))]);
  await lab.clock.quiet();

  expect(runs).toHaveLength(4);
  expect(await stored(lab, 'k')).toEqual([3]);
});

test('a drain does not wait for the time that one lets pass before it runs again', async () => {
  await using lab = new Lab();
  const { at, backend } = contested(lab);
  let runs = 0;
  const agent = agentOf((_, context) => {
    runs++;
    return count(context, 'k');
  });
  const first = await lab.start([agent], { backend: () => backend, random: () => 1 });
  await first.publish('a', genericJson, 'm');
  await lab.clock.quiet();
  expect(runs).toBe(2);
  at.isContested = false;

  const drained = first.drain(0);
  await lab.clock.advance(0);
  await drained;
  await lab.start([agent]);
  await lab.clock.quiet();

  expect(runs).toBe(3);
  expect(await stored(lab, 'k')).toEqual([1]);
});
