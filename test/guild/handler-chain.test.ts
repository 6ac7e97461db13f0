import { type Context, defineAgent, defineFormat, genericJson } from 'guildwire';
import { type Middleware, retry, timeout } from 'guildwire/middleware';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { type Act, failing, passesOn, payloadsOf, send, worker } from '../bus/middleware/worker.ts';
import { atOnce, deadLettersOf, gate, Lab, turns } from './lab.ts';

/** Runs what is further in so many times, whatever comes of it but the last. */
const times = (count: number): Middleware => ({
  async handle(_, next) {
    for (let run = 1; run < count; run++) await next().catch(() => {});
    await next();
  },
});
const swallows: Middleware = { handle: (_, next) => next().catch(() => {}) };

describe('each run of a handler has a context of its own', () => {
  test('of which only the last is published and written', async () => {
    await using lab = new Lab();
    let run = 0;
    const act: Act = async (_, context) => {
      run++;
      const before = (await context.state.get('runs')) as number | undefined;
      context.state.set('runs', [before ?? null, run]);
      context.publish('out', genericJson, `run ${run}`);
      if (run === 2) throw new Error('not yet');
    };
    const running = await lab.start([worker(act, { use: [times(3)], state: genericJson })]);

    await send(running, 'x');
    await lab.clock.advance(0);

    expect(await payloadsOf(running, 'out')).toEqual(['run 3']);
    expect(await lab.backend.state('default', 'worker', ['runs'])).toMatchObject([{ value: [null, 3], version: 1 }]);
  });

  test('of which none is published if the error of the last is kept back', async () => {
    await using lab = new Lab();
    const act: Act = (payload, context) => {
      passesOn(payload, context);
      throw new Error('kept back');
    };
    const running = await lab.start([worker(act, { use: [swallows] })]);

    await send(running, 'x');
    await lab.clock.advance(0);

    expect(await payloadsOf(running, 'out')).toEqual([]);
    expect(await running.stats()).toMatchObject([{ waiting: 0, dead: 0 }]);
  });

  test('whose effects are found again by the next, and by the next attempt', async () => {
    await using lab = new Lab();
    const ids: string[] = [];
    const act: Act = async (_, context) => {
      const first = await context.publishNow('now', genericJson, 'one');
      const second = await context.publishNow('now', genericJson, 'two');
      ids.push(`${first}/${second}`);
      if (ids.length < 4) throw new Error('not yet');
    };
    const use = [retry({ attempts: 2, baseMs: 0 })];
    const running = await lab.start([worker(act, { use, retry: atOnce(2) })]);

    await send(running, 'x');
    await lab.clock.advance(0);

    expect(ids).toHaveLength(4);
    expect(new Set(ids).size).toBe(1);
    expect(await payloadsOf(running, 'now')).toEqual(['one', 'two']);
  });

  test('whose spending counts, whatever comes of the run', async () => {
    await using lab = new Lab();
    const act: Act = (payload, context) => {
      context.spend({ tokens: 10 });
      if (payload === 'x') context.publish('in', genericJson, 'y');
    };
    const greedy = worker(act, { use: [times(3)], publishes: ['in'] });
    const other = { ...worker(passesOn), name: 'other' } as const;
    const running = await lab.start([greedy, other]);

    await running.publish('in', genericJson, 'x', { budget: { tokens: 30 } });
    await lab.clock.advance(0);

    expect((await deadLettersOf(running, 'other'))[0]?.errors).toMatchObject([
      { message: expect.stringContaining('30 of 30 tokens') },
    ]);
  });

  test('and its payload decoded anew, unless a middleware gave another', async () => {
    await using lab = new Lab();
    const List = defineFormat('list', z.array(z.string()));
    const seen: string[] = [];
    const agent = defineAgent({
      name: 'lists',
      entry: import.meta.url,
      subscribes: ['in'],
      use: [times(2)],
      handlers: (on) => [on(List, (list) => void seen.push(list.splice(0).join()))],
    });
    const running = await lab.start([agent]);

    await running.publish('in', List, ['a', 'b']);
    await lab.clock.advance(0);

    expect(seen).toEqual(['a,b', 'a,b']);
  });
});

