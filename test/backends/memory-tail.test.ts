import { BackendUnavailableError, type Cursor, type Message, type Page, type ReadQuery } from 'guildwire';
import { expect, test } from 'vitest';
import { MemoryLab, NAMESPACE, standOf } from './memory-lab.ts';

const follow = (lab: MemoryLab, query: Partial<ReadQuery> = {}): Promise<Page<Message>> =>
  lab.backend.read({
    namespace: NAMESPACE,
    where: { topic: 'a' },
    order: 'arrival',
    limit: 10,
    waitMs: 60_000,
    ...query,
  });

const payloads = ({ items }: Page<Message>) => items.map(({ payload }) => payload);

test('who follows a topic is given what is there at once, and a cursor behind it', async () => {
  const lab = new MemoryLab();
  for (const n of [1, 2, 3]) await lab.publish('a', n);

  const first = await follow(lab, { limit: 2 });
  const second = await follow(lab, { after: first.next as Cursor });

  expect([payloads(first), payloads(second)]).toEqual([[1, 2], [3]]);
  expect(second.next).toBeDefined();
});

test('who waits is given what comes as soon as it is stored, with no time passing', async () => {
  const lab = new MemoryLab();
  await lab.publish('a', 'before');
  const { next } = await follow(lab);
  const waiting = follow(lab, { after: next as Cursor });
  const stand = standOf(waiting);
  await lab.clock.quiet();
  expect(stand.now()).toBe('waits');

  await lab.publish('a', 'after');
  await lab.clock.quiet();

  expect(stand.now()).toBe('done');
  expect(payloads(await waiting)).toEqual(['after']);
});

test('who waits is not given what is on other topics, or does not pass the filter, and goes on waiting', async () => {
  const lab = new MemoryLab();
  const waiting = follow(lab, { where: { pattern: 'doc.*' }, filter: { priority: 1 } });
  const stand = standOf(waiting);

  await lab.publish('a', 'elsewhere', { priority: 1 });
  await lab.publish('doc.x', 'not urgent');
  await lab.clock.advance(1_000);
  expect(stand.now()).toBe('waits');
  await lab.publish('doc.x', 'urgent', { priority: 1 });

  expect(payloads(await waiting)).toEqual(['urgent']);
});

test('who waits in vain is given nothing after the time, and a cursor to go on with', async () => {
  const lab = new MemoryLab();
  await lab.publish('a', 'before');
  const { next } = await follow(lab);
  const waiting = follow(lab, { after: next as Cursor, waitMs: 5_000 });
  const stand = standOf(waiting);

  await lab.clock.advance(4_999);
  await lab.publish('b', 'elsewhere');
  await lab.clock.quiet();
  expect(stand.now()).toBe('waits');
  await lab.clock.advance(1);
  const empty = await waiting;
  await lab.publish('a', 'after');

  expect(payloads(empty)).toEqual([]);
  expect(payloads(await follow(lab, { after: empty.next as Cursor }))).toEqual(['after']);
});

test('who waits is let go when the signal is aborted', async () => {
  const lab = new MemoryLab();
  const controller = new AbortController();
  const waiting = follow(lab, { signal: controller.signal });

  controller.abort();
  expect(payloads(await waiting)).toEqual([]);
  expect(payloads(await follow(lab, { signal: controller.signal }))).toEqual([]);
});

test('who waits is told when the backend is closed', async () => {
  const lab = new MemoryLab();
  const waiting = follow(lab);

  await lab.backend[Symbol.asyncDispose]();

  await expect(waiting).rejects.toBeInstanceOf(BackendUnavailableError);
});
