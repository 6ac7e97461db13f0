import {
  type Backend,
  BackendUnavailableError,
  genericJson,
  InvalidDefinitionError,
  MemoryBackend,
  openBus,
  PermanentError,
  Postponed,
  RemoteError,
  RetryLater,
} from 'guildwire';
import { filter, retry, timeout } from 'guildwire/middleware';
import { VirtualClock } from 'guildwire/testing';
import { describe, expect, test } from 'vitest';
import { atOnce, borrowed, deadLettersOf, Lab } from '../../guild/lab.ts';
import { type Act, failing, payloadsOf, send, worker } from './worker.ts';

describe('around a handler', () => {
  test('tries again within one attempt, with full jitter, and publishes once', async () => {
    await using lab = new Lab();
    const start = lab.clock.now();
    const tries: (readonly [number, number])[] = [];
    const fails = failing(3);
    const act: Act = (payload, context) => {
      tries.push([lab.clock.now() - start, context.attempt]);
      context.publish('out', genericJson, payload);
      fails();
    };
    const use = [retry({ attempts: 4, baseMs: 100, maxMs: 250, random: () => 0.5 })];
    const running = await lab.start([worker(act, { use })]);

    await send(running, 'x');
    await lab.clock.advance(1_000);

    expect(tries).toEqual([
      [0, 1],
      [50, 1],
      [150, 1],
      [275, 1],
    ]);
    expect(await payloadsOf(running, 'out')).toEqual(['x']);
    expect(lab.log.texts).toEqual([]);
  });

  test('then fails the attempt with the last error', async () => {
    await using lab = new Lab();
    let tries = 0;
    const act: Act = () => Promise.reject(new Error(`try ${++tries}`));
    const running = await lab.start([worker(act, { use: [retry({ baseMs: 0 })], retry: atOnce(2) })]);

    await send(running, 'x');
    await lab.clock.advance(0);

    const [letter] = await deadLettersOf(running, 'worker');
    expect(letter?.errors.map(({ message }) => message)).toEqual(['try 3', 'try 6']);
  });

  test.each<[string, () => unknown]>([
    ['PermanentError', () => new PermanentError('no use')],
    ['RetryLater', () => new RetryLater(60_000)],
    ['Postponed', () => new Postponed(60_000)],
    ['an error of Guildwire that is not retryable', () => new RemoteError('prices', 'NO_SUCH_PRICE', 'never heard of')],
  ])('does not try again after %s', async (_, make) => {
    await using lab = new Lab();
    let tries = 0;
    const act: Act = () => {
      tries++;
      throw make();
    };
    const running = await lab.start([worker(act, { use: [retry()] })]);

    await send(running, 'x');
    await lab.clock.advance(30_000);

    expect(tries).toBe(1);
  });

  test('does not try again what its author says is not worth it', async () => {
    await using lab = new Lab();
    let tries = 0;
    const act: Act = () => Promise.reject(new Error(`try ${++tries}`));
    const isRetryable = (error: unknown) => (error as Error).message === 'try 1';
    const running = await lab.start([worker(act, { use: [retry({ isRetryable, attempts: 9, baseMs: 0 })] })]);

    await send(running, 'x');
    await lab.clock.advance(0);

    expect(tries).toBe(2);
  });

  test('does not try again what was filtered out further in, whatever its author says', async () => {
    await using lab = new Lab();
    let asked = 0;
    const filtered = filter({ handle: () => ++asked > 1 });
    const use = [retry({ isRetryable: () => true, baseMs: 0 }), filtered];
    const running = await lab.start([worker(() => {}, { use })]);

    await send(running, 'x');
    await lab.clock.advance(0);

    expect(asked).toBe(1);
  });

  test('does not try again if the attempt would be over by then', async () => {
    await using lab = new Lab();
    let tries = 0;
    const act: Act = () => Promise.reject(new Error(`try ${++tries}`));
    const use = [retry({ attempts: 9, baseMs: 1_000, maxMs: 1_000, random: () => 0.999 })];
    const running = await lab.start([worker(act, { use, timeoutMs: 2_500 })]);

    await send(running, 'x');
    await lab.clock.advance(10_000);

    expect((await deadLettersOf(running, 'worker'))[0]?.errors).toMatchObject([{ message: 'try 3' }]);
  });

  test('tries again what a timeout further in has ended', async () => {
    await using lab = new Lab();
    let tries = 0;
    const act: Act = async (payload, context) => {
      if (++tries < 3) await context.sleep(60_000);
      context.publish('out', genericJson, payload);
    };
    const use = [retry({ baseMs: 0 }), timeout(1_000)];
    const running = await lab.start([worker(act, { use })]);

    await send(running, 'x');
    await lab.clock.advance(2_000);

    expect([tries, await payloadsOf(running, 'out')]).toEqual([3, ['x']]);
  });
});

