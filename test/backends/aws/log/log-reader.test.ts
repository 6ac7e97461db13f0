import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Cursor } from '../../../../lib/backends/backend.ts';
import { firstIdOf, type GemstoneId } from '../../../../lib/core/gemstone-id.ts';
import { type Reference, toReference } from '../../../../lib/core/message.ts';
import { type Emulators, startEmulators } from '../../../../lib/rehearsal/emulators.ts';
import { attempts, emptyManifest, manifestFamily } from '../../../aws-emulators/emulated-settings.ts';
import { draft, type LogLab, openLog } from './log-lab.ts';

let emulators: Emulators;
beforeAll(async () => {
  emulators = await startEmulators();
});
afterAll(() => emulators[Symbol.asyncDispose]());

const put = ({ dynamodb }: LogLab, table: string, item: Record<string, { S: string } | { B: Uint8Array }>) =>
  dynamodb.send(new PutItemCommand({ TableName: table, Item: item }), { action: 'dynamodb:PutItem', resource: table });

test('a thread is its root and what descends from it, over all topics, by id and then by topic, in pages', async () => {
  const { append, reader } = await openLog(emulators);
  const [root] = await append(draft('root', { topics: ['z', 'a'] }));
  const thread = [toReference({ topic: 'z', id: root as GemstoneId })] as readonly Reference[];
  const [first] = await append(draft('first', { topics: ['c', 'b', 'd'], thread }));
  await append(draft('elsewhere', { topics: ['a'] }));
  const [last] = await append(draft('last', { topics: ['b'], thread }));
  const query = { namespace: 'test', where: { thread: root as GemstoneId } } as const;
  const places = [`${root}/a`, `${root}/z`, `${first}/b`, `${first}/c`, `${first}/d`, `${last}/b`];

  for (const order of ['id', 'id-desc'] as const) {
    for (const limit of [1, 2, 4, 10]) {
      const got: string[] = [];
      let page = await reader.read({ ...query, order, limit });
      for (; ; page = await reader.read({ ...query, order, limit, after: page.next })) {
        got.push(...page.items.map(({ id, topic }) => `${id}/${topic}`));
        if (page.next === undefined) break;
      }
      expect(got, `${order} ${limit}`).toEqual(order === 'id' ? places : places.toReversed());
    }
  }
});

test('the thread of a message that is no root is that message alone, under all of its topics, and that of none is empty', async () => {
  const log = await openLog(emulators);
  const [root] = await log.append(draft('root'));
  const thread = [toReference({ topic: 'a', id: root as GemstoneId })];
  const [child] = await log.append(draft('child', { topics: ['c', 'b'], thread }));
  for (const topic of ['a', 'b', 'c', 'd'])
    await put(log, log.tables.ledgerTable, { pk: { S: 'test#topics' }, sk: { S: topic } });
  const other = await openLog(emulators, log.tables);
  const query = { namespace: 'test', where: { thread: child as GemstoneId }, order: 'id-desc', limit: 1 } as const;

  const first = await other.reader.read(query);
  const second = await other.reader.read({ ...query, after: first.next as Cursor });

  expect([...first.items, ...second.items].map(({ topic, payload }) => `${payload} in ${topic}`)).toEqual([
    'child in c',
    'child in b',
  ]);
  expect(second.next).toBeUndefined();
  expect(await other.payloads({ thread: firstIdOf(Date.now()) })).toEqual([]);
  expect(await other.payloads({ thread: child as GemstoneId }, { to: root as GemstoneId })).toEqual([]);
});

test('a conversation is read over all topics; without the index by thread, reading a thread is refused by name', async () => {
  const { append, payloads } = await openLog(emulators, { manifest: { ...emptyManifest, threads: false } });

  await append(draft(1, { conversationId: 'talk' }), draft(2), draft(3, { topics: ['b'], conversationId: 'talk' }));

  expect(await payloads({ conversation: 'talk' })).toEqual([1, 3]);
  await expect(payloads({ thread: firstIdOf(0) })).rejects.toMatchObject({ code: 'UNSUPPORTED_FEATURE' });
});

test('the history of an agent is that of the topics it follows', async () => {
  const agent = { name: 'one', publishes: [], onlyWhenTagged: false, lease: false, lanes: false } as const;
  const agents = [
    { ...agent, ...attempts, patterns: ['a.*', '$inbox.one'], ordering: 'none', guarantee: 'exactly-once' } as const,
  ];
  const { append, payloads } = await openLog(emulators, { manifest: { ...emptyManifest, agents } });

  await append(draft(1, { topics: ['a.x'] }));
  await append(draft(2, { topics: ['b'] }));
  await append(draft(3, { topics: ['$inbox.one'] }));
  await append(draft(4, { topics: ['a.y'] }));

  expect(await payloads({ agent: 'one' })).toEqual([1, 3, 4]);
  expect(await payloads({ agent: 'nobody' })).toEqual([]);
  expect(await payloads({ pattern: '$inbox.*' })).toEqual([3]);
});

