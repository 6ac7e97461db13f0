import { genericJson, MemoryBackend, openBus, PermanentError, Postponed } from 'guildwire';
import { filter, logging } from 'guildwire/middleware';
import { expect, test } from 'vitest';
import { Lab, ManualClock, RecordedLog } from '../../guild/lab.ts';
import { type Act, send, worker } from './worker.ts';

const secret = { password: 's3cret' };

test('writes when a handling starts and is done, with the time it took', async () => {
  await using lab = new Lab();
  const act: Act = (_, context) => context.sleep(250);
  const running = await lab.start([worker(act, { use: [logging()] })]);

  const id = await running.publish('in', genericJson, secret);
  await lab.clock.advance(250);

  const fields = { agent: 'worker', namespace: 'default', message: `in/${id}`, attempt: 1 };
  expect(lab.log.said).toEqual([
    { level: 'info', text: 'handling started', data: { ...fields, format: 'generic_json' } },
    { level: 'info', text: 'handled', data: { ...fields, ms: 250 } },
  ]);
});

test.each<[string, () => unknown, string, object]>([
  ['fails', () => new RangeError('too much'), 'warn: handling failed', { error: { message: 'too much' } }],
  ['fails for good', () => new PermanentError('no use'), 'warn: handling failed', { error: { code: 'PERMANENT' } }],
  ['is postponed', () => new Postponed(5_000), 'info: postponed', { delayMs: 5_000 }],
])('writes that a handling %s, once, and leaves the error as it is', async (_, make, text, data) => {
  await using lab = new Lab();
  const log = new RecordedLog();
  const act: Act = async (_payload, context) => {
    await context.sleep(7);
    throw make();
  };
  const running = await lab.start([worker(act, { use: [logging({ log })] })]);

  await send(running, secret);
  await lab.clock.advance(7);

  expect(log.texts).toEqual(['info: handling started', text]);
  expect(log.said[1]?.data).toMatchObject({ agent: 'worker', ms: 7, ...data });
  expect(JSON.stringify(log.said)).not.toContain('s3cret');
});

test('writes that a delivery was filtered out further in', async () => {
  await using lab = new Lab();
  const running = await lab.start([worker(() => {}, { use: [logging(), filter({ handle: () => false })] })]);

  await send(running, secret);
  await lab.clock.advance(0);

  expect(lab.log.texts).toEqual(['info: handling started', 'info: filtered out']);
});

test('writes what is published, and what is not', async () => {
  await using backend = new MemoryBackend();
  const log = new RecordedLog();
  const use = [logging(), filter({ publish: (_, { topics }) => topics !== 'kept.back' })];
  const bus = openBus(backend, { sender: 'user:ada', namespace: 'n', clock: new ManualClock(), log, use });

  const id = await bus.publish(['a', 'b'], genericJson, secret);
  await bus.publish('kept.back', genericJson, secret).catch(() => {});
  await bus.publish('a b', genericJson, secret).catch(() => {});

  const fields = { namespace: 'n', sender: 'user:ada' };
  expect(log.said).toEqual([
    { level: 'info', text: 'published', data: { ...fields, topics: ['a', 'b'], id, duplicate: false, ms: 0 } },
    { level: 'info', text: 'filtered out', data: { ...fields, topics: 'kept.back', ms: 0 } },
    {
      level: 'warn',
      text: 'publishing failed',
      data: { ...fields, topics: 'a b', ms: 0, error: { code: 'INVALID_MESSAGE', message: expect.any(String) } },
    },
  ]);
  expect(JSON.stringify(log.said)).not.toContain('s3cret');
});

test('a log of its own that throws fails nothing', async () => {
  await using lab = new Lab();
  const fails = () => {
    throw new Error('disk full');
  };
  const log = { debug: fails, info: fails, warn: fails, error: fails };
  const handled: unknown[] = [];
  const use = [logging({ log })];
  const running = await lab.start([worker((payload) => void handled.push(payload), { use })], { use });

  await send(running, 'x');
  await lab.clock.advance(0);

  expect(handled).toEqual(['x']);
});
