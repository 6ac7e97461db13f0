import { defineAgent, genericJson, type Json, Postponed } from 'guildwire';
import type { Middleware } from 'guildwire/middleware';
import { describe, expect, test } from 'vitest';
import { type Act, failing, send, worker } from '../bus/middleware/worker.ts';
import { deadLettersOf, gate, Lab, turns } from './lab.ts';

/** Postpones so often, and keeps what it then handles. */
function postponing(times: number, make: () => Postponed): { readonly act: Act; readonly handled: Json[] } {
  const fails = failing(times, make);
  const handled: Json[] = [];
  const act: Act = (payload, { attempt }) => {
    fails();
    handled.push(payload, attempt);
  };
  return { act, handled };
}

test('a delivery that its handler postpones comes again after the delay, and no attempt is counted', async () => {
  await using lab = new Lab();
  const { act, handled } = postponing(7, () => new Postponed(1_000));
  const running = await lab.start([worker(act)]);

  await send(running, 'x');
  await lab.clock.advance(6_999);
  expect(handled).toEqual([]);
  await lab.clock.advance(1);

  expect(handled).toEqual(['x', 1]);
  expect(await running.stats()).toMatchObject([{ waiting: 0, dead: 0 }]);
  expect(lab.log.texts).toEqual([]);
});

test('others are handled meanwhile', async () => {
  await using lab = new Lab();
  const { act, handled } = postponing(1, () => new Postponed(1_000));
  const running = await lab.start([worker(act)]);

  await send(running, 'x', 'y');
  await lab.clock.advance(0);

  expect(handled).toEqual(['y', 1]);
});

test.each([Number.NaN, -1, Number.POSITIVE_INFINITY])('a delay of %d is a second', async (delayMs) => {
  await using lab = new Lab();
  const { act, handled } = postponing(1, () => new Postponed(delayMs));
  const running = await lab.start([worker(act)]);

  await send(running, 'x');
  await lab.clock.advance(999);
  expect(handled).toEqual([]);
  await lab.clock.advance(1);

  expect(handled).toEqual(['x', 1]);
});

test('a delivery that cannot come again is a dead letter', async () => {
  await using lab = new Lab();
  const { act } = postponing(1, () => new Postponed(1_000));
  const running = await lab.start([worker(act, { guarantee: 'at-most-once' })]);

  await send(running, 'x');
  await lab.clock.advance(0);

  expect(await deadLettersOf(running, 'worker')).toMatchObject([{ reason: 'failed', errors: [{ code: 'POSTPONED' }] }]);
});

test('what a postponed attempt spent counts', async () => {
  await using lab = new Lab();
  const act: Act = (_, context) => {
    context.spend({ tokens: 10 });
    throw new Postponed(1_000);
  };
  const running = await lab.start([worker(act)]);

  await running.publish('in', genericJson, 'x', { budget: { tokens: 20 } });
  await lab.clock.advance(2_000);

  expect(await deadLettersOf(running, 'worker')).toMatchObject([{ reason: 'budget' }]);
});

describe('an instance that is told to stand back', () => {
  const standBack = (ms: number) => new Postponed(ms, 'the model is overloaded', { standBack: true });

  test('takes nothing new for so long, says so once, and then goes on', async () => {
    await using lab = new Lab();
    const { act, handled } = postponing(1, () => standBack(1_000));
    const running = await lab.start([worker(act, { concurrency: 2 })]);

    await send(running, 'a', 'b', 'c');
    await lab.clock.advance(0);
    await send(running, 'd');
    await lab.clock.advance(999);
    expect(handled).toEqual([]);
    await lab.clock.advance(1);

    expect(handled.filter((_, index) => index % 2 === 0).toSorted()).toEqual(['a', 'b', 'c', 'd']);
    expect(lab.log.texts).toEqual(['warn: takes nothing for 1000 ms: the model is overloaded']);
  });

  test('hands back what it has taken and not begun', async () => {
    await using lab = new Lab();
    const began: Json[] = [];
    const act: Act = (payload) => {
      began.push(payload);
      throw standBack(1_000);
    };
    // Without a promise between them the first stands back before the second is begun.
    const running = await lab.start([worker(act, { concurrency: 10 })]);

    await send(running, 'a', 'b', 'c');
    await lab.clock.advance(0);
    expect(began).toEqual(['a']);
    expect(await running.stats()).toMatchObject([{ waiting: 3 }]);
    await lab.clock.advance(1_000);

    expect(began).toHaveLength(2);
  });

  test.each<[string, number, number, number, readonly Json[]]>([
    ['the first', 5_000, 1_000, 5_000, []],
    ['the first, and more has come', 5_000, 1_000, 5_000, ['more']],
    ['the last', 1_000, 5_000, 5_500, []],
    ['the last, and more has come', 1_000, 5_000, 5_500, ['more']],
  ])('stands back for the longest that it was told, if that is %s', async (_, first, last, until, more) => {
    await using lab = new Lab();
    const handled: Json[] = [];
    const start = lab.clock.now();
    const told: Middleware = {
      async handle({ payload, now, sleep }, next) {
        const isAtStart = now() < start + 1_000;
        if (isAtStart && payload === 'first') throw standBack(first);
        if (isAtStart) await sleep(500);
        if (isAtStart) throw standBack(last);
        await next();
      },
    };
    const act: Act = (payload) => void handled.push(payload);
    const running = await lab.start([worker(act, { use: [told] })]);
    await send(running, 'last', 'first');
    await lab.clock.advance(100);

    await send(running, ...more);
    await lab.clock.advance(until - 101);
    expect(handled).toEqual([]);
    await lab.clock.advance(5_000);

    expect(handled.toSorted()).toEqual(['first', 'last', ...more]);
  });

  test('is told so only by attempts that are under way', async () => {
    await using lab = new Lab();
    const { opened, open } = gate();
    const handled: Json[] = [];
    const act: Act = async (payload) => {
      if (payload === 'hangs') {
        await opened;
        throw standBack(60_000);
      }
      handled.push(payload);
    };
    const running = await lab.start([worker(act, { timeoutMs: 1_000 })]);
    await send(running, 'hangs');
    await turns();

    await lab.clock.force(1_000);
    open();
    await turns();
    await send(running, 'x');
    await lab.clock.advance(0);

    expect(handled).toEqual(['x']);
  });

  test('lets other instances go on, and what it runs end', async () => {
    await using lab = new Lab();
    const handled: string[] = [];
    const instance = (name: string, isOut: boolean) =>
      defineAgent({
        name: 'shared',
        entry: import.meta.url,
        subscribes: ['in'],
        concurrency: 1,
        handlers: (on) => [
          on.any((payload) => {
            if (isOut) throw standBack(60_000);
            handled.push(`${name} ${payload}`);
          }),
        ],
      });
    const first = await lab.start([instance('first', true)]);
    await send(first, 'a');
    await lab.clock.advance(0);
    await lab.start([instance('second', false)]);

    await send(first, 'b', 'c');
    await lab.clock.advance(0);
    expect(handled).toEqual(['second b', 'second c']);
    await lab.clock.advance(59_999);
    expect(handled).toEqual(['second b', 'second c']);
  });

  test('can be stopped while it does', async () => {
    await using lab = new Lab();
    const { act } = postponing(1, () => standBack(60_000));
    const running = await lab.start([worker(act)]);
    await send(running, 'x');
    await lab.clock.advance(0);

    const drained = running.drain();
    await lab.clock.advance(0);
    await drained;

    expect(await running.stats()).toMatchObject([{ waiting: 1, dead: 0 }]);
  });
});
