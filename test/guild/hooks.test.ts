import { type Context, defineFormat, genericJson, type Hooks, PermanentError, Postponed } from 'guildwire';
import { filter, type Middleware, retry, timeout } from 'guildwire/middleware';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { type Act, failing, passesOn, payloadsOf, send, worker } from '../bus/middleware/worker.ts';
import { atOnce, deadLettersOf, gate, Lab, turns } from './lab.ts';

type WorkerHooks = Hooks<string, typeof genericJson>;

const traced = (trace: string[]): WorkerHooks => ({
  before: () => void trace.push('before'),
  after: () => void trace.push('after'),
  onError: (_, error) => void trace.push(`onError ${(error as { code?: string }).code ?? error}`),
});

test('hooks stand outside the middleware of the guild, and that outside the middleware of the agent', async () => {
  await using lab = new Lab();
  const trace: string[] = [];
  const named = (name: string): Middleware => ({
    async handle(_, next) {
      trace.push(`${name}>`);
      await next();
      trace.push(`<${name}`);
    },
  });
  const agent = worker(() => void trace.push('handler'), { hooks: traced(trace), use: [named('agent')] });
  const running = await lab.start([agent], { use: [named('guild')] });

  await send(running, 'x');
  await lab.clock.advance(0);

  expect(trace).toEqual(['before', 'guild>', 'agent>', 'handler', '<agent', '<guild', 'after']);
});

describe.each<[string, readonly Middleware[]]>([
  ['without middleware', []],
  ['with middleware', [retry({ attempts: 2, baseMs: 0 })]],
])('%s', (_, use) => {
  test('hooks decide together with the handler, in one step', async () => {
    await using lab = new Lab();
    const seen: unknown[] = [];
    const fails = failing(use.length);
    const count = async (context: Context<string, typeof genericJson>, by: number) => {
      const before = ((await context.state.get('count')) ?? 0) as number;
      context.state.set('count', before + by);
      context.publish('out', genericJson, by);
      seen.push(await context.publishNow('now', genericJson, by));
    };
    const hooks: WorkerHooks = { before: (context) => count(context, 1), after: (context) => count(context, 100) };
    const act: Act = async (_, context) => {
      await count(context, 10);
      fails();
    };
    const running = await lab.start([worker(act, { hooks, use, state: genericJson })]);

    await send(running, 'x');
    await lab.clock.advance(0);

    expect(await payloadsOf(running, 'out')).toEqual([1, 10, 100]);
    expect(await payloadsOf(running, 'now')).toEqual([1, 10, 100]);
    expect(new Set(seen).size).toBe(3);
    expect(await lab.backend.state('default', 'worker', ['count'])).toMatchObject([{ value: 111, version: 1 }]);
  });

  test('what before throws fails the attempt, and the handler does not run', async () => {
    await using lab = new Lab();
    const trace: string[] = [];
    const before = () => Promise.reject(new PermanentError('not today'));
    const hooks = { ...traced(trace), before };
    const running = await lab.start([worker(() => void trace.push('handler'), { hooks, use })]);

    await send(running, 'x');
    await lab.clock.advance(0);

    expect(trace).toEqual(['onError PERMANENT']);
    expect(await deadLettersOf(running, 'worker')).toMatchObject([{ reason: 'permanent' }]);
  });

  test('what after throws fails the attempt, and nothing of it is published', async () => {
    await using lab = new Lab();
    const trace: string[] = [];
    const fails = failing(1);
    const hooks = { ...traced(trace), after: fails };
    const running = await lab.start([worker(passesOn, { hooks, use, retry: atOnce(2) })]);

    await send(running, 'x');
    await lab.clock.advance(0);

    expect(trace).toEqual(['before', 'onError Error: not yet', 'before']);
    expect(await payloadsOf(running, 'out')).toEqual(['x']);
  });

  test('a handler does not begin if the attempt ended while before was at work', async () => {
    await using lab = new Lab();
    const trace: string[] = [];
    const { opened, open } = gate();
    const hooks = { ...traced(trace), before: () => opened };
    const running = await lab.start([worker(() => void trace.push('handler'), { hooks, use, timeoutMs: 1_000 })]);
    await send(running, 'x');
    await turns();

    await lab.clock.force(1_000);
    open();
    await turns();

    expect(trace).toEqual(['onError HANDLER_TIMEOUT']);
  });

  test('after is not called if the attempt ended while the handler was at work', async () => {
    await using lab = new Lab();
    const trace: string[] = [];
    const { opened, open } = gate();
    const running = await lab.start([worker(() => opened, { hooks: traced(trace), use, timeoutMs: 1_000 })]);
    await send(running, 'x');
    await turns();

    await lab.clock.force(1_000);
    open();
    await turns();

    expect(trace).toEqual(['before', 'onError HANDLER_TIMEOUT']);
  });
});

