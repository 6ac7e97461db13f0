import { type Context, defineAgent, genericJson, type Json } from 'guildwire';
import type { Middleware } from 'guildwire/middleware';
import { expect, test } from 'vitest';
import { atOnce, deadLettersOf, Lab } from './lab.ts';

type Free = Context<string, typeof genericJson>;

/** What one attempt came to: how often `act` went well, the code of what it then threw, and what was committed. */
async function until(
  act: (context: Free, n: number) => void,
): Promise<{ done: number; code: unknown; stored: Json[] }> {
  await using lab = new Lab();
  const seen = { done: 0, code: undefined as unknown };
  const agent = defineAgent({
    name: 'worker',
    entry: import.meta.url,
    subscribes: ['a'],
    publishes: ['out', 'copy'] as string[],
    state: genericJson,
    retry: atOnce(1),
    handlers: (on) => [
      on.any((_, context) => {
        try {
          for (; seen.done < 5_000; seen.done++) act(context, seen.done);
        } catch (error) {
          seen.code = (error as { code?: unknown }).code;
        }
      }),
    ],
  });
  const running = await lab.start([agent]);
  await running.publish('a', genericJson, 1);
  await lab.clock.quiet();
  expect(await deadLettersOf(running, 'worker')).toEqual([]);
  const { items } = await running.read({ topic: 'out', limit: 1_000 });
  return { ...seen, stored: items.map(({ payload }) => payload) };
}

const code = 'TOO_MANY_OUTPUTS';

test('a message counts once for each of its topics and once for its key, and what is refused leaves the rest as it was', async () => {
  const copies = await until((context, n) => context.publish(['out', 'copy'], genericJson, n));
  const keyed = await until((context, n) => context.publish('out', genericJson, n, { idempotencyKey: `${n}` }));

  expect(copies).toEqual({ done: 500, code, stored: expect.objectContaining({ length: 500 }) });
  expect(keyed).toEqual({ done: 500, code, stored: expect.objectContaining({ length: 500 }) });
});

test('state counts with what is published: each key once, and once more beyond 32 KB', async () => {
  const small = await until(({ state }, n) => state.set(`${n}`, 'x'.repeat(32 * 1024 - 2)));
  const large = await until(({ state }, n) => state.set(`${n}`, 'x'.repeat(32 * 1024 - 1)));
  const deleted = await until(({ state }, n) => state.delete(`${n}`));
  const both = await until((context, n) => {
    context.state.set(`${n}`, n);
    context.publish('out', genericJson, n);
  });

  expect([small, large, deleted].map(({ done }) => done)).toEqual([1_000, 500, 1_000]);
  expect(both).toEqual({ done: 500, code, stored: expect.objectContaining({ length: 500 }) });
});

test('state that is written again counts as it is in the end', async () => {
  const { done, stored } = await until((context, n) => {
    const { state } = context;
    state.set('k', 'x'.repeat(n % 2 === 0 ? 60_000 : 1));
    if (n === 3_000) state.delete('k');
    if (n > 4_000) context.publish('out', genericJson, n);
  });

  expect(done).toBe(5_000);
  expect(stored).toHaveLength(999);
});

test('what a run decided that middleware tries again does not count, and what was adopted does', async () => {
  await using lab = new Lab();
  const retries: Middleware = { handle: (_, next) => next().catch(() => next()) };
  let runs = 0;
  const refused: unknown[] = [];
  const agent = defineAgent({
    name: 'worker',
    entry: import.meta.url,
    subscribes: ['a'],
    publishes: ['out'],
    state: genericJson,
    use: [retries],
    retry: atOnce(1),
    handlers: (on) => [
      on.any((_, context) => {
        runs++;
        context.state.set('k', runs);
        for (let n = 0; n < 600; n++) context.publish('out', genericJson, n);
        if (runs === 1) throw new Error('once more');
        try {
          for (let n = 600; ; n++) context.publish('out', genericJson, n);
        } catch (error) {
          refused.push((error as { code?: unknown }).code);
        }
      }),
    ],
  });
  const running = await lab.start([agent]);

  await running.publish('a', genericJson, 1);
  await lab.clock.quiet();

  expect([runs, refused]).toEqual([2, [code]]);
  expect((await running.read({ topic: 'out', limit: 1_000 })).items).toHaveLength(999);
});
