import { defineAgent, defineFormat, genericJson } from 'guildwire';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { type Act, clumsy, handleBoth } from './clumsy.ts';
import { atOnce, deadLettersOf, gate, Lab, ManualClock, turns } from './lab.ts';

const Result = defineFormat('result', z.object({ count: z.int() }));

const thrown = (value: unknown): Act => {
  return () => {
    throw value;
  };
};

describe('what a handler threw is kept in the dead letter, and the next delivery is handled', () => {
  test.each<[string, Act, object]>([
    [
      'an error',
      thrown(new RangeError('too much')),
      { code: 'HANDLER_FAILED', name: 'RangeError', message: 'too much' },
    ],
    [
      'an error with a code',
      thrown(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })),
      { code: 'ECONNREFUSED', name: 'Error', message: 'refused' },
    ],
    [
      'text',
      thrown('no luck'),
      { message: expect.stringMatching(/^threw "no luck", which is no Error: throw an Error/) },
    ],
    ['nothing', thrown(undefined), { message: expect.stringMatching(/^threw undefined, which is no Error/) }],
    ['null', thrown(null), { message: expect.stringMatching(/^threw null, which is no Error/) }],
    [
      'an object',
      thrown({ password: 's3cret' }),
      { message: expect.stringMatching(/^threw an object, which is no Error/) },
    ],
    [
      'a symbol',
      thrown(Symbol('sign')),
      { message: expect.stringMatching(/^threw Symbol\(sign\), which is no Error/) },
    ],
    ['an error, later', () => Promise.reject(new TypeError('later')), { name: 'TypeError', message: 'later' }],
    [
      'text, later',
      () => Promise.reject('later'),
      { message: expect.stringMatching(/^threw "later", which is no Error/) },
    ],
    ['nothing, later', () => Promise.reject(undefined), { message: expect.stringMatching(/^threw undefined/) }],
    [
      'an error, by something that is almost a promise',
      // biome-ignore lint/suspicious/noThenProperty: what old promise libraries return
      () => ({ then: (_: unknown, reject: (error: Error) => void) => reject(new Error('almost')) }),
      { name: 'Error', message: 'almost' },
    ],
  ])('%s', async (_, act, fault) => {
    await using lab = new Lab({ clock: new ManualClock() });
    const { agent, handled } = clumsy(act);
    const running = await lab.start([agent]);

    await handleBoth(running);

    expect(handled).toEqual(['good']);
    const [letter] = await deadLettersOf(running, 'clumsy');
    expect(letter).toMatchObject({ reason: 'failed', attempts: 1, original: { payload: 'bad' } });
    expect(letter?.errors).toEqual([expect.objectContaining({ code: 'HANDLER_FAILED', retryable: true, ...fault })]);
    expect(JSON.stringify(letter)).not.toContain('s3cret');
    expect(lab.log.said).toEqual([
      {
        level: 'error',
        text: 'attempt 1 of 1 failed, now a dead letter',
        data: { agent: 'clumsy', namespace: 'default', message: `a/${letter?.id}`, error: letter?.errors[0] },
      },
    ]);
  });

  test('and each attempt before is told with the time of the next', async () => {
    await using lab = new Lab({ clock: new ManualClock() });
    const { agent, handled } = clumsy(thrown('again'), { retry: { attempts: 3, baseMs: 1_000, maxMs: 1_500 } });
    const running = await lab.start([agent], { random: () => 0.5 });

    await handleBoth(running);
    await lab.clock.advance(499);
    expect(lab.log.texts).toEqual(['warn: attempt 1 of 3 failed, again in 500 ms']);
    await lab.clock.advance(1);
    await lab.clock.advance(750);
    await turns();

    expect(lab.log.texts.slice(1)).toEqual([
      'warn: attempt 2 of 3 failed, again in 750 ms',
      'error: attempt 3 of 3 failed, now a dead letter',
    ]);
    expect(handled).toEqual(['good']);
    expect((await deadLettersOf(running, 'clumsy'))[0]?.errors).toHaveLength(3);
  });
});

