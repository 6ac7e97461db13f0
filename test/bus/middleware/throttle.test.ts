import { genericJson, InvalidDefinitionError, type Json, MemoryBackend, openBus } from 'guildwire';
import { filter, throttle } from 'guildwire/middleware';
import { VirtualClock } from 'guildwire/testing';
import { describe, expect, test } from 'vitest';
import { Turns } from '../../../lib/bus/middleware/turns.ts';
import { HandClock } from '../../core/hand-clock.ts';
import { atOnce, Lab } from '../../guild/lab.ts';
import { send, worker } from './worker.ts';

describe('around a handler', () => {
  test('as many as allowed begin in an interval, the first come first, and waiting is no work', async () => {
    await using lab = new Lab();
    const start = lab.clock.now();
    const begun: [Json, number][] = [];
    const use = [throttle({ max: 2, intervalMs: 1_000 })];
    const running = await lab.start([
      worker((payload) => void begun.push([payload, lab.clock.now() - start]), { use }),
    ]);

    await send(running, 'a', 'b', 'c', 'd', 'e');
    await lab.clock.advance(2_000);

    expect(begun).toEqual([
      ['a', 0],
      ['b', 0],
      ['c', 1_000],
      ['d', 1_000],
      ['e', 2_000],
    ]);
  });

  test('the interval slides: two bursts around its end are not let through', async () => {
    await using lab = new Lab();
    const start = lab.clock.now();
    const begun: number[] = [];
    const use = [throttle({ max: 2, intervalMs: 1_000 })];
    const running = await lab.start([worker(() => void begun.push(lab.clock.now() - start), { use })]);

    await send(running, 1);
    await lab.clock.advance(900);
    await send(running, 2, 3, 4);
    await lab.clock.advance(2_000);

    expect(begun).toEqual([0, 900, 1_000, 1_900]);
  });

  test('what would wait for more than half of its time comes again, uncounted, and the rest is left alone', async () => {
    await using lab = new Lab();
    const handled: [Json, number][] = [];
    const use = [throttle({ max: 1, intervalMs: 10_000 })];
    const agent = worker((payload, { attempt }) => void handled.push([payload, attempt]), { use, timeoutMs: 15_000 });
    const running = await lab.start([{ ...agent, concurrency: 2 }]);

    await send(running, 'a', 'b', 'c');
    await lab.clock.advance(9_999);
    expect(handled).toEqual([['a', 1]]);
    await lab.clock.advance(1);
    expect(handled).toHaveLength(2);
    await lab.clock.advance(20_000);

    expect(handled.map(([payload]) => payload).toSorted()).toEqual(['a', 'b', 'c']);
    expect(handled.map(([, attempt]) => attempt)).toEqual([1, 1, 1]);
    expect(lab.log.texts[0]).toBe(
      'warn: takes nothing for 10000 ms: 1 per 10000 ms have begun: the next can begin in 10000 ms',
    );
  });

  test('who gives up leaves the line, and takes no turn', async () => {
    await using lab = new Lab();
    const start = lab.clock.now();
    const begun: [Json, number][] = [];
    const limit = throttle({ max: 1, intervalMs: 1_000 });
    const running = await lab.start([
      worker((payload) => void begun.push([payload, lab.clock.now() - start]), { use: [limit], retry: atOnce(1) }),
    ]);
    await send(running, 'a', 'b', 'c');
    await lab.clock.advance(0);

    const drained = running.drain(500);
    await lab.clock.advance(500);
    await drained;
    await lab.start([
      worker((payload) => void begun.push([payload, lab.clock.now() - start]), { use: [limit], retry: atOnce(1) }),
    ]);
    await lab.clock.advance(2_000);

    expect(begun).toEqual([
      ['a', 0],
      ['b', 1_000],
      ['c', 2_000],
    ]);
  });

  test('agents with the same object share the limit, and those with one of their own do not', async () => {
    await using lab = new Lab();
    const begun: string[] = [];
    const shared = throttle({ max: 1, intervalMs: 1_000 });
    const named = (name: string, limit = shared) => ({
      ...worker(() => void begun.push(name), { use: [limit] }),
      name,
    });
    const running = await lab.start([named('a'), named('b'), named('c', throttle({ max: 1, intervalMs: 1_000 }))]);

    await send(running, 'x');
    await lab.clock.advance(0);
    expect(begun.toSorted()).toEqual(['a', 'c']);
    await lab.clock.advance(1_000);

    expect(begun.toSorted()).toEqual(['a', 'b', 'c']);
  });

  test('what is filtered out further out takes no turn', async () => {
    await using lab = new Lab();
    const handled: Json[] = [];
    const use = [filter({ handle: (payload) => payload !== 'no' }), throttle({ max: 1, intervalMs: 60_000 })];
    const running = await lab.start([worker((payload) => void handled.push(payload), { use })]);

    await send(running, 'no', 'no', 'yes');
    await lab.clock.advance(0);

    expect(handled).toEqual(['yes']);
  });
});

