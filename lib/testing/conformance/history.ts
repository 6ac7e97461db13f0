/** @module H1, H3, H4, H6, H7: reading what was said. */
import { expect } from 'vitest';
import type { Cursor } from '../../backends/backend.ts';
import type { HistoryQuery } from '../../bus/history-query.ts';
import { InvalidArgumentError } from '../../core/errors.ts';
import { genericJson } from '../../core/format.ts';
import { type GemstoneId, type Priority, timeOf } from '../../core/gemstone-id.ts';
import { type Message, parseReference } from '../../core/message.ts';
import type { RunningGuild } from '../../guild/running-guild.ts';
import type { ContractGroup } from './contract-test.ts';
import { Recorder, type Stage } from './stage.ts';

const idle = () => new Recorder('idle', { subscribes: ['z'] });

/** A limit keeps cursors that lead nowhere from hanging the suite. */
const MAX_PAGES = 100;

/** Follows a query to its end; the payloads of each page. */
async function readPages(running: RunningGuild, query: HistoryQuery): Promise<unknown[][]> {
  const pages: unknown[][] = [];
  let after: Cursor | undefined;
  do {
    const page = await running.read({ ...query, ...(after !== undefined && { after }) });
    pages.push(page.items.map(({ payload }) => payload));
    after = page.next;
  } while (after !== undefined && pages.length < MAX_PAGES);
  return pages;
}

const readAll = async (running: RunningGuild, query: HistoryQuery) => (await readPages(running, query)).flat();

async function publishNumbers(running: RunningGuild, count: number): Promise<GemstoneId[]> {
  const ids: GemstoneId[] = [];
  for (let n = 0; n < count; n++)
    ids.push(await running.publish('a', genericJson, n, { priority: ((n * 7) % 10) as Priority }));
  return ids;
}

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => from + n);

/** Root, answer, answer to the answer, and a message that has nothing to do with them. */
async function talk(stage: Stage): Promise<{ running: RunningGuild; root: GemstoneId; last: Recorder }> {
  const first = new Recorder('first', { subscribes: ['a'], publishes: ['b'] }, (_, context) =>
    context.publish('b', genericJson, 'answer'),
  );
  const second = new Recorder('second', { subscribes: ['b'], publishes: ['c'] }, (_, context) => {
    context.publish('c', genericJson, 'last', { enrichWithHistory: 5 });
  });
  const last = new Recorder('last', { subscribes: ['c'] });
  const running = await stage.start([first.agent, second.agent, last.agent]);
  const root = await running.publish(['a', 'x'], genericJson, 'root', { conversationId: 'talk' });
  await last.started(1);
  await running.publish('x', genericJson, 'other');
  return { running, root, last };
}

