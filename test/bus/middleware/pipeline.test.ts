import { genericJson, InvalidArgumentError, MemoryBackend, openBus } from 'guildwire';
import { type Middleware, pipeline, timeout, transform } from 'guildwire/middleware';
import { describe, expect, test } from 'vitest';
import { deadLettersOf, Lab, turns } from '../../guild/lab.ts';
import { type Act, passesOn, payloadsOf, send, worker } from './worker.ts';

/** Writes down when each of its sides is entered and left, and with what payload. */
function traced(name: string, trace: string[]): Middleware {
  return {
    async handle({ payload }, next) {
      trace.push(`${name}> ${payload}`);
      await next();
      trace.push(`<${name}`);
    },
    async publish({ payload }, next) {
      trace.push(`${name}> ${payload}`);
      const published = await next();
      trace.push(`<${name}`);
      return published;
    },
  };
}

const add = (text: string) =>
  transform({ handle: (payload) => `${payload}${text}`, publish: (payload) => `${payload}${text}` });

describe('around a handler', () => {
  test('the first is outermost, and each sees what the one further out passed on', async () => {
    await using lab = new Lab();
    const trace: string[] = [];
    const use = [pipeline(traced('a', trace), add('1'), traced('b', trace)), add('2'), traced('c', trace)];
    const running = await lab.start([worker((payload) => void trace.push(`handler ${payload}`), { use })]);

    await send(running, 'x');
    await lab.clock.advance(0);

    expect(trace).toEqual(['a> x', 'b> x1', 'c> x12', 'handler x12', '<c', '<b', '<a']);
  });

  test('a pipeline in a pipeline is like one, also for what ends it early', async () => {
    await using lab = new Lab();
    const found: unknown[] = [];
    const inner: Middleware = {
      async handle(handling, next) {
        await next().catch((error) => {
          found.push(handling.signal.aborted, error.code);
          throw error;
        });
      },
    };
    const use = [pipeline(timeout(1_000), pipeline(add('!'), pipeline(inner)))];
    const hangs: Act = (payload, { signal }) => {
      found.push(payload);
      signal.addEventListener('abort', () => found.push('handler aborted'));
      return new Promise(() => {});
    };
    const running = await lab.start([worker(hangs, { use })]);

    await send(running, 'x');
    await turns();
    await lab.clock.force(1_000);

    expect(found).toEqual(['x!', 'handler aborted', true, 'HANDLER_TIMEOUT']);
  });

  test('one that returns without next has filtered the delivery, and those further out are told', async () => {
    await using lab = new Lab();
    const codes: string[] = [];
    const outer: Middleware = {
      handle: (_, next) =>
        next().catch((error) => {
          codes.push(error.code);
          throw error;
        }),
    };
    const running = await lab.start([worker(() => void codes.push('handled'), { use: [outer, { handle: () => {} }] })]);

    await send(running, 'x');
    await lab.clock.advance(0);

    expect(codes).toEqual(['FILTERED']);
    expect(await running.stats()).toMatchObject([{ waiting: 0, dead: 0, dropped: { filtered: 1 } }]);
  });

  test('one that does not wait for next fails the attempt, and nothing of it is published', async () => {
    await using lab = new Lab();
    const hasty: Middleware = { handle: (_, next) => void next() };
    const running = await lab.start([
      worker(
        async (payload, context) => {
          await context.sleep(10);
          context.publish('out', genericJson, payload);
        },
        { use: [hasty] },
      ),
    ]);

    await send(running, 'x');
    await lab.clock.advance(10);

    expect((await deadLettersOf(running, 'worker'))[0]?.errors).toMatchObject([
      { code: 'MIDDLEWARE_FAILED', message: 'a middleware returned before its next: await what next gives' },
    ]);
    expect(await payloadsOf(running, 'out')).toEqual([]);
  });

  test('what it throws, at once or later, fails the attempt', async () => {
    await using lab = new Lab();
    const thrown = (): Middleware => ({
      handle: ({ payload }, next) => {
        if (payload === 'at once') throw new Error('at once');
        return next().then(() => Promise.reject(new Error('later')));
      },
    });
    const running = await lab.start([worker(passesOn, { use: [thrown()] })]);

    await send(running, 'at once', 'later');
    await lab.clock.advance(0);

    const letters = await deadLettersOf(running, 'worker');
    expect(letters.map(({ errors }) => errors[0]?.message)).toEqual(['at once', 'later']);
    expect(await payloadsOf(running, 'out')).toEqual([]);
  });

  test('methods of a class keep their object', async () => {
    await using lab = new Lab();
    class Counter implements Middleware {
      count = 0;
      async handle(_: unknown, next: () => Promise<void>): Promise<void> {
        this.count++;
        await next();
      }
    }
    const counter = new Counter();
    const running = await lab.start([worker(() => {}, { use: [counter] })]);

    await send(running, 1, 2);
    await lab.clock.advance(0);

    expect(counter.count).toBe(2);
  });
});

describe('around publishing', () => {
  test('the first is outermost, and each sees what the one further out passed on', async () => {
    await using backend = new MemoryBackend();
    const trace: string[] = [];
    const use = [pipeline(traced('a', trace), add('1')), traced('b', trace)];
    const bus = openBus(backend, { sender: 'user:ada', use });

    await bus.publish('in', genericJson, 'x');

    expect(trace).toEqual(['a> x', 'b> x1', '<b', '<a']);
    expect((await bus.read({ topic: 'in' })).items[0]?.payload).toBe('x1');
  });

  test('topics, format and options can be changed as well', async () => {
    await using backend = new MemoryBackend();
    const rerouted: Middleware = { publish: (_, next) => next({ topics: ['a', 'b'], options: { key: 'k' } }) };
    const bus = openBus(backend, { sender: 'user:ada', use: [rerouted] });

    await bus.publish('in', genericJson, 'x');

    expect((await bus.read({ topic: 'b' })).items).toMatchObject([{ topics: ['a', 'b'], key: 'k', payload: 'x' }]);
  });

  test('fails when a middleware does not give what next gave', async () => {
    await using backend = new MemoryBackend();
    const careless = { publish: async (_: unknown, next: () => Promise<unknown>) => void (await next()) } as never;
    const bus = openBus(backend, { sender: 'user:ada', use: [careless] });

    await expect(bus.publish('in', genericJson, 'x')).rejects.toMatchObject({ code: 'MIDDLEWARE_FAILED' });
  });
});

test('a pipeline has the sides that its parts have', () => {
  const [handles, publishes]: Middleware[] = [{ handle: (_, next) => next() }, { publish: (_, next) => next() }];
  const sides = (...parts: (Middleware | undefined)[]) => Object.keys(pipeline(...(parts as Middleware[])));

  expect([sides(handles), sides(publishes), sides(handles, publishes)]).toEqual([
    ['handle'],
    ['publish'],
    ['handle', 'publish'],
  ]);
});

test.each<[string, readonly unknown[], readonly string[]]>([
  ['nothing', [], ['use']],
  [
    'what is no middleware',
    [undefined, null, 'x', {}, { handle: 1 }],
    ['use[0]', 'use[1]', 'use[2]', 'use[3]', 'use[4]'],
  ],
  ['one of the sides being no function', [{ handle: () => {}, publish: true }], ['use[0]']],
])('a pipeline of %s is refused, with every fault', (_, parts, fields) => {
  const make = () => pipeline(...(parts as never[]));

  expect(make).toThrow(InvalidArgumentError);
  expect(make).toThrow(expect.objectContaining({ faults: fields.map((field) => expect.objectContaining({ field })) }));
});
