import { type DeadLetter, defineAgent, genericJson, MemoryBackend } from 'guildwire';
import { expect, test } from 'vitest';
import { borrowed, gate, Lab, ManualClock, turns } from './lab.ts';

const base = { entry: import.meta.url, subscribes: ['a'] } as const;

test('an at-most-once delivery whose history cannot be read at first is handled later, and not lost', async () => {
  await using lab = new Lab();
  const handled: unknown[] = [];
  let failures = 1;
  const agent = defineAgent({
    ...base,
    name: 'once',
    guarantee: 'at-most-once',
    handlers: (on) => [on.any((payload) => void handled.push(payload))],
  });
  const first = defineAgent({
    name: 'first',
    entry: import.meta.url,
    subscribes: ['go'],
    publishes: ['a'],
    handlers: (on) => [
      on.any((payload, context) => context.publish('a', genericJson, payload, { enrichWithHistory: 1 })),
    ],
  });
  const backend = new Proxy(lab.backend, {
    get(target, property) {
      if (property === 'read' && failures-- > 0) return () => Promise.reject(new Error('away for a moment'));
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const running = await lab.start([agent, first], { backend: () => borrowed(backend) });

  await running.publish('go', genericJson, 1);
  await lab.clock.advance(5_000);

  expect(handled).toEqual([1]);
  expect((await running.read({ deadLettersOf: 'once' })).items).toEqual([]);
});

test('a handler that holds the process past its deadline has no effect, and has failed', async () => {
  const clock = new ManualClock();
  await using lab = new Lab({ clock });
  const agent = defineAgent({
    ...base,
    name: 'busy',
    publishes: ['out'],
    timeoutMs: 1_000,
    retry: { attempts: 1 },
    handlers: (on) => [
      on.any((_, context) => {
        context.publish('out', genericJson, 'too late');
        clock.pass(1_500);
      }),
    ],
  });
  const running = await lab.start([agent]);

  await running.publish('a', genericJson, 1);
  await turns();

  expect((await running.read({ topic: 'out' })).items).toEqual([]);
  const { items } = await running.read({ deadLettersOf: 'busy' });
  expect(items.map(({ payload }) => (payload as unknown as DeadLetter).errors[0]?.code)).toEqual(['HANDLER_TIMEOUT']);
});

test('deliveries that wait for their turn behind slow ones keep their lease, and are handled once', async () => {
  const clock = new ManualClock();
  await using lab = new Lab({ clock });
  const handled: unknown[] = [];
  const agent = defineAgent({
    ...base,
    name: 'slow',
    concurrency: 10,
    handlers: (on) => [
      on.any((payload) => {
        handled.push(payload);
        clock.pass(6_000);
      }),
    ],
  });
  const running = await lab.start([agent]);

  for (let n = 0; n < 20; n++) await running.publish('a', genericJson, n);
  for (let round = 0; round < 20; round++) await clock.advance(0);

  expect(handled.toSorted((one, other) => Number(one) - Number(other))).toEqual(
    Array.from({ length: 20 }, (_, n) => n),
  );
});

test('after the deadline of a drain nothing is started, and what could not start is handed back', async () => {
  const clock = new ManualClock();
  await using lab = new Lab({ clock });
  const { opened, open } = gate();
  const handled: unknown[] = [];
  const backend = new Proxy(lab.backend, {
    get(target, property) {
      const value: unknown = Reflect.get(target, property, target);
      if (property === 'read') return (query: never) => opened.then(() => target.read(query));
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const first = defineAgent({
    name: 'first',
    entry: import.meta.url,
    subscribes: ['go'],
    publishes: ['a'],
    handlers: (on) => [on.any((_, context) => context.publish('a', genericJson, 1, { enrichWithHistory: 1 }))],
  });
  const agent = defineAgent({
    ...base,
    name: 'late',
    handlers: (on) => [on.any((payload) => void handled.push(payload))],
  });
  const running = await lab.start([first, agent], { backend: () => borrowed(backend) });
  await running.publish('go', genericJson, 1);
  await turns();

  const drained = running.drain(0);
  await clock.advance(0);
  open();
  await drained;

  expect(handled).toEqual([]);
  expect((await running.stats()).find((each) => each.agent === 'late')).toMatchObject({ waiting: 1, dead: 0 });
});

test('a logger that throws stops nobody', async () => {
  await using lab = new Lab();
  const handled: unknown[] = [];
  const fail = () => {
    throw new Error('the logger is broken');
  };
  const agent = defineAgent({
    ...base,
    name: 'worker',
    concurrency: 1,
    retry: { attempts: 1 },
    handlers: (on) => [
      on.any((payload) => {
        handled.push(payload);
        throw new Error('as always');
      }),
    ],
  });
  const running = await lab.start([agent], { log: { debug: fail, info: fail, warn: fail, error: fail } });

  await running.publish('a', genericJson, 1);
  await running.publish('a', genericJson, 2);
  await turns();

  expect(handled).toEqual([1, 2]);
});

test('state that is used after the attempt has ended is refused', async () => {
  await using lab = new Lab();
  const codes: unknown[] = [];
  const agent = defineAgent({
    ...base,
    name: 'keeper',
    state: genericJson,
    handlers: (on) => [
      on.any((_, { state }) => {
        setImmediate(() => {
          try {
            state.set('k', 2);
          } catch (error) {
            codes.push((error as { code: string }).code);
          }
        });
      }),
    ],
  });
  const running = await lab.start([agent]);

  await running.publish('a', genericJson, 1);
  await turns();

  expect(codes).toEqual(['ATTEMPT_ENDED']);
});

test('a tail ends when its backend is closed', async () => {
  const backend = new MemoryBackend();
  await using lab = new Lab();
  const agent = defineAgent({ ...base, name: 'idle', handlers: (on) => [on.any(() => {})] });
  const running = await lab.start([agent], { backend: () => borrowed(backend) });
  const next = running.tail({ topic: 'a' }).next();
  const ended = expect(next).rejects.toMatchObject({ code: 'BACKEND_UNAVAILABLE' });
  await turns();

  await running.drain();
  await backend[Symbol.asyncDispose]();

  await ended;
});

test('one place that becomes free admits one of many publishers that wait for it', async () => {
  await using lab = new Lab();
  const backend = new MemoryBackend({ clock: lab.clock, maxWaiting: 1 });
  const agent = defineAgent({ ...base, name: 'away', handlers: (on) => [on.any(() => {})] });
  const running = await lab.start([agent], { backend: () => borrowed(backend) });
  await running.drain();
  await running.publish('a', genericJson, 'first');
  const blocked = Promise.allSettled(Array.from({ length: 50 }, (_, n) => running.publish('a', genericJson, n)));
  await turns();

  const request = { agent: 'away', namespaces: ['default'], max: 1, leaseMs: 1_000, waitMs: 0 };
  for (const lease of await backend.lease(request))
    await backend.settle([{ kind: 'dropped', lease, reason: 'filtered' }]);
  await turns();

  expect(await running.stats()).toMatchObject([{ waiting: 1 }]);
  await lab.clock.advance(6_000);
  expect((await blocked).filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
});

test('whoever subscribes again is not paused, and nothing is counted yet', async () => {
  await using lab = new Lab();
  const agent = defineAgent({ ...base, name: 'again', handlers: (on) => [on(genericJson, () => {})] });
  const running = await lab.start([agent]);
  await running.publish('a', { ...genericJson, name: 'other' }, 1);
  await turns();
  await running.pause('again');
  await running.unsubscribe('again');

  const next = await lab.start([agent]);

  expect(await next.stats()).toMatchObject([{ agent: 'again', paused: false, dropped: {} }]);
});
