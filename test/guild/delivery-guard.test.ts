import { type Agent, type AgentOptions, defineAgent, genericJson, type Json } from 'guildwire';
import { describe, expect, test } from 'vitest';
import { atOnce, deadLettersOf, Lab } from './lab.ts';

/** An agent that keeps what it is given. */
function keeper(options: Partial<AgentOptions<'keeper', never, never>> = {}): {
  readonly agent: Agent;
  readonly handled: Json[];
} {
  const handled: Json[] = [];
  const agent = defineAgent({
    name: 'keeper',
    entry: import.meta.url,
    subscribes: ['a'],
    handlers: (on) => [on.any((payload) => void handled.push(payload))],
    ...options,
  });
  return { agent, handled };
}

test.each([
  [999, ['brief'], {}],
  [1_000, [], { expired: 1 }],
])('a message that expires in a second and waits %i ms for its agent', async (waitedMs, expected, dropped) => {
  await using lab = new Lab();
  const { agent, handled } = keeper();
  const first = await lab.start([agent]);
  await first.drain();
  await first.publish('a', genericJson, 'brief', { ttlMs: 1_000 });
  await lab.clock.advance(waitedMs);

  const next = await lab.start([agent]);
  await lab.clock.quiet();

  expect(handled).toEqual(expected);
  expect(await next.stats()).toMatchObject([{ waiting: 0, dead: 0, dropped }]);
});

test.each([
  [999, ['urgent'], []],
  [1_000, [], ['DEADLINE_EXCEEDED']],
])('a message whose deadline is in a second and that waits %i ms for its agent', async (waitedMs, expected, codes) => {
  await using lab = new Lab();
  const { agent, handled } = keeper();
  const first = await lab.start([agent]);
  await first.drain();
  await first.publish('a', genericJson, 'urgent', { deadlineAt: lab.clock.now() + 1_000 });
  await lab.clock.advance(waitedMs);

  const next = await lab.start([agent]);
  await lab.clock.quiet();

  expect(handled).toEqual(expected);
  const letters = await deadLettersOf(next, 'keeper');
  expect(letters.flatMap(({ errors }) => errors.map(({ code }) => code))).toEqual(codes);
});

describe('a budget halts what comes when it is spent', () => {
  test.each([
    [{ tokens: 100 }, { tokens: 50 }, 2],
    [{ tokens: 100 }, { tokens: 49 }, 3],
    [{ usd: 1 }, { usd: 0.5, tokens: 1e9 }, 2],
    [{ usd: 1, tokens: 10 }, { usd: 0.1, tokens: 10 }, 1],
  ])('of %j, of which each message spends %j: %i are handled', async (budget, spent, expected) => {
    await using lab = new Lab();
    let handled = 0;
    const agent = defineAgent({
      name: 'spender',
      entry: import.meta.url,
      subscribes: ['a'],
      concurrency: 1,
      handlers: (on) => [
        on.any((_, context) => {
          handled++;
          context.spend(spent);
          context.later(1_000, genericJson, 'more');
        }),
      ],
    });
    const running = await lab.start([agent]);

    await running.publish('a', genericJson, 1, { budget });
    await lab.clock.advance(10_000);

    expect(handled).toBe(expected);
    expect(await deadLettersOf(running, 'spender')).toMatchObject([
      { reason: 'budget', errors: [{ code: 'BUDGET_EXCEEDED' }] },
    ]);
  });
});

test('what was spent counts although the attempt failed, or lost a race over state and was run again', async () => {
  await using lab = new Lab();
  const runs: Json[] = [];
  const agent = defineAgent({
    name: 'spender',
    entry: import.meta.url,
    subscribes: ['a'],
    state: genericJson,
    retry: atOnce(2),
    handlers: (on) => [
      on.any(async (payload, context) => {
        runs.push(payload);
        context.spend({ tokens: 10 });
        if (payload === 'fails' && context.attempt === 1) throw new Error('not yet');
        const count = Number((await context.state.get('k')) ?? 0);
        if (payload === 'slow' && count === 0) await context.sleep(1_000);
        context.state.set('k', count + 1);
        if (payload === 'slow') context.later(1_000, genericJson, 'last');
      }),
    ],
  });
  const running = await lab.start([agent]);

  await running.publish('a', genericJson, 'slow', { budget: { tokens: 20 } });
  await lab.clock.quiet();
  await running.publish('a', genericJson, 'fast');
  await running.publish('a', genericJson, 'fails', { budget: { tokens: 20 } });
  await lab.clock.advance(10_000);

  expect(runs).toEqual(['slow', 'fast', 'fails', 'fails', 'slow']);
  const letters = await deadLettersOf(running, 'spender');
  expect(letters.map(({ reason, original }) => [reason, original?.payload])).toEqual([['budget', 'last']]);
});

test('what waits for an agent that no longer follows the topic is dropped, and counted', async () => {
  await using lab = new Lab();
  const { agent } = keeper();
  const first = await lab.start([agent]);
  await first.drain();
  await first.publish('a', genericJson, 'for the old one');

  const { agent: changed, handled } = keeper({ subscribes: ['b'] });
  const next = await lab.start([changed]);
  await next.publish('b', genericJson, 'for the new one');
  await lab.clock.quiet();

  expect(handled).toEqual(['for the new one']);
  expect(await next.stats()).toMatchObject([{ waiting: 0, dead: 0, dropped: { filtered: 1 } }]);
});

test('who watches dead letters, and who watches those that fail at that, see what went too far', async () => {
  await using lab = new Lab();
  const failing = (name: string, subscribes: string[]) =>
    defineAgent({
      name,
      entry: import.meta.url,
      subscribes,
      retry: atOnce(1),
      handlers: (on) => [
        on.any(() => {
          throw new Error('as always');
        }),
      ],
    });
  const walker = defineAgent({
    name: 'walker',
    entry: import.meta.url,
    subscribes: ['a'],
    handlers: (on) => [on.any((_, context) => context.later(0, genericJson, 1))],
  });
  const { agent: last, handled } = keeper({ subscribes: ['$errors'] });
  const running = await lab.start([walker, failing('watcher', ['$dead.walker']), last], { maxHops: 2 });

  await running.publish('a', genericJson, 1);
  await lab.clock.advance(10_000);

  expect(await deadLettersOf(running, 'walker')).toMatchObject([{ reason: 'hops', original: { hops: 3 } }]);
  expect(handled).toMatchObject([{ agent: 'watcher', reason: 'failed' }]);
});
