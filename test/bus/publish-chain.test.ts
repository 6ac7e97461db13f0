import {
  type Backend,
  BackendFullError,
  defineFormat,
  genericJson,
  InvalidArgumentError,
  MemoryBackend,
  openBus,
  type PublishEntry,
} from 'guildwire';
import { filter, type Middleware, retry, throttle, transform } from 'guildwire/middleware';
import { VirtualClock } from 'guildwire/testing';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { borrowed, Lab } from '../guild/lab.ts';
import { send, worker } from './middleware/worker.ts';

const passes: Middleware = { publish: (_, next) => next() };
const entry = (payload: unknown, topics = 'in') =>
  ({ topics, format: genericJson, payload }) as unknown as PublishEntry;

/** The memory backend, and how many drafts each of its calls brought. */
function counted(backend: MemoryBackend, calls: number[]): Backend {
  const append: Backend['append'] = (drafts, nonce) => {
    calls.push(drafts.length);
    return backend.append(drafts, nonce);
  };
  return new Proxy<Backend>(borrowed(backend), {
    get: (target, property) => (property === 'append' ? append : Reflect.get(target, property)),
  });
}

describe('a batch', () => {
  test('goes through message by message, is stored in one call, and has one outcome each, in order', async () => {
    await using backend = new MemoryBackend();
    const calls: number[] = [];
    const use = [filter({ publish: (payload) => payload !== 'refused' }), passes];
    const bus = openBus(counted(backend, calls), { sender: 'user:ada', use });

    const outcomes = await bus.publishMany([entry('a'), entry('refused'), entry('b', 'a b'), entry('c'), entry('d')]);

    expect(outcomes.map((outcome) => (outcome.ok ? outcome.duplicate : outcome.error.code))).toEqual([
      false,
      'FILTERED',
      'INVALID_MESSAGE',
      false,
      false,
    ]);
    expect(calls).toEqual([3]);
    const stored = (await bus.read({ topic: 'in' })).items;
    expect(stored.map(({ payload }) => payload)).toEqual(['a', 'c', 'd']);
    expect(outcomes.flatMap((outcome) => (outcome.ok ? [outcome.id] : []))).toEqual(stored.map(({ id }) => id));
  });

  test('says of a duplicate that it is one', async () => {
    await using backend = new MemoryBackend();
    const bus = openBus(backend, { sender: 'user:ada', use: [passes] });
    const keyed = { ...entry('a'), options: { idempotencyKey: 'k' } };

    const outcomes = await bus.publishMany([keyed, keyed]);

    expect(outcomes).toMatchObject([{ duplicate: false }, { duplicate: true }]);
  });

  test('keeps the error of a middleware that broke to the message that it broke on', async () => {
    await using backend = new MemoryBackend();
    const broken = transform({
      publish: (payload) => {
        if (payload === 'x') throw new TypeError('undefined is not a function');
        return payload;
      },
    });
    const bus = openBus(backend, { sender: 'user:ada', use: [broken] });

    const outcomes = await bus.publishMany([entry('x'), entry('y')]);

    expect(outcomes).toMatchObject([{ ok: false, error: { code: 'MIDDLEWARE_FAILED' } }, { ok: true }]);
    expect(outcomes[0]).toHaveProperty('error.cause.message', 'undefined is not a function');
  });

  test('has the error of the store for each that it refuses', async () => {
    await using backend = new MemoryBackend();
    const full = new BackendFullError(1, 1, { messages: 1, bytes: 1 });
    const refusing = new Proxy(borrowed(backend), {
      get: (target, property) => (property === 'append' ? () => Promise.reject(full) : Reflect.get(target, property)),
    });
    const bus = openBus(refusing, { sender: 'user:ada', use: [passes] });

    expect(await bus.publishMany([entry('a'), entry('b')])).toEqual([
      { ok: false, error: full },
      { ok: false, error: full },
    ]);
  });

  test('that is none is refused as without middleware', async () => {
    await using backend = new MemoryBackend();
    const bus = openBus(backend, { sender: 'user:ada', use: [passes] });

    await expect(bus.publishMany({ length: 1 } as never)).rejects.toBeInstanceOf(InvalidArgumentError);
    await expect(bus.publishMany(Array.from({ length: 101 }, () => entry('a')))).rejects.toThrow('at most 100');
    expect(await bus.publishMany([])).toEqual([]);
    expect(await bus.publishMany([undefined as never])).toMatchObject([
      { ok: false, error: { code: 'INVALID_MESSAGE' } },
    ]);
  });
});

