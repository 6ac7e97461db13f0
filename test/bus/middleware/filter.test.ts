import {
  defineAgent,
  defineFormat,
  genericJson,
  InvalidDefinitionError,
  MemoryBackend,
  openBus,
  type Reference,
} from 'guildwire';
import { filter } from 'guildwire/middleware';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { deadLettersOf, Lab } from '../../guild/lab.ts';
import { send, worker } from './worker.ts';

const Task = defineFormat('task', z.object({ line: z.int().default(1) }));

describe('around a handler', () => {
  test('what does not pass is acknowledged as filtered without its handler, counted, and explained', async () => {
    await using lab = new Lab();
    const handled: unknown[] = [];
    const use = [filter({ handle: async (payload, { message }) => message.topic === 'in' && payload !== 'no' })];
    const running = await lab.start([worker((payload) => void handled.push(payload), { use })]);

    await send(running, 'yes');
    const id = await running.publish('in', genericJson, 'no');
    await lab.clock.advance(0);

    expect(handled).toEqual(['yes']);
    expect(await running.stats()).toMatchObject([{ waiting: 0, dead: 0, dropped: { filtered: 1 } }]);
    expect(await running.explain(`in/${id}` as Reference)).toMatchObject([
      { agent: 'worker', verdict: 'filtered', attempts: 0 },
    ]);
  });

  test('with a format only what a handler of that format takes is asked about, decoded', async () => {
    await using lab = new Lab();
    const asked: unknown[] = [];
    const handled: unknown[] = [];
    const use = [
      filter(Task, {
        handle: (task) => {
          asked.push(task);
          return task.line > 1;
        },
      }),
    ];
    const agent = defineAgent({
      name: 'lister',
      entry: import.meta.url,
      subscribes: ['in'],
      concurrency: 1,
      use,
      handlers: (on) => [
        on(Task, (task) => void handled.push(task.line)),
        on.any((payload) => void handled.push(payload)),
      ],
    });
    const running = await lab.start([agent]);

    await running.publish('in', Task, {});
    await running.publish('in', Task, { line: 2 });
    await send(running, 'other');
    await lab.clock.advance(0);

    expect(asked).toEqual([{ line: 1 }, { line: 2 }]);
    expect(handled).toEqual([2, 'other']);
  });

  test('a predicate that throws fails the attempt, and the message is not lost', async () => {
    await using lab = new Lab();
    const broken = () => {
      throw new Error('no list');
    };
    const running = await lab.start([worker(() => {}, { use: [filter({ handle: broken })] })]);

    await send(running, 'x');
    await lab.clock.advance(0);

    expect(await deadLettersOf(running, 'worker')).toMatchObject([{ errors: [{ message: 'no list' }] }]);
  });
});

describe('around publishing', () => {
  test('what does not pass is not stored, and whoever publishes is told', async () => {
    await using backend = new MemoryBackend();
    const bus = openBus(backend, { sender: 'user:ada', use: [filter({ publish: (payload) => payload !== 'no' })] });

    await bus.publish('in', genericJson, 'yes');
    await expect(bus.publish('in', genericJson, 'no')).rejects.toMatchObject({ code: 'FILTERED', retryable: false });

    expect((await bus.read({ topic: 'in' })).items).toMatchObject([{ payload: 'yes' }]);
  });

  test('with a format only messages of it are asked about', async () => {
    await using backend = new MemoryBackend();
    const bus = openBus(backend, { sender: 'user:ada', use: [filter(Task, { publish: ({ line }) => line !== 1 })] });

    await bus.publish('in', genericJson, { line: 1 });
    await bus.publish('in', Task, { line: 2 });

    await expect(bus.publish('in', Task, { line: 1 })).rejects.toMatchObject({ code: 'FILTERED' });
  });
});

test('has the sides that it is given', () => {
  const yes = () => true;

  expect([{ handle: yes }, { publish: yes }, { handle: yes, publish: yes }].map((sides) => filter(sides))).toEqual([
    { handle: expect.any(Function) },
    { publish: expect.any(Function) },
    { handle: expect.any(Function), publish: expect.any(Function) },
  ]);
});

test.each<[string, readonly unknown[], string]>([
  ['without sides', [{}], 'sides'],
  ['with nothing', [], 'options'],
  ['with a function for sides', [() => true], 'options'],
  ['with a side that is no function', [{ handle: 'yes' }], 'handle'],
  ['with a side that there is not', [{ handler: () => true, handle: () => true }], 'handler'],
  ['with what is no format', ['task', { handle: () => true }], 'format'],
])('is refused %s', (_, given, field) => {
  const make = () => filter(...(given as [never]));

  expect(make).toThrow(InvalidDefinitionError);
  expect(make).toThrow(expect.objectContaining({ faults: [expect.objectContaining({ field })] }));
});