describe('onError', () => {
  const Count = defineFormat('counted', z.object({ count: z.int() }));
  const thrown = (error: unknown): Act => {
    return () => {
      throw error;
    };
  };
  test.each<[string, Act, readonly Middleware[], string]>([
    ['what the handler threw', thrown(new RangeError('too much')), [], 'RangeError: too much'],
    ['what it threw that is no error', thrown('text'), [], 'text'],
    ['that it was filtered out', () => {}, [filter({ handle: () => false })], 'FILTERED'],
    ['that it was postponed', thrown(new Postponed(60_000)), [], 'POSTPONED'],
    ['that a middleware gave up', (_, context) => context.sleep(20), [timeout(10)], 'HANDLER_TIMEOUT'],
  ])('is told %s', async (_, act, use, told) => {
    await using lab = new Lab();
    const trace: string[] = [];
    const running = await lab.start([worker(act, { hooks: traced(trace), use })]);

    await send(running, 'x');
    await lab.clock.advance(20);

    expect(trace).toEqual(['before', `onError ${told}`]);
  });

  test('is told why a payload could not be decoded', async () => {
    await using lab = new Lab();
    const trace: string[] = [];
    const agent = worker(() => {}, { hooks: traced(trace) });
    const decoding = { ...agent, handlers: [{ format: Count, run: () => {} }] };
    const running = await lab.start([decoding]);

    await running.publish('in', { ...genericJson, name: 'counted' }, 'x');
    await lab.clock.advance(0);

    expect(trace).toEqual(['before', 'onError PAYLOAD_INVALID']);
  });

  test('is told that somebody else has the delivery', async () => {
    await using lab = new Lab();
    const trace: string[] = [];
    const running = await lab.start([worker(() => new Promise(() => {}), { hooks: traced(trace) })]);
    await send(running, 'x');
    await turns();

    await running.unsubscribe('worker');
    await lab.clock.force(10_000);

    expect(trace).toEqual(['before', 'onError LEASE_LOST']);
  });

  test('has a context that can decide no more', async () => {
    await using lab = new Lab();
    const codes: unknown[] = [];
    const onError: WorkerHooks['onError'] = async (context) => {
      codes.push(context.attempt);
      await context.publishNow('now', genericJson, 'late').catch((error) => codes.push(error.code));
      try {
        context.publish('out', genericJson, 'late');
      } catch (error) {
        codes.push((error as { code: string }).code);
      }
    };
    const running = await lab.start([worker(failing(1), { hooks: { onError } })]);

    await send(running, 'x');
    await lab.clock.advance(0);

    expect(codes).toEqual([1, 'ATTEMPT_ENDED', 'ATTEMPT_ENDED']);
  });

  test.each<[string, () => void | Promise<void>]>([
    ['at once', failing(1, () => new Error('no disk'))],
    ['later', () => Promise.reject(new Error('no disk'))],
  ])('that throws %s is logged, and changes nothing', async (_, onError) => {
    await using lab = new Lab();
    const running = await lab.start([worker(failing(1), { hooks: { onError }, retry: atOnce(2) })]);

    await send(running, 'x');
    await lab.clock.advance(0);

    expect(lab.log.texts).toEqual(['warn: attempt 1 of 2 failed, again in 0 ms', 'error: the hook onError failed']);
    expect(lab.log.said[1]?.data).toMatchObject({ agent: 'worker', error: { message: 'no disk' } });
    expect(await running.stats()).toMatchObject([{ waiting: 0, dead: 0 }]);
  });

  test('holds up the end of the guild, but not the next attempt', async () => {
    await using lab = new Lab();
    const { opened, open } = gate();
    const trace: string[] = [];
    const onError = async () => {
      await opened;
      trace.push('told');
    };
    const fails = failing(1);
    const handles = () => {
      fails();
      trace.push('handled');
    };
    const running = await lab.start([worker(handles, { hooks: { onError }, retry: atOnce(2) })]);
    await send(running, 'x');
    await turns();

    const drained = running.drain().then(() => trace.push('drained'));
    await turns();
    expect(trace).toEqual(['handled']);
    open();
    await drained;

    expect(trace).toEqual(['handled', 'told', 'drained']);
  });
});

test('hooks that are methods of a class keep their object', async () => {
  await using lab = new Lab();
  class Counted {
    count = 0;
  }
  class Counter {
    readonly #counted: Counted;
    constructor(counted: Counted) {
      this.#counted = counted;
    }
    before(): void {
      this.#counted.count++;
    }
  }
  const counted = new Counted();
  const running = await lab.start([worker(() => {}, { hooks: new Counter(counted) })]);

  await send(running, 1, 2);
  await lab.clock.advance(0);

  expect(counted.count).toBe(2);
});