describe('a run that is over can do no more', () => {
  /** What comes of everything that decides something. */
  const attempts = async (context: Context<string, typeof genericJson>) => {
    const calls: readonly (() => unknown)[] = [
      () => context.publish('out', genericJson, 'late'),
      () => context.later(1, genericJson, 'late'),
      () => context.spend({ tokens: 1 }),
      () => context.state,
      () => context.sleep(1),
      () => context.publishNow('now', genericJson, 'late'),
    ];
    const outcomes = calls
      .map(async (call) => call())
      .map((done) =>
        done.then(
          () => 'allowed',
          (error) => error.code,
        ),
      );
    return [...new Set(await Promise.all(outcomes))].join();
  };

  test('when the next has begun', async () => {
    await using lab = new Lab();
    const { opened, open } = gate();
    const found: unknown[] = [];
    let run = 0;
    const hedged: Middleware = {
      async handle(_, next) {
        const first = next();
        found.push(await Promise.race([first, next()]).catch((error) => error.code));
        found.push(await first.catch((error) => error.code));
      },
    };
    const act: Act = async (_, context) => {
      if (++run === 2) return context.publish('out', genericJson, 'second');
      context.publish('out', genericJson, 'first');
      await opened;
      found.push(context.signal.aborted, await attempts(context));
    };
    const running = await lab.start([worker(act, { use: [hedged], state: genericJson })]);

    await send(running, 'x');
    await lab.clock.advance(0);
    open();
    await turns();

    expect(found).toEqual(['ATTEMPT_ENDED', 'ATTEMPT_ENDED', true, 'ATTEMPT_ENDED']);
    expect(await payloadsOf(running, 'out')).toEqual(['second']);
    expect(await payloadsOf(running, 'now')).toEqual([]);
  });

  test('when it failed, or was done', async () => {
    await using lab = new Lab();
    const { opened, open } = gate();
    const found: unknown[] = [];
    const fails = failing(1);
    const act: Act = (payload, context) => {
      void opened.then(async () => found.push(await attempts(context)));
      passesOn(payload, context);
      fails();
    };
    const waits: Middleware = {
      async handle(handling, next) {
        await next();
        open();
        await handling.sleep(1);
      },
    };
    const use = [waits, retry({ attempts: 2, baseMs: 0 })];
    const running = await lab.start([worker(act, { use, state: genericJson })]);

    await send(running, 'x');
    await lab.clock.advance(1);

    expect(found).toEqual(['ATTEMPT_ENDED', 'ATTEMPT_ENDED']);
    expect(await payloadsOf(running, 'out')).toEqual(['x']);
  });

  test('when it failed, also before the next begins', async () => {
    await using lab = new Lab();
    const { opened, open } = gate();
    const found: unknown[] = [];
    const act: Act = (_, context) => {
      void opened.then(async () => found.push(context.signal.aborted, await attempts(context)));
      throw new Error('not yet');
    };
    const waits: Middleware = {
      async handle({ sleep }, next) {
        await next().catch(() => {});
        open();
        await sleep(1);
      },
    };
    const running = await lab.start([worker(act, { use: [waits], state: genericJson })]);

    await send(running, 'x');
    await lab.clock.advance(1);

    expect(found).toEqual([true, 'ATTEMPT_ENDED']);
  });

  test.each(Array.from({ length: 24 }, (_, ticks) => ticks))(
    'if it is given up %d ticks after its handler is done: it has failed, or it counts, and never both',
    async (ticks) => {
      await using lab = new Lab();
      const giveUp = new AbortController();
      let hasFailed = false;
      const act: Act = async (payload, context) => {
        passesOn(payload, context);
        void (async () => {
          for (let tick = 0; tick < ticks; tick++) await undefined;
          giveUp.abort(new Error('enough'));
        })();
      };
      const given: Middleware = {
        handle: ({ payload }, next) =>
          next(payload, { signal: giveUp.signal }).catch(() => {
            hasFailed = true;
          }),
      };
      const running = await lab.start([worker(act, { use: [given] })]);

      await send(running, 'x');
      await lab.clock.advance(0);

      expect(await payloadsOf(running, 'out')).toEqual(hasFailed ? [] : ['x']);
    },
  );

  test('and does not begin for a signal that has aborted before', async () => {
    await using lab = new Lab();
    let runs = 0;
    const late: Middleware = {
      handle: ({ payload }, next) => next(payload, { signal: AbortSignal.abort(new Error('too late')) }),
    };
    const running = await lab.start([worker(() => void runs++, { use: [late] })]);

    await send(running, 'x');
    await lab.clock.advance(0);

    expect(runs).toBe(0);
    expect(await deadLettersOf(running, 'worker')).toMatchObject([{ errors: [{ message: 'too late' }] }]);
  });

  test('but a signal that aborts when all is done undoes nothing', async () => {
    await using lab = new Lab();
    const tidy: Middleware = {
      async handle({ payload }, next) {
        const giveUp = new AbortController();
        await next(payload, { signal: giveUp.signal });
        giveUp.abort(new Error('no longer needed'));
      },
    };
    let signal: AbortSignal | undefined;
    const act: Act = (payload, context) => {
      ({ signal } = context);
      passesOn(payload, context);
    };
    const running = await lab.start([worker(act, { use: [tidy] })]);

    await send(running, 'x');
    await lab.clock.advance(0);

    expect(await payloadsOf(running, 'out')).toEqual(['x']);
    expect(signal?.aborted).toBe(false);
  });

  test('and none begins once what it was for is given up', async () => {
    await using lab = new Lab();
    let runs = 0;
    const slow: Middleware = {
      async handle({ clock }, next) {
        await new Promise<void>((resolve) => clock.setTimer(100, resolve));
        await next();
      },
    };
    const running = await lab.start([worker(() => void runs++, { use: [timeout(50), slow] })]);

    await send(running, 'x');
    await turns();
    await lab.clock.force(50);
    expect(await running.stats()).toMatchObject([{ dead: 1 }]);
    await lab.clock.advance(100);

    expect(runs).toBe(0);
  });
});

