import { defineAgent, defineFormat, type GemstoneId, openBus, RetryLater } from 'guildwire';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { Lab } from '../guild/lab.ts';

const Text = defineFormat('text', z.object({ text: z.string() }));

/** Says again what it hears, under its own name. */
const echo = (name: string, from: 'now' | 'beginning') =>
  defineAgent({
    ...{ name, entry: import.meta.url, subscribes: ['said'], publishes: ['echoed'], from },
    handlers: (on) => [on(Text, (_, context) => context.publish('echoed', Text, { text: name }))],
  });

class History extends Lab {
  readonly bus = openBus(this.backend, { sender: 'user:test', clock: this.clock });

  say(): Promise<GemstoneId> {
    return this.bus.publish('said', Text, { text: 'hello' });
  }

  /** Who answered, in alphabetical order. */
  async echoes(thread: GemstoneId): Promise<readonly string[]> {
    const { items } = await this.bus.read({ thread });
    return items
      .filter(({ topic }) => topic === 'echoed')
      .map(({ sender }) => sender.id)
      .toSorted();
  }

  settled(root: GemstoneId) {
    return this.clock.runUntil(this.bus.settled(root));
  }
}

describe('a root that several agents get late', () => {
  test('has one thread with what all of them said, if they begin in the past', async () => {
    await using lab = new History();
    const root = await lab.say();
    await lab.start([echo('first', 'beginning'), echo('second', 'beginning')]);
    await lab.clock.quiet();

    expect(await lab.echoes(root)).toEqual(['first', 'second']);
    expect(await lab.settled(root)).toMatchObject({ handled: 2 });
  });

  test('has one thread with what all of them said, if it is replayed to each', async () => {
    await using lab = new History();
    const root = await lab.say();
    const running = await lab.start([echo('first', 'now'), echo('second', 'now')]);
    for (const agent of ['first', 'second']) await running.pause(agent);
    for (const agent of ['first', 'second']) {
      const plan = await running.plan({ action: 'replay', agent, messages: { topic: 'said' } });
      await running.runPlan(plan.id);
    }
    for (const agent of ['first', 'second']) await running.resume(agent);
    await lab.clock.quiet();

    expect(await lab.echoes(root)).toEqual(['first', 'second']);
    expect(await lab.settled(root)).toMatchObject({ handled: 2 });
  });

  test('shares its thread with an agent that still has it from before, and is settled when both are done', async () => {
    await using lab = new History();
    const running = await lab.start([echo('first', 'now')]);
    await running.pause('first');
    const root = await lab.say();
    await lab.start([echo('second', 'beginning')]);
    await lab.clock.quiet();
    const { waiting } = await lab.backend.progress('default', root, { waitMs: 0, timers: true });
    await running.resume('first');
    await lab.clock.quiet();

    expect(waiting).toBe(1);
    expect(await lab.echoes(root)).toEqual(['first', 'second']);
    expect(await lab.settled(root)).toMatchObject({ handled: 2 });
  });

  test('counts what was done with it before', async () => {
    await using lab = new History();
    const silent = defineAgent({
      ...{ name: 'silent', entry: import.meta.url, subscribes: ['said'] },
      handlers: (on) => [on(Text, () => {})],
    });
    await lab.start([silent]);
    const root = await lab.say();
    await lab.clock.quiet();
    await lab.start([echo('late', 'beginning')]);
    await lab.clock.quiet();

    expect(await lab.settled(root)).toMatchObject({ handled: 2 });
  });
});

test('what was spent on a root is known after somebody asked whether it is settled', async () => {
  await using lab = new History();
  let attempts = 0;
  const spender = defineAgent({
    ...{ name: 'spender', entry: import.meta.url, subscribes: ['said'] },
    handlers: (on) => [
      on(Text, (_, context) => {
        attempts++;
        context.spend({ usd: 1 });
        throw new RetryLater(1_000);
      }),
    ],
  });
  const running = await lab.start([spender]);
  const root = await running.publish('said', Text, { text: 'hello' }, { budget: { usd: 1 } });
  await lab.clock.quiet();

  expect(await lab.settled(root)).toMatchObject({ halted: 1, failed: 0 });
  expect(attempts).toBe(1);
});