describe('around publishing', () => {
  test('what is too much waits for its turn, the first come first, and apart from what is handled', async () => {
    await using lab = new Lab();
    const start = lab.clock.now();
    const stored: [Json, number][] = [];
    const use = [throttle({ max: 2, intervalMs: 1_000 })];
    const running = await lab.start([worker(() => {})], { use });

    const published = ['a', 'b', 'c', 'd', 'e'].map((payload) =>
      running.publish('in', genericJson, payload).then(() => stored.push([payload, lab.clock.now() - start])),
    );
    await lab.clock.advance(2_000);
    await Promise.all(published);

    expect(stored).toEqual([
      ['a', 0],
      ['b', 0],
      ['c', 1_000],
      ['d', 1_000],
      ['e', 2_000],
    ]);
  });

  test('two clocks share nothing', async () => {
    await using backend = new MemoryBackend();
    const use = [throttle({ max: 1, intervalMs: 1_000 })];
    const [one, other] = [1, 2].map(() => openBus(backend, { sender: 'user:ada', clock: new VirtualClock(), use }));

    await one?.publish('in', genericJson, 'a');
    await other?.publish('in', genericJson, 'b');

    expect((await backend.stats('default')).length).toBe(0);
  });
});

describe('the line', () => {
  const never = new AbortController().signal;

  test('is not left by who was there first, however late its timer is', async () => {
    const clock = new VirtualClock();
    const turns = new Turns(clock, 1, 1_000);
    const order: string[] = [];
    await turns.take(never);
    void turns.take(never).then(() => order.push('first'));

    clock.step(5_000);
    void turns.take(never).then(() => order.push('second'));
    await clock.advance(2_000);

    expect(order).toEqual(['first', 'second']);
  });

  test('goes on when the clock is set back', async () => {
    const clock = new VirtualClock();
    const turns = new Turns(clock, 1, 1_000);
    await turns.take(never);

    clock.step(-3_600_000);

    expect(turns.waitMs()).toBe(1_000);
  });

  test('says how long who joins it will wait', async () => {
    const turns = new Turns(new VirtualClock(), 2, 1_000);
    const waits: number[] = [];
    for (let taken = 0; taken < 6; taken++) {
      waits.push(turns.waitMs());
      void turns.take(never);
    }

    expect(waits).toEqual([0, 0, 1_000, 1_000, 2_000, 2_000]);
  });

  test('refuses who has given up already', async () => {
    const turns = new Turns(new VirtualClock(), 1, 1_000);

    await expect(turns.take(AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
    expect(turns.waitMs()).toBe(0);
  });

  test('holds no timer when all have left it', async () => {
    const clock = new HandClock();
    const turns = new Turns(clock, 1, 1_000);
    const giveUp = new AbortController();
    await turns.take(never);
    const left = turns.take(giveUp.signal);
    expect(clock.armed.size).toBe(1);

    giveUp.abort(new Error('enough'));

    await expect(left).rejects.toThrow('enough');
    expect(clock.armed.size).toBe(0);
  });
});

test.each<[string, unknown, readonly string[]]>([
  ['without options', undefined, ['options']],
  ['with numbers that are none', { max: 0, intervalMs: 1.5 }, ['max', 'intervalMs']],
  ['with an option that there is not', { max: 1, intervalMs: 1, perMs: 1 }, ['perMs']],
])('is refused %s', (_, options, fields) => {
  const make = () => throttle(options as never);

  expect(make).toThrow(InvalidDefinitionError);
  expect(make).toThrow(expect.objectContaining({ faults: fields.map((field) => expect.objectContaining({ field })) }));
});