describe('a handler that never ends', () => {
  test('is given up at its time, its slot is free, and the delivery is tried again', async () => {
    await using lab = new Lab({ clock: new ManualClock() });
    const signals: AbortSignal[] = [];
    const act: Act = ({ signal }) => {
      signals.push(signal);
      return new Promise(() => {});
    };
    const { agent, handled } = clumsy(act, { timeoutMs: 5_000, retry: atOnce(2) });
    const running = await lab.start([agent]);

    await handleBoth(running);
    await lab.clock.advance(4_999);
    expect([signals.map(({ aborted }) => aborted), handled]).toEqual([[false], []]);
    await lab.clock.advance(1);
    await lab.clock.advance(5_000);
    await turns();

    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
    expect(handled).toEqual(['good']);
    const [letter] = await deadLettersOf(running, 'clumsy');
    expect(letter?.errors.map(({ code, name }) => [code, name])).toEqual([
      ['HANDLER_TIMEOUT', 'HandlerTimeoutError'],
      ['HANDLER_TIMEOUT', 'HandlerTimeoutError'],
    ]);
    expect(letter?.errors[0]?.message).toBe(
      'the handler of "clumsy" did not finish within 5000 ms: make it faster, or raise the agent\'s timeoutMs',
    );
    expect(lab.log.texts).toEqual([
      'warn: attempt 1 of 2 failed, again in 0 ms',
      'error: attempt 2 of 2 failed, now a dead letter',
    ]);
  });

  test('is given up at its own time, however many began before it', async () => {
    await using lab = new Lab({ clock: new ManualClock() });
    const signals: AbortSignal[] = [];
    const act: Act = ({ signal }) => {
      signals.push(signal);
      return new Promise(() => {});
    };
    const { agent } = clumsy(act, { timeoutMs: 5_000, concurrency: 3 });
    const running = await lab.start([agent]);
    const aborted = () => signals.map((signal) => signal.aborted);

    for (const waitMs of [1_000, 2_000, 1_999]) {
      await running.publish('a', genericJson, 'bad');
      await turns();
      await lab.clock.advance(waitMs);
    }
    expect(aborted()).toEqual([false, false, false]);
    await lab.clock.advance(1);
    expect(aborted()).toEqual([true, false, false]);
    await lab.clock.advance(1_000);
    expect(aborted()).toEqual([true, true, false]);
    await lab.clock.advance(2_000);

    expect(aborted()).toEqual([true, true, true]);
    expect(await deadLettersOf(running, 'clumsy')).toHaveLength(3);
  });

  test('keeps the slots of the others free', async () => {
    await using lab = new Lab({ clock: new ManualClock() });
    const { agent, handled } = clumsy(() => new Promise(() => {}), { timeoutMs: 5_000, concurrency: 2 });
    const running = await lab.start([agent]);

    for (let n = 0; n < 5; n++) await running.publish('a', genericJson, n);
    await handleBoth(running);

    expect(handled).toEqual([0, 1, 2, 3, 4, 'good']);
    await lab.clock.advance(5_000);
    expect(await deadLettersOf(running, 'clumsy')).toHaveLength(1);
  });

  test('and fails when nobody listens any more, which is nobody’s crash', async () => {
    await using lab = new Lab({ clock: new ManualClock() });
    const { opened, open } = gate();
    const { agent, handled } = clumsy(() => opened.then(() => Promise.reject(new Error('far too late'))), {
      timeoutMs: 5_000,
    });
    const running = await lab.start([agent]);

    await handleBoth(running);
    await lab.clock.advance(5_000);
    open();
    await turns();

    expect(handled).toEqual(['good']);
    const [letter] = await deadLettersOf(running, 'clumsy');
    expect(letter?.errors.map(({ code }) => code)).toEqual(['HANDLER_TIMEOUT']);
  });
});

test('a payload that no longer fits the format of its handler is a dead letter at once, with every fault', async () => {
  await using lab = new Lab({ clock: new ManualClock() });
  const handled: unknown[] = [];
  const agent = defineAgent({
    name: 'reader',
    entry: import.meta.url,
    subscribes: ['a'],
    handlers: (on) => [on(Result, (payload) => void handled.push(payload))],
  });
  const running = await lab.start([agent]);

  await running.publish('a', { ...genericJson, name: 'result' }, { count: 1.5, colour: 'red' });
  await running.publish('a', Result, { count: 1 });
  await turns();

  expect(handled).toEqual([{ count: 1 }]);
  const letters = await deadLettersOf(running, 'reader');
  expect(letters).toMatchObject([
    { reason: 'undecodable', attempts: 0, original: { payload: { count: 1.5, colour: 'red' } } },
  ]);
  expect(letters[0]?.errors).toMatchObject([{ code: 'PAYLOAD_INVALID', retryable: false }]);
  expect(lab.log.texts).toEqual(['error: a message cannot be read, now a dead letter']);
});
