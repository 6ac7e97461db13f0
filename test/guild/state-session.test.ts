import { type Backend, type Context, defineAgent, defineFormat, genericJson, type Json } from 'guildwire';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { atOnce, borrowed, deadLettersOf, gate, Lab, turns } from './lab.ts';

type WithState = Context<string, typeof genericJson>;

/** Has one handler after the other run with state of its own agent; what they returned. */
async function inTurn(lab: Lab, acts: readonly ((context: WithState) => unknown)[]): Promise<readonly unknown[]> {
  const returned: unknown[] = [];
  const agent = defineAgent({
    name: 'keeper',
    entry: import.meta.url,
    subscribes: ['a'],
    publishes: ['out'] as string[],
    state: genericJson,
    retry: atOnce(1),
    handlers: (on) => [
      on.any(async (index, context) => {
        returned.push(await acts[Number(index)]?.(context));
      }),
    ],
  });
  const running = await lab.start([agent]);
  for (const index of acts.keys()) {
    await running.publish('a', genericJson, index);
    await lab.clock.quiet();
  }
  return returned;
}

const errorOf = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    return (error as Error).message;
  }
  return 'none';
};

test('an attempt reads what it wrote, and what others committed before', async () => {
  await using lab = new Lab();

  const read = await inTurn(lab, [
    async ({ state }) => {
      state.set('k', { n: 1 });
      return [await state.get('k'), await state.get('other')];
    },
    async ({ state }) => {
      const before = await state.get('k');
      state.delete('k');
      const between = await state.get('k');
      state.set('k', null);
      return [before, between, await state.get('k')];
    },
    ({ state }) => state.get('k'),
  ]);

  expect(read).toEqual([[{ n: 1 }, undefined], [{ n: 1 }, undefined, null], null]);
});

test('reading one key many times at once, while it is written, gives what was written', async () => {
  await using lab = new Lab();

  const read = await inTurn(lab, [
    ({ state }) => state.set('k', 'stored'),
    async ({ state }) => {
      const first = [state.get('k'), state.get('k')];
      state.set('k', 'written');
      return Promise.all([...first, state.get('k')]);
    },
    ({ state }) => state.get('k'),
  ]);

  expect(read.slice(1)).toEqual([['written', 'written', 'written'], 'written']);
});

test('keys that are asked for at once are read in one call, and each key once', async () => {
  await using lab = new Lab();
  const asked: (readonly string[])[] = [];
  const state: Backend['state'] = (namespace, name, keys) => {
    asked.push(keys);
    return lab.backend.state(namespace, name, keys);
  };
  const backend: Backend = new Proxy(borrowed(lab.backend), {
    get: (target, property) => (property === 'state' ? state : Reflect.get(target, property)),
  });
  const read: unknown[] = [];
  const agent = defineAgent({
    name: 'keeper',
    entry: import.meta.url,
    subscribes: ['a'],
    state: genericJson,
    handlers: (on) => [
      on.any(async (_, { state }) => {
        read.push(await Promise.all(['k', 'l', 'k'].map((key) => state.get(key))));
        read.push(await Promise.all([state.get('l'), state.get('m')]));
        for (const key of ['k', 'l', 'm']) state.set(key, key);
      }),
    ],
  });
  const running = await lab.start([agent], { backend: () => backend });

  for (const n of [1, 2]) {
    await running.publish('a', genericJson, n);
    await lab.clock.quiet();
  }

  expect(asked).toEqual([['k', 'l'], ['m'], ['k', 'l'], ['m']]);
  expect(read.slice(2)).toEqual([
    ['k', 'l', 'k'],
    ['l', 'm'],
  ]);
});

test('what is set is copied, and cannot be changed afterwards', async () => {
  await using lab = new Lab();
  const value = { list: [1] };

  const read = await inTurn(lab, [
    ({ state }) => {
      state.set('k', value);
      value.list.push(2);
      return state.get('k');
    },
    ({ state }) => state.get('k'),
  ]);

  expect(read).toEqual([{ list: [1] }, { list: [1] }]);
});