export const historyGroup: ContractGroup = {
  title: 'history',
  define(contract) {
    contract(
      'H1 a topic reads in the order of ids, in pages, in either direction, from and to a point',
      async (stage) => {
        const running = await stage.start([idle().agent]);
        const ids = await publishNumbers(running, 25);
        await running.publish('b', genericJson, 'another topic');
        const [since, until] = [ids[5], ids[20]] as [GemstoneId, GemstoneId];

        expect(await readAll(running, { topic: 'a', limit: 10 })).toEqual(numbers(0, 25));
        expect(await readAll(running, { topic: 'a', limit: 7, order: 'desc' })).toEqual(numbers(0, 25).toReversed());
        expect(await readAll(running, { topic: 'a', since, until, limit: 4 })).toEqual(numbers(5, 21));
        expect(await readAll(running, { topic: 'a', since, until, limit: 4, order: 'desc' })).toEqual(
          numbers(5, 21).toReversed(),
        );
        expect(await readAll(running, { topic: 'a', limit: 25 })).toHaveLength(25);
        expect(await readAll(running, { topic: 'never' })).toEqual([]);
        expect(await readAll(running, { pattern: '*', limit: 6 })).toEqual([...numbers(0, 25), 'another topic']);
      },
    );

    contract('H1 a page holds as many as were asked for, and only the last has no cursor', async (stage) => {
      const running = await stage.start([idle().agent]);
      await publishNumbers(running, 10);

      for (const order of ['asc', 'desc'] as const) {
        const sizes = (await readPages(running, { topic: 'a', limit: 4, order })).map(({ length }) => length);

        expect(sizes.every((size) => size <= 4)).toBe(true);
        expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(10);
      }
    });

    contract('H1 a page read while messages arrive goes on where it ended', async (stage) => {
      const running = await stage.start([idle().agent]);
      await publishNumbers(running, 5);
      const first = await running.read({ topic: 'a', limit: 3 });
      await running.publish('a', genericJson, 'new');

      const second = await running.read({ topic: 'a', limit: 3, after: first.next as Cursor });

      expect([...first.items, ...second.items].map(({ payload }) => payload)).toEqual([0, 1, 2, 3, 4, 'new']);
      expect(second.next).toBeUndefined();
    });

    contract('H1 a cursor of another query, or one that was changed, is refused', async (stage) => {
      const running = await stage.start([idle().agent]);
      await publishNumbers(running, 5);
      const { next } = await running.read({ topic: 'a', limit: 2 });
      const cursor = next as Cursor;
      const changed = `${cursor.slice(0, -3)}AAA` as Cursor;

      for (const query of [
        { topic: 'b', after: cursor },
        { topic: 'a', after: cursor, order: 'desc' },
        { topic: 'a', after: cursor, format: 'generic_json' },
        { topic: 'a', after: changed },
        { topic: 'a', after: 'nonsense' as Cursor },
      ] as const) {
        await expect(running.read({ ...query, limit: 2 })).rejects.toBeInstanceOf(InvalidArgumentError);
      }
    });

    contract('H1 reading never consumes, and what it returns cannot change the store', async (stage) => {
      const recorder = new Recorder('one', { subscribes: ['a'] });
      const backend = await stage.open([recorder.agent]);
      const running = await stage.start([recorder.agent], { backend });
      await running.drain();
      await running.publish('a', genericJson, { list: [1] });

      const message = (await running.read({ topic: 'a' })).items[0] as Message;
      expect(() => Object.assign(message, { payload: 'changed' })).toThrow(TypeError);
      expect(() => (message.payload as { list: number[] }).list.push(2)).toThrow(TypeError);
      await running.read({ topic: 'a' });
      await stage.start([recorder.agent], { backend });
      await recorder.started(1);

      expect(recorder.payloads).toEqual([{ list: [1] }]);
    });

    contract('H1 a query that is none is refused with every fault', async (stage) => {
      const running = await stage.start([idle().agent]);

      const refused = running.read({ topic: 'a', thread: 'x', limit: 0, order: 'up', shape: 1 } as never);

      const error = (await refused.catch((thrown: unknown) => thrown)) as InvalidArgumentError;
      expect(error).toBeInstanceOf(InvalidArgumentError);
      expect(error.faults.map(({ field }) => field).toSorted()).toEqual(['limit', 'order', 'query', 'shape', 'thread']);
    });

    contract('H1 topics in use are told in alphabetical order, each with its last id', async (stage) => {
      const running = await stage.start([idle().agent]);
      const ids: GemstoneId[] = [];
      for (const topic of ['b', 'a.x', 'b', '$inbox.idle']) ids.push(await running.publish(topic, genericJson, 1));

      expect(await running.topics()).toEqual([
        { topic: 'a.x', lastId: ids[1] },
        { topic: 'b', lastId: ids[2] },
      ]);
    });

    contract('H3 a thread and a conversation read across all topics, in order', async (stage) => {
      const { running, root } = await talk(stage);

      const thread = (await running.read({ thread: root })).items;

      expect(thread.map(({ topic, payload }) => [topic, payload])).toEqual([
        ['a', 'root'],
        ['x', 'root'],
        ['b', 'answer'],
        ['c', 'last'],
      ]);
      expect((await running.read({ conversation: 'talk' })).items).toEqual(thread);
      expect(await readAll(running, { thread: root, limit: 1, order: 'desc' })).toEqual([
        'last',
        'answer',
        'root',
        'root',
      ]);
      expect(await readAll(running, { thread: (thread[2] as { id: GemstoneId }).id })).toEqual(['answer']);
    });

    contract('H3 a long thread keeps its root and the nearest seven', async (stage) => {
      const ping = new Recorder('ping', { subscribes: ['ping'], publishes: ['pong'] }, (_, context) =>
        context.publish('pong', genericJson, 1),
      );
      const pong = new Recorder('pong', { subscribes: ['pong'], publishes: ['ping'] }, (_, context) =>
        context.publish('ping', genericJson, 1),
      );
      const running = await stage.start([ping.agent, pong.agent], { maxHops: 12 });

      const root = await running.publish('ping', genericJson, 1);
      await pong.started(6);
      await ping.started(7);
      await stage.quiet();

      const deepest = ping.messages.at(-1);
      expect(deepest?.hops).toBe(12);
      expect(deepest?.thread).toHaveLength(8);
      expect(deepest?.thread[0]).toBe(`ping/${root}`);
      const nearest = (await running.get(deepest?.thread.slice(1) ?? [])).map(({ hops }) => hops);
      expect(nearest).toEqual([5, 6, 7, 8, 9, 10, 11]);
      expect(await readAll(running, { thread: root })).toHaveLength(15);
    });

    contract('H4 by reference messages come in the order asked, and missing ones are omitted', async (stage) => {
      const running = await stage.start([idle().agent]);
      const [first, second] = (await publishNumbers(running, 2)) as [GemstoneId, GemstoneId];

      const found = await running.get([
        { topic: 'a', id: second },
        { topic: 'b', id: second },
        { topic: 'a', id: first },
        parseReference(`a/${second}`),
      ]);

      expect(found.map(({ id }) => id)).toEqual([second, first, second]);
      expect(await running.get([])).toEqual([]);
    });

    contract('H6 filters: format, sender, priority and time', async (stage) => {
      const speaker = new Recorder('speaker', { subscribes: ['go'], publishes: ['a'] }, (_, context) =>
        context.publish('a', genericJson, 'by agent'),
      );
      const running = await stage.start([speaker.agent, idle().agent]);
      const note = { ...genericJson, name: 'note' };
      await running.publish('a', genericJson, 'urgent', { priority: 0 });
      await stage.advance(1);
      const id = await running.publish('a', note, 'a note');
      await stage.advance(1);
      await running.publish('go', genericJson, 1);
      await speaker.started(1);
      await stage.quiet();

      expect(await readAll(running, { topic: 'a', format: 'note' })).toEqual(['a note']);
      expect(await readAll(running, { topic: 'a', sender: 'speaker' })).toEqual(['by agent']);
      expect(await readAll(running, { topic: 'a', priority: 0 })).toEqual(['urgent']);
      expect(await readAll(running, { topic: 'a', since: timeOf(id), limit: 1 })).toEqual(['a note', 'by agent']);
      expect(await readAll(running, { topic: 'a', until: timeOf(id) })).toEqual(['urgent', 'a note']);
      expect(await readAll(running, { topic: 'a', since: timeOf(id), until: timeOf(id), order: 'desc' })).toEqual([
        'a note',
      ]);
      expect(await readAll(running, { topic: 'a', sender: 'speaker', format: 'note' })).toEqual([]);
    });

    contract('H6 expired messages are hidden at once', async (stage) => {
      const running = await stage.start([idle().agent]);
      const id = await running.publish('a', genericJson, 'gone soon', { ttlMs: 2 * stage.unitMs, conversationId: 'c' });
      await running.publish('a', genericJson, 'stays');
      expect(await readAll(running, { topic: 'a' })).toEqual(['gone soon', 'stays']);

      await stage.advance(3);

      expect(await readAll(running, { topic: 'a' })).toEqual(['stays']);
      expect(await readAll(running, { conversation: 'c' })).toEqual([]);
      expect(await running.get([{ topic: 'a', id }])).toEqual([]);
    });

    contract('H7 by agent: the history of all topics that it follows', async (stage) => {
      const follower = new Recorder('follower', { subscribes: ['a.*', 'b'] });
      const running = await stage.start([follower.agent, idle().agent]);
      for (const topic of ['a.x', 'b', 'c', 'a.y', 'a', '$inbox.follower', '$inbox.idle'])
        await running.publish(topic, genericJson, topic);

      expect(await readAll(running, { agent: 'follower', limit: 2 })).toEqual(['a.x', 'b', 'a.y', '$inbox.follower']);
    });
  },
};