test('open dead letters of an agent are those that its rows list, in the order of their ids', async () => {
  const log = await openLog(emulators);
  const [listed, , other] = await log.append(
    ...['dead', 'redriven', 'failed again'].map((text, n) =>
      draft(text, { topics: [n === 2 ? '$errors' : '$dead.one'] }),
    ),
  );
  await put(log, log.tables.ledgerTable, {
    pk: { S: 'test#dead#one' },
    sk: { S: other as string },
    topic: { S: '$errors' },
  });
  await put(log, log.tables.ledgerTable, { pk: { S: 'test#dead#one' }, sk: { S: listed as string } });

  expect(await log.payloads({ deadLettersOf: 'one' })).toEqual(['dead', 'failed again']);
  expect(await log.payloads({ deadLettersOf: 'one' }, { order: 'id-desc', limit: 1 })).toEqual(['failed again']);
  expect(await log.payloads({ deadLettersOf: 'two' })).toEqual([]);
});

test('filters by format, sender and priority; a page that a filter empties is not the last', async () => {
  const { append, reader, payloads } = await openLog(emulators);
  await append(
    draft(1, { format: 'text.x' }),
    draft(2, { sender: { id: 'one' } }),
    draft(3, {}, { priority: 0 }),
    draft(4, { format: 'text.x', sender: { id: 'one' } }, { priority: 0 }),
  );

  expect(await payloads({ topic: 'a' }, { filter: { format: 'text.x' } })).toEqual([1, 4]);
  expect(await payloads({ topic: 'a' }, { filter: { sender: 'one' } })).toEqual([2, 4]);
  expect(await payloads({ topic: 'a' }, { filter: { priority: 0 }, order: 'id-desc' })).toEqual([4, 3]);
  const query = {
    namespace: 'test',
    where: { topic: 'a' },
    order: 'id',
    limit: 1,
    filter: { format: 'text.x' },
  } as const;
  const page = await reader.read(query);
  expect(page.items.map(({ payload }) => payload)).toEqual([1]);
  expect((await reader.read({ ...query, after: page.next as never })).items.map(({ payload }) => payload)).toEqual([4]);
});

test('what has expired or is past its retention is hidden everywhere at once', async () => {
  const manifest = (retentionDays: number) => ({
    ...emptyManifest,
    declared: [manifestFamily('a', { retentionDays })],
  });
  const { append, payloads, reader, tables } = await openLog(emulators, { manifest: manifest(1) });
  const message = { conversationId: 'talk' };
  const [expired, , old] = await append(
    draft('expired', { ...message, expiresAt: Date.now() - 1 }),
    draft('fresh', { ...message, expiresAt: Date.now() + 60_000 }),
    draft('old', message),
  );

  expect(await payloads({ topic: 'a' })).toEqual(['fresh', 'old']);
  expect(await payloads({ conversation: 'talk' })).toEqual(['fresh', 'old']);
  expect(await reader.get('test', [{ topic: 'a', id: expired as GemstoneId }])).toEqual([]);
  const shorter = await openLog(emulators, { ...tables, manifest: manifest(0) });
  expect(await shorter.payloads({ topic: 'a' })).toEqual([]);
  expect(await shorter.payloads({ conversation: 'talk' })).toEqual([]);
  expect(await shorter.reader.get('test', [{ topic: 'a', id: old as GemstoneId }])).toEqual([]);
});

test('an item that is no message is left out, and what lies behind it is read', async () => {
  const log = await openLog(emulators);
  const [first] = await log.append(draft(1));
  const broken = `${(first as string).slice(0, 24)}Z4`;
  const key = { pk: { S: 'test#a#0' } };
  await put(log, log.tables.messagesTable, { ...key, sk: { S: broken }, b: { S: 'no json' } });
  await put(log, log.tables.messagesTable, {
    ...key,
    sk: { S: `${broken.slice(0, 25)}5` },
    b: { B: Buffer.from('?') },
  });
  await log.append(draft(2));

  expect(await log.payloads({ topic: 'a' })).toEqual([1, 2]);
  expect(await log.reader.get('test', [{ topic: 'a', id: broken as GemstoneId }])).toEqual([]);
});

test('a cursor that was changed, or is of another query, is refused', async () => {
  const { append, reader } = await openLog(emulators);
  await append(draft(1), draft(2));
  const query = { namespace: 'test', where: { topic: 'a' }, order: 'id', limit: 1 } as const;
  const { next } = await reader.read(query);

  for (const other of [
    { where: { topic: 'b' } },
    { order: 'arrival' as const },
    { after: `${next}`.slice(0, -3) as never },
  ])
    await expect(reader.read({ ...query, after: next as never, ...other })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
});

test('names of topics come in pages, and a cursor of another namespace is refused', async () => {
  const log = await openLog(emulators);
  const topics = Array.from({ length: 150 }, (_, n) => `t${n}`);
  for (let from = 0; from < 150; from += 50) await log.append(draft(from, { topics: topics.slice(from, from + 50) }));
  for (const sk of topics) await put(log, log.tables.ledgerTable, { pk: { S: 'test#topics' }, sk: { S: sk } });

  const first = await log.reader.topics('test');
  const second = await log.reader.topics('test', first.next);

  expect([first.items.length, second.items.length, second.next]).toEqual([100, 50, undefined]);
  expect([...first.items, ...second.items].map(({ topic }) => topic)).toEqual(topics.toSorted());
  await expect(log.reader.topics('other', first.next)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
});
