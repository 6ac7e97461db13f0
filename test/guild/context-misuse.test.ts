import { AttemptEndedError, type Context, defineAgent, defineFormat, genericJson } from 'guildwire';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { type Act, clumsy, handleBoth } from './clumsy.ts';
import { atOnce, deadLettersOf, gate, Lab, ManualClock, turns } from './lab.ts';

const Result = defineFormat('result', z.object({ count: z.int() }));

describe('a handler that publishes what it must not', () => {
  test.each<[string, Act, string]>([
    [
      'to a topic that it does not declare',
      (context) => context.publish('elsewhere', genericJson, 1),
      'message refused: topics: got "elsewhere": agent "clumsy" publishes out; add it to `publishes` in its definition',
    ],
    [
      'to a topic of the platform',
      (context) => context.publish('$dead.clumsy', genericJson, 1),
      'message refused: topics: got "$dead.clumsy": only the platform publishes there; agents are reached at $inbox.<agent>',
    ],
    [
      'with a payload that does not fit',
      (context) => context.publish('out', Result, { count: 'many' } as never),
      'message refused: payload.count: Invalid input: expected number, received string',
    ],
    [
      'with a payload that is no JSON, in a format that is none',
      (context) => context.publish('out', undefined as never, 1 as never),
      'message refused: format: got undefined: pass what defineFormat gave, or genericJson',
    ],
  ])('%s is told so at the call, and fails', async (_, act, message) => {
    await using lab = new Lab({ clock: new ManualClock() });
    const { agent, handled } = clumsy((context) => {
      context.publish('out', genericJson, 'before');
      act(context);
    });
    const running = await lab.start([agent]);

    await handleBoth(running);

    expect(handled).toEqual(['good']);
    const [letter] = await deadLettersOf(running, 'clumsy');
    expect(letter?.errors).toEqual([
      expect.objectContaining({ code: 'INVALID_MESSAGE', name: 'InvalidMessageError', retryable: false }),
    ]);
    expect(letter?.errors[0]?.message).toBe(message);
    expect(lab.log.texts).toEqual(['error: attempt 1 of 1 failed, now a dead letter']);
    expect((await running.read({ topic: 'out' })).items).toEqual([]);
  });

  test('in a format that the topic does not take is told which it takes', async () => {
    await using lab = new Lab({ clock: new ManualClock() });
    const { agent } = clumsy((context) => context.publish('out', genericJson, 1));
    const running = await lab.start([agent], { topics: { out: { formats: [Result] } } });

    await handleBoth(running);

    const [letter] = await deadLettersOf(running, 'clumsy');
    expect(letter?.errors[0]?.message).toBe('message refused: format: got "generic_json": "out" takes result only');
  });
});

describe('a handler that uses its context after its end', () => {
  test.each<[string, Act]>([
    ['publish', (context) => context.publish('out', genericJson, 1)],
    ['reply', (context) => context.reply(genericJson, 1)],
    ['fail', (context) => context.fail('CODE', 'text')],
    ['forward', (context) => context.forward('out')],
    ['later', (context) => context.later(0, genericJson, 1)],
    ['publishNow', (context) => context.publishNow('out', genericJson, 1)],
    ['read', (context) => context.read({ topic: 'a' })],
    ['sleep', (context) => context.sleep(1)],
    ['state', (context) => context.state],
  ])('is told so by %s, and nothing comes of it', async (call, act) => {
    await using lab = new Lab({ clock: new ManualClock() });
    const { opened, open } = gate();
    const errors: unknown[] = [];
    const { agent, handled } = clumsy((context) => {
      opened.then(() => act(context)).catch((error: unknown) => errors.push(error));
    });
    const running = await lab.start([agent]);

    await handleBoth(running);
    open();
    await turns();

    expect(errors).toEqual([expect.any(AttemptEndedError)]);
    expect((errors[0] as Error).message).toBe(
      `agent "clumsy" called context.${call} after its attempt had ended: await all work before the handler returns`,
    );
    expect(handled).toEqual(['good']);
    expect((await running.read({ topic: 'out' })).items).toEqual([]);
    expect(await deadLettersOf(running, 'clumsy')).toEqual([]);
  });

  test('still reads what was delivered, and can say what it likes', async () => {
    await using lab = new Lab({ clock: new ManualClock() });
    const kept: Context<string>[] = [];
    const { agent } = clumsy((context) => void kept.push(context));
    const running = await lab.start([agent]);

    await handleBoth(running);
    kept[0]?.log.info('afterwards', { more: 1 });

    expect(kept.map(({ message, attempt }) => [message.payload, attempt])).toEqual([['bad', 1]]);
    expect(lab.log.said).toEqual([
      {
        level: 'info',
        text: 'afterwards',
        data: {
          agent: 'clumsy',
          namespace: 'default',
          message: `a/${kept[0]?.message.id}`,
          attempt: 1,
          more: 1,
        },
      },
    ]);
  });
});

test('state without a declaration is refused with what to add', async () => {
  await using lab = new Lab({ clock: new ManualClock() });
  const { agent } = clumsy((context) => context.state);
  const running = await lab.start([agent]);

  await handleBoth(running);

  const [letter] = await deadLettersOf(running, 'clumsy');
  expect(letter?.errors[0]).toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: 'state: agent "clumsy" declares no state: add `state: Format` to its definition',
  });
});

test('outputs of one attempt that use one idempotency key for two payloads fail it, and none is stored', async () => {
  await using lab = new Lab();
  const agent = defineAgent({
    name: 'twice',
    entry: import.meta.url,
    subscribes: ['a'],
    publishes: ['out'],
    retry: atOnce(1),
    handlers: (on) => [
      on.any((_, context) => {
        for (const payload of ['one', 'other']) context.publish('out', genericJson, payload, { idempotencyKey: 'k' });
      }),
    ],
  });
  const running = await lab.start([agent]);

  await running.publish('a', genericJson, 1);
  await lab.clock.quiet();

  const [letter] = await deadLettersOf(running, 'twice');
  expect(letter?.errors.map(({ code }) => code)).toEqual(['IDEMPOTENCY_CONFLICT']);
  expect((await running.read({ topic: 'out' })).items).toEqual([]);
});