describe('when the attempt is ended from outside, next rejects with the reason', () => {
  const noticed = (codes: unknown[]): Middleware => ({
    async handle({ signal, attempt }, next) {
      await next().catch((error) => {
        codes.push(attempt, error.code, signal.aborted);
        throw error;
      });
    },
  });

  test('because it is out of time, though the handler never ends', async () => {
    await using lab = new Lab();
    const codes: unknown[] = [];
    const hangs: Act = () => new Promise(() => {});
    const use = [noticed(codes)];
    const running = await lab.start([worker(hangs, { use, timeoutMs: 1_000, retry: atOnce(2) })]);

    await send(running, 'x');
    await turns();
    await lab.clock.force(1_000);
    await lab.clock.force(1_000);
    await turns();

    expect(codes).toEqual([1, 'HANDLER_TIMEOUT', true, 2, 'HANDLER_TIMEOUT', true]);
    expect((await deadLettersOf(running, 'worker'))[0]?.errors).toHaveLength(2);
  });

  test.each<[string, Middleware]>([
    ['no signal was given', noticed([])],
    ['a signal was given', { handle: ({ payload }, next) => next(payload, { signal: new AbortController().signal }) }],
  ])('also if a middleware further in hangs, and %s', async (_, between) => {
    await using lab = new Lab();
    const codes: unknown[] = [];
    const hangs: Middleware = { handle: () => new Promise(() => {}) };
    const told: Middleware = {
      async handle(handling, next) {
        await between.handle?.(handling, (payload, options) =>
          next(payload, options).catch((error) => {
            codes.push(error.code);
            throw error;
          }),
        );
      },
    };
    const running = await lab.start([worker(() => {}, { use: [told, hangs], timeoutMs: 1_000 })]);

    await send(running, 'x');
    await turns();
    await lab.clock.force(1_000);
    await turns();

    expect(codes).toEqual(['HANDLER_TIMEOUT']);
  });

  test('because the guild stops: the delivery is handed back, and counts no attempt', async () => {
    await using lab = new Lab();
    const codes: unknown[] = [];
    const running = await lab.start([worker(() => new Promise(() => {}), { use: [noticed(codes)] })]);
    await send(running, 'x');
    await turns();

    const drained = running.drain(0);
    await lab.clock.force(0);
    await drained;

    expect(codes).toEqual([1, 'POSTPONED', true]);
    expect(await running.stats()).toMatchObject([{ waiting: 1, dead: 0 }]);
  });
});