test('a request goes through as well, with its signal', async () => {
  await using lab = new Lab();
  const topics: unknown[] = [];
  const seen: Middleware = {
    publish(publishing, next) {
      topics.push(publishing.topics, publishing.options?.replyTo?.startsWith('$reply.'));
      return next();
    },
  };
  const answers = worker((payload, context) => context.reply(genericJson, `${payload}!`));
  const running = await lab.start([answers], { use: [seen, throttle({ max: 1, intervalMs: 60_000 })] });

  const ask = (signal?: AbortSignal) =>
    running.request('in', genericJson, 'x', { reply: genericJson, timeoutMs: 1_000, ...(signal && { signal }) });
  expect(await ask()).toBe('x!');
  const giveUp = new AbortController();
  const second = ask(giveUp.signal);
  giveUp.abort(new Error('enough'));

  await expect(second).rejects.toThrow('enough');
  expect(topics).toEqual(['in', true, 'in', true]);
});

test('every fault of a message is told as without middleware', async () => {
  await using backend = new MemoryBackend();
  const Count = defineFormat('count', z.object({ count: z.int() }));
  const [plain, around] = [[], [passes, retry({ baseMs: 0 })]].map((use) =>
    openBus(backend, { sender: 'user:ada', use }),
  );
  const calls: readonly (readonly unknown[])[] = [
    ['a b', Count, { count: 'x' }, { priority: 11, ttl: 5 }],
    [['a', ''], Count, { count: 1, at: new Date() }],
    [undefined, undefined, undefined, null],
    ['in', Count, undefined, 'text'],
    ['in', Count, { count: 1 }, []],
    ['in', genericJson, () => {}, { headers: { a: 1 } }],
  ];
  const messages = (bus: typeof plain) =>
    Promise.all(calls.map((call) => bus?.publish(...(call as Parameters<typeof bus.publish>)).catch(String)));

  const told = await messages(around);

  expect(told).toEqual(await messages(plain));
  expect(told.every((text) => text?.startsWith('InvalidMessageError'))).toBe(true);
});

test('what is published is what was given, whatever becomes of it while a middleware waits', async () => {
  await using backend = new MemoryBackend();
  const clock = new VirtualClock();
  const bus = openBus(backend, { sender: 'user:ada', clock, use: [throttle({ max: 1, intervalMs: 1_000 })] });
  const given = { list: [1] };
  const topics: [string, ...string[]] = ['in'];
  const options = { headers: { a: '1' } };

  const published = [1, 2].map(() => bus.publish(topics, genericJson, given, options));
  given.list.push(2);
  topics.push('other');
  options.headers.a = '2';
  await clock.advance(1_000);
  await Promise.all(published);

  const stored = (await bus.read({ topic: 'in' })).items;
  expect(stored).toMatchObject([1, 2].map(() => ({ payload: { list: [1] }, topics: ['in'], headers: { a: '1' } })));
});

test('a payload that is no JSON reaches the format of its own as it is', async () => {
  await using backend = new MemoryBackend();
  const Bytes = {
    name: 'bytes',
    version: 1,
    encode: (bytes: Uint8Array) => Buffer.from(bytes).toString('hex'),
    decode: (wire: unknown) => wire,
  };
  const bus = openBus(backend, { sender: 'user:ada', use: [passes] });

  await bus.publish('in', Bytes, new Uint8Array([1, 255]));

  expect((await bus.read({ topic: 'in' })).items).toMatchObject([{ payload: '01ff' }]);
});

test('closing the bus gives up what still waits in a middleware, and nothing else', async () => {
  await using backend = new MemoryBackend();
  const clock = new VirtualClock();
  const bus = openBus(backend, { sender: 'user:ada', clock, use: [throttle({ max: 1, intervalMs: 1_000 })] });
  const first = bus.publish('in', genericJson, 'a');
  const waiting = bus.publish('in', genericJson, 'b');

  await bus[Symbol.asyncDispose]();

  await expect(waiting).rejects.toMatchObject({ code: 'BACKEND_UNAVAILABLE' });
  expect((await bus.read({ topic: 'in' })).items).toMatchObject([{ id: await first, payload: 'a' }]);
});

test('closing a guild gives up what still waits in a middleware', async () => {
  await using lab = new Lab();
  const running = await lab.start([worker(() => {})], { use: [throttle({ max: 1, intervalMs: 1_000 })] });
  await send(running, 'a');
  const waiting = send(running, 'b');

  await running[Symbol.asyncDispose]();

  await expect(waiting).rejects.toMatchObject({ code: 'BACKEND_UNAVAILABLE' });
});

test.each<[string, unknown, readonly string[]]>([
  ['middleware that is no list', passes, ['use']],
  ['what could do nothing there', [passes, { handle: () => {} }], ['use[1]']],
])('a bus refuses %s', async (_, use, fields) => {
  await using backend = new MemoryBackend();
  const open = () => openBus(backend, { sender: '', use: use as never });

  expect(open).toThrow(
    expect.objectContaining({ faults: [...fields, 'sender'].map((field) => expect.objectContaining({ field })) }),
  );
});