describe('around publishing', () => {
  /** A backend that stores, or does not, and then cannot be reached, so often. */
  function shaky(backend: MemoryBackend, times: number, stores: boolean): Backend {
    const fails = failing(times, () => new BackendUnavailableError('the store is away'));
    const append: Backend['append'] = async (drafts, nonce) => {
      const outcomes = stores ? await backend.append(drafts, nonce) : undefined;
      fails();
      return outcomes ?? backend.append(drafts, nonce);
    };
    return new Proxy<Backend>(borrowed(backend), {
      get: (target, property) => (property === 'append' ? append : Reflect.get(target, property)),
    });
  }
  const use = [retry({ attempts: 3, baseMs: 0 })];

  test.each([true, false])(
    'stores once, whether the store had it (%s) when it could not be reached',
    async (stores) => {
      await using backend = new MemoryBackend();
      const clock = new VirtualClock();
      const bus = openBus(shaky(backend, 2, stores), { sender: 'user:ada', clock, use });

      const id = await clock.runUntil(bus.publish('in', genericJson, 'x'));
      const [outcome] = await bus.publishMany([{ topics: 'in', format: genericJson, payload: 'y' as never }]);

      const { items } = await bus.read({ topic: 'in' });
      expect(items.map((message) => [message.id, message.payload])).toEqual([
        [id, 'x'],
        [outcome?.ok && outcome.id, 'y'],
      ]);
      expect(items[0]?.idempotencyKey).not.toBe(items[1]?.idempotencyKey);
    },
  );

  test('leaves a key of the publisher as it is, and keeps the other options', async () => {
    await using backend = new MemoryBackend();
    const clock = new VirtualClock();
    const bus = openBus(shaky(backend, 1, true), { sender: 'user:ada', clock, use });
    const options = { idempotencyKey: 'mine', conversationId: 'c' };

    await clock.runUntil(bus.publish('in', genericJson, 'x', options));

    expect((await bus.read({ topic: 'in' })).items).toMatchObject([options]);
    expect(options).toEqual({ idempotencyKey: 'mine', conversationId: 'c' });
  });

  test('gives up after its attempts, and at once what no repeating helps', async () => {
    await using backend = new MemoryBackend();
    const clock = new VirtualClock();
    const bus = openBus(shaky(backend, 3, false), { sender: 'user:ada', clock, use });

    await expect(bus.publish('a b', genericJson, 'x')).rejects.toMatchObject({ code: 'INVALID_MESSAGE' });
    await expect(clock.runUntil(bus.publish('in', genericJson, 'x'))).rejects.toMatchObject({
      code: 'BACKEND_UNAVAILABLE',
    });

    expect((await backend.read({ namespace: 'default', where: { topic: 'in' }, order: 'id', limit: 9 })).items).toEqual(
      [],
    );
  });
});

test.each<[string, unknown, readonly string[]]>([
  ['numbers that are none', { attempts: 0, baseMs: -1, maxMs: '1' }, ['attempts', 'baseMs', 'maxMs']],
  ['functions that are none', { isRetryable: true, random: 1 }, ['isRetryable', 'random']],
  ['an option that there is not', { tries: 3 }, ['tries']],
  ['null', null, ['options']],
])('is refused with %s', (_, options, fields) => {
  const make = () => retry(options as never);

  expect(make).toThrow(InvalidDefinitionError);
  expect(make).toThrow(expect.objectContaining({ faults: fields.map((field) => expect.objectContaining({ field })) }));
});

test('takes what is left undefined from its defaults', async () => {
  await using lab = new Lab();
  let tries = 0;
  const act: Act = () => Promise.reject(new Error(`try ${++tries}`));
  const use = [retry({ attempts: undefined, baseMs: undefined } as never)];
  const running = await lab.start([worker(act, { use })]);

  await send(running, 'x');
  await lab.clock.advance(1_000);

  expect(tries).toBe(3);
});