test('a key is text of 1 to 512 characters, like any other text', async () => {
  await using lab = new Lab();
  const keys = ['', 'k'.repeat(513), 7, null, undefined] as string[];

  const [refused, kept] = await inTurn(lab, [
    ({ state }) => keys.flatMap((key) => [errorOf(() => state.set(key, 1)), errorOf(() => state.delete(key))]),
    async ({ state }) => {
      for (const key of ['k'.repeat(512), '__proto__', 'a/b:c#d', '🗝']) state.set(key, key);
      return Promise.all(['__proto__', 'constructor', '🗝'].map((key) => state.get(key)));
    },
  ]);

  expect(refused).toEqual(
    keys.flatMap(() =>
      Array(2).fill(expect.stringMatching(/^key: got .+: a state key is text of 1 to 512 characters$/s)),
    ),
  );
  expect(kept).toEqual(['__proto__', undefined, '🗝']);
});

test('a value that does not fit the format of the state is refused when it is set, and nothing is kept', async () => {
  await using lab = new Lab();
  const Tally = defineFormat('tally', z.object({ count: z.int() }));
  const agent = defineAgent({
    name: 'keeper',
    entry: import.meta.url,
    subscribes: ['a'],
    state: Tally,
    retry: atOnce(1),
    handlers: (on) => [
      on.any(async (payload, { state }) => {
        state.set('good', { count: 1 });
        state.set('bad', payload as never);
      }),
    ],
  });
  const running = await lab.start([agent]);

  await running.publish('a', genericJson, { count: 'many' });
  await lab.clock.quiet();

  const [letter] = await deadLettersOf(running, 'keeper');
  expect(letter?.errors[0]).toMatchObject({ code: 'PAYLOAD_INVALID' });
  expect(letter?.errors[0]?.message).toContain('payload does not fit format "tally": payload.count: ');
  expect(await lab.backend.state('default', 'keeper', ['good'])).toEqual([{ value: undefined, version: 0 }]);
});

test('the transforms of the format run when state is read', async () => {
  await using lab = new Lab();
  const Seen = defineFormat('seen', z.object({ at: z.iso.datetime().transform((text) => new Date(text)) }));
  const read: unknown[] = [];
  const agent = defineAgent({
    name: 'keeper',
    entry: import.meta.url,
    subscribes: ['a'],
    concurrency: 1,
    state: Seen,
    handlers: (on) => [
      on.any(async (_, { state }) => {
        read.push(await state.get('k'));
        state.set('k', { at: '2026-01-01T00:00:00Z' });
        read.push(await state.get('k'));
      }),
    ],
  });
  const running = await lab.start([agent]);

  for (const n of [1, 2]) await running.publish('a', genericJson, n);
  await lab.clock.quiet();

  const date = { at: new Date('2026-01-01T00:00:00Z') };
  expect(read).toEqual([undefined, date, date, date]);
});

test('two attempts that write one key unread both take effect, the later one last', async () => {
  await using lab = new Lab();
  const { opened, open } = gate();
  const order: Json[] = [];
  const agent = defineAgent({
    name: 'keeper',
    entry: import.meta.url,
    subscribes: ['a'],
    state: genericJson,
    handlers: (on) => [
      on.any(async (payload, { state }) => {
        order.push(payload);
        state.set('k', payload);
        if (payload === 'slow') await opened;
      }),
    ],
  });
  const running = await lab.start([agent]);

  await running.publish('a', genericJson, 'slow');
  await turns();
  await running.publish('a', genericJson, 'fast');
  await turns();
  open();
  await lab.clock.quiet();

  expect(order).toEqual(['slow', 'fast']);
  expect(await lab.backend.state('default', 'keeper', ['k'])).toMatchObject([{ value: 'slow' }]);
  expect(lab.log.said).toEqual([]);
});

test('an attempt that only reads is not run again when what it read was changed', async () => {
  await using lab = new Lab();
  const { opened, open } = gate();
  const read: unknown[] = [];
  const agent = defineAgent({
    name: 'keeper',
    entry: import.meta.url,
    subscribes: ['a'],
    state: genericJson,
    handlers: (on) => [
      on.any(async (payload, { state }) => {
        if (payload === 'write') return state.set('k', 1);
        read.push((await state.get('k')) ?? null);
        await opened;
      }),
    ],
  });
  const running = await lab.start([agent]);

  await running.publish('a', genericJson, 'read');
  await turns();
  await running.publish('a', genericJson, 'write');
  await turns();
  open();
  await lab.clock.quiet();

  expect(read).toEqual([null]);
});