test('what a middleware left behind ends with the attempt', async () => {
  await using lab = new Lab();
  const found: unknown[] = [];
  const raced: Middleware = {
    async handle({ sleep }, next) {
      const late = sleep(60_000).then(
        () => 'slept',
        (error) => error.code,
      );
      await Promise.race([next(), late]);
      void late.then((code) => found.push(code));
    },
  };
  const running = await lab.start([worker(() => {}, { use: [raced] })]);

  await send(running, 'x');
  await lab.clock.advance(0);

  expect(found).toEqual(['ATTEMPT_ENDED']);
  expect(await running.stats()).toMatchObject([{ waiting: 0, dead: 0 }]);
});

test('a payload that cannot be decoded is a dead letter at once, and no middleware is asked', async () => {
  await using lab = new Lab();
  const Count = defineFormat('count', z.object({ count: z.int() }));
  let asked = 0;
  const counted: Middleware = { handle: (_, next) => next(void asked++) };
  const agent = defineAgent({
    name: 'counter',
    entry: import.meta.url,
    subscribes: ['in'],
    use: [counted],
    handlers: (on) => [on(Count, () => {})],
  });
  const running = await lab.start([agent]);

  await running.publish('in', { ...genericJson, name: 'count' }, { count: 'one' });
  await lab.clock.advance(0);

  expect(asked).toBe(0);
  expect(await deadLettersOf(running, 'counter')).toMatchObject([{ reason: 'undecodable' }]);
});

test('a handling says what it is of', async () => {
  await using lab = new Lab();
  const Task = defineFormat('task', z.object({ line: z.int().default(1) }));
  const seen: unknown[] = [];
  const looks: Middleware = {
    async handle(handling, next) {
      const { agent, namespace, message, format, payload, attempt, deliveryKey, deadlineAt } = handling;
      await handling.sleep(400);
      seen.push({ agent, namespace, attempt, payload, format: format?.name, topic: message.topic });
      seen.push(deliveryKey === `default/lister/in/${message.id}/0`, deadlineAt - handling.now());
      seen.push(handling.remainingMs(), handling.now() === handling.clock.now(), handling.signal.aborted);
      handling.log.info('looked');
      await next();
    },
  };
  const agent = defineAgent({
    name: 'lister',
    entry: import.meta.url,
    subscribes: ['in'],
    timeoutMs: 1_000,
    use: [looks],
    handlers: (on) => [on(Task, () => {})],
  });
  const running = await lab.start([agent]);

  const id = await running.publish('in', Task, {});
  await lab.clock.advance(400);

  const what = { agent: 'lister', namespace: 'default', attempt: 1, payload: { line: 1 }, format: 'task', topic: 'in' };
  expect(seen).toEqual([what, true, 600, 600, true, false]);
  expect(lab.log.said).toEqual([
    { level: 'info', text: 'looked', data: { agent: 'lister', namespace: 'default', message: `in/${id}`, attempt: 1 } },
  ]);
});
