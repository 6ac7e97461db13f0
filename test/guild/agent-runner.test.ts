import { type Backend, defineAgent, defineFormat, genericJson, RetryLater } from 'guildwire';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { subscriptionOf } from '../../lib/guild/subscription-of.ts';
import { borrowed, Lab, turns } from './lab.ts';

const Task = defineFormat('task', z.object({ n: z.int().default(7) }));

test('each format goes to its handler, decoded, and the rest to the one for any', async () => {
  await using lab = new Lab();
  const handled: unknown[] = [];
  const agent = defineAgent({
    name: 'sorter',
    entry: import.meta.url,
    subscribes: ['a'],
    concurrency: 1,
    handlers: (on) => [
      on.any((payload) => void handled.push(['any', payload])),
      on(Task, (task) => void handled.push(['task', task])),
    ],
  });
  const running = await lab.start([agent]);

  await running.publish('a', genericJson, { n: 1 });
  await running.publish('a', Task, {});
  await lab.clock.quiet();

  expect(handled).toEqual([
    ['any', { n: 1 }],
    ['task', { n: 7 }],
  ]);
});

test('every handler owns the payload that its format gives', async () => {
  await using lab = new Lab();
  const seen: unknown[] = [];
  const greedy = (name: string) =>
    defineAgent({
      name,
      entry: import.meta.url,
      subscribes: ['a'],
      handlers: (on) => [
        on(Task, (task) => {
          task.n += 1;
          seen.push(task);
        }),
      ],
    });
  const running = await lab.start([greedy('one'), greedy('other')]);

  await running.publish('a', Task, { n: 1 });
  await lab.clock.quiet();

  expect(seen).toEqual([{ n: 2 }, { n: 2 }]);
});

test('no more deliveries run at once than the agent says, and one begins as soon as one ends', async () => {
  await using lab = new Lab();
  const waiting: (() => void)[] = [];
  let most = 0;
  const agent = defineAgent({
    name: 'worker',
    entry: import.meta.url,
    subscribes: ['a'],
    concurrency: 3,
    handlers: (on) => [
      on.any(() => {
        const { promise, resolve } = Promise.withResolvers<void>();
        waiting.push(resolve);
        most = Math.max(most, waiting.length);
        return promise;
      }),
    ],
  });
  const running = await lab.start([agent]);
  for (let n = 0; n < 8; n++) await running.publish('a', genericJson, n);
  await turns();

  const counts: number[] = [];
  for (let ended = 0; ended < 8; ended++) {
    counts.push(waiting.length);
    waiting.shift()?.();
    await turns();
  }

  expect(counts).toEqual([3, 3, 3, 3, 3, 3, 2, 1]);
  expect(most).toBe(3);
});

test('a retry waits no longer than the backend can hold it', async () => {
  await using lab = new Lab();
  let attempts = 0;
  const agent = defineAgent({
    name: 'patient',
    entry: import.meta.url,
    subscribes: ['a'],
    handlers: (on) => [
      on.any(() => {
        if (++attempts === 1) throw new RetryLater(3_600_000);
      }),
    ],
  });
  const limited = new Proxy<Backend>(borrowed(lab.backend), {
    get: (target, property) =>
      property === 'features' ? { ...lab.backend.features, maxDelayMs: 900_000 } : Reflect.get(target, property),
  });
  const running = await lab.start([agent], { backend: () => limited });

  await running.publish('a', genericJson, 1);
  await lab.clock.advance(899_999);
  expect(attempts).toBe(1);
  await lab.clock.advance(1);

  expect(attempts).toBe(2);
  expect(lab.log.texts).toEqual(['warn: attempt 1 of 5 failed, again in 900000 ms']);
});

test('an agent follows what it declares, its inbox, and what it sends to itself, each once', () => {
  const agent = defineAgent({
    name: 'worker',
    entry: import.meta.url,
    subscribes: ['a', '$inbox.worker', 'a'],
    onlyWhenTagged: true,
    ordering: 'key',
    from: 'beginning',
    handlers: (on) => [on.any(() => {})],
  });

  expect(subscriptionOf(agent, 'n')).toEqual({
    namespace: 'n',
    agent: 'worker',
    patterns: ['a', '$inbox.worker', '$self.worker'],
    onlyWhenTagged: true,
    ordering: 'key',
    guarantee: 'at-least-once',
    from: 'beginning',
  });
});

test.each([Number.NaN, -1, Number.POSITIVE_INFINITY, undefined])(
  'a retry after %s ms, which is no time, waits as the policy says',
  async (delayMs) => {
    await using lab = new Lab();
    const agent = defineAgent({
      ...{ name: 'hasty', entry: import.meta.url, subscribes: ['a'], retry: { attempts: 2, baseMs: 1_000 } },
      handlers: (on) => [
        on.any(() => {
          throw new RetryLater(delayMs as number);
        }),
      ],
    });
    const running = await lab.start([agent], { random: () => 0.5 });

    await running.publish('a', genericJson, 1);
    await lab.clock.quiet();

    expect(lab.log.texts).toEqual(['warn: attempt 1 of 2 failed, again in 500 ms']);
  },
);
