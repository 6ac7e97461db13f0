import { type AnyContext, defineAgent, defineFormat, defineGuild } from 'guildwire';
import { timeout } from 'guildwire/middleware';
import { testGuild } from 'guildwire/testing';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { gate, turns } from '../guild/lab.ts';

const Text = defineFormat('text', z.object({ text: z.string() }));

/** A guild of a handler that waits as told, and of one that works until the test lets it, and how much time passed for that. */
function waiterAndWorker(wait: (context: AnyContext) => Promise<unknown>, limitMs?: number) {
  const { opened, open } = gate();
  const worked: number[] = [];
  const waiter = defineAgent({
    ...{ name: 'waiter', entry: import.meta.url, subscribes: ['in'], retry: { attempts: 1 } },
    ...(limitMs !== undefined && { use: [timeout(limitMs)] }),
    handlers: (on) => [on(Text, async (_, context) => void (await wait(context)))],
  });
  const worker = defineAgent({
    ...{ name: 'worker', entry: import.meta.url, subscribes: ['work'], timeoutMs: 800_000 },
    handlers: (on) => [
      on(Text, async (_, context) => {
        const startedAt = context.now();
        await opened;
        worked.push(context.now() - startedAt);
      }),
    ],
  });
  return { guild: defineGuild({ name: 'pair', agents: [waiter, worker] }), open, worked };
}

const both = ['in', 'work'] as const;

test.each<[string, (context: AnyContext) => Promise<unknown>]>([
  ['waits for several things at once', ({ sleep }) => Promise.all([sleep(1_000), sleep(2_000), sleep(3_000)])],
  ['has ended though it waited', ({ sleep }) => Promise.race([sleep(500_000), Promise.resolve()])],
])('time stands still while a handler works, also beside one that %s', async (_, wait) => {
  const { guild, open, worked } = waiterAndWorker((context) =>
    wait({ ...context, sleep: (ms) => context.sleep(ms) } as AnyContext),
  );
  await using stage = await testGuild(guild);
  await stage.publish(both, Text, { text: 'go' });

  const moved = stage.clock.advance(10_000);
  await turns(20);
  open();
  await moved;

  expect(worked).toEqual([0]);
});

test('time stands still while a handler works, also beside one that was given up while it waited', async () => {
  const { guild, open, worked } = waiterAndWorker(
    (context) => Promise.all([context.sleep(500_000), context.sleep(600_000)]),
    1_000,
  );
  await using stage = await testGuild(guild);
  const { failed } = await stage.run('in', Text, { text: 'go' });
  await stage.publish('work', Text, { text: 'go' });

  const moved = stage.clock.advance(10_000);
  await turns(20);
  open();
  await moved;

  expect([failed, worked]).toEqual([1, [0]]);
});

test('time goes on while every handler waits, each for several things', async () => {
  const { guild, open } = waiterAndWorker((context) => Promise.all([context.sleep(1_000), context.sleep(2_000)]));
  open();
  await using stage = await testGuild(guild);

  expect(await stage.run(both, Text, { text: 'go' })).toMatchObject({ handled: 2, failed: 0 });
});
