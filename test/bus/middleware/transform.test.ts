import { defineAgent, defineFormat, genericJson, InvalidDefinitionError, MemoryBackend, openBus } from 'guildwire';
import { transform } from 'guildwire/middleware';
import { expect, test } from 'vitest';
import * as z from 'zod';
import { deadLettersOf, Lab } from '../../guild/lab.ts';
import { payloadsOf, send, worker } from './worker.ts';

const Task = defineFormat('task', z.object({ text: z.string().min(1), line: z.int().default(1) }));

test('a handler gets what became of the decoded payload; what is stored stays as it is', async () => {
  await using lab = new Lab();
  const handled: unknown[] = [];
  const use = [transform(Task, { handle: async (task) => ({ ...task, line: task.line + 1 }) })];
  const agent = defineAgent({
    name: 'lister',
    entry: import.meta.url,
    subscribes: ['in'],
    concurrency: 1,
    use,
    handlers: (on) => [on(Task, (task) => void handled.push(task)), on.any((payload) => void handled.push(payload))],
  });
  const running = await lab.start([agent]);

  await running.publish('in', Task, { text: 'a' });
  await send(running, { text: 'b' });
  await lab.clock.advance(0);

  expect(handled).toEqual([{ text: 'a', line: 2 }, { text: 'b' }]);
  expect(await payloadsOf(running, 'in')).toEqual([{ text: 'a' }, { text: 'b' }]);
});

test('what is published is checked after it, and what was given cannot be changed by it', async () => {
  await using backend = new MemoryBackend();
  const trimmed = transform(Task, { publish: (task) => ({ ...task, text: task.text.trim() }) });
  const bus = openBus(backend, { sender: 'user:ada', use: [trimmed] });
  const careless = transform({ publish: (payload) => Object.assign(payload as object, { line: 7 }) });
  const changing = openBus(backend, { sender: 'user:ada', use: [careless] });
  const given = { text: 'a' };

  await bus.publish('in', Task, { text: '  a ' });
  await bus.publish('in', genericJson, { text: '  b ' });

  await expect(bus.publish('in', Task, { text: '   ' })).rejects.toMatchObject({ code: 'INVALID_MESSAGE' });
  await expect(changing.publish('in', Task, given)).rejects.toBeInstanceOf(TypeError);
  expect(given).toEqual({ text: 'a' });
  expect((await bus.read({ topic: 'in' })).items.map(({ payload }) => payload)).toEqual([
    { text: 'a' },
    { text: '  b ' },
  ]);
});

test('fails, on either side, when it gives nothing', async () => {
  await using lab = new Lab();
  const forgetful = (() => {}) as never;
  const use = [transform({ handle: forgetful })];
  const running = await lab.start([worker(() => {}, { use })], { use: [transform({ publish: forgetful })] });
  const bus = openBus(lab.backend, { sender: 'user:ada' });

  await expect(running.publish('in', genericJson, 'x')).rejects.toMatchObject({ code: 'MIDDLEWARE_FAILED' });
  await bus.publish('in', genericJson, 'x');
  await lab.clock.advance(0);

  expect(await deadLettersOf(running, 'worker')).toMatchObject([{ errors: [{ code: 'MIDDLEWARE_FAILED' }] }]);
});

test('is refused without sides', () => {
  expect(() => transform({})).toThrow(InvalidDefinitionError);
  expect(() => transform(Task, {})).toThrow(InvalidDefinitionError);
});
