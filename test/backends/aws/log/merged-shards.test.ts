/** Property: whatever a topic is spread over, and however it is paged, reading it is sorting it. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Cursor, ReadQuery } from '../../../../lib/backends/backend.ts';
import type { GemstoneId } from '../../../../lib/core/gemstone-id.ts';
import { type Message, toReference } from '../../../../lib/core/message.ts';
import { type Emulators, startEmulators } from '../../../../lib/rehearsal/emulators.ts';
import { emptyManifest, manifestFamily } from '../../../aws-emulators/emulated-settings.ts';
import { startFaultProxy } from '../../../aws-emulators/fault-proxy.ts';
import { draft, type LogLab, openLog } from './log-lab.ts';

let emulators: Emulators;
let log: LogLab;
let all: readonly Message[];

beforeAll(async () => {
  emulators = await startEmulators();
  // One table, written under growing counts of shards, by id and by key: as a deployment that was changed leaves it.
  const spread = (shards: 1 | 4 | 16, ordered: readonly string[]) => ({
    ...emptyManifest,
    declared: [manifestFamily('**', { shards })],
    ordered,
  });
  const first = await openLog(emulators, { manifest: spread(1, []) });
  const topics = [['a'], ['b.c'], ['a', 'b.c'], ['b.d', 'a']];
  const batch = (from: number, count: number) =>
    Array.from({ length: count }, (_, n) =>
      draft(from + n, { topics: topics[n % 4] ?? [], key: `k${n % 7}` }, { priority: (n % 10) as never }),
    );
  const ids = [...(await first.append(...batch(0, 30)))];
  const second = await openLog(emulators, { ...first.tables, manifest: spread(4, []) });
  ids.push(...(await second.append(...batch(30, 40))));
  const third = await openLog(emulators, { ...first.tables, manifest: spread(16, ['**']) });
  ids.push(...(await third.append(...batch(70, 60))));
  log = await openLog(emulators, { ...first.tables, manifest: spread(16, []) });
  for (const topic of ['a', 'b.c', 'b.d']) await note(topic);
  const keys = ids.flatMap((id, n) =>
    (topics[n < 30 ? n % 4 : n < 70 ? (n - 30) % 4 : (n - 70) % 4] ?? []).map((topic) => ({ topic, id })),
  );
  all = (await log.reader.get('test', keys)).toSorted((one, other) => (toPlace(one) < toPlace(other) ? -1 : 1));
  expect(all).toHaveLength(keys.length);
});
afterAll(() => emulators[Symbol.asyncDispose]());

const toPlace = ({ id, topic }: Message) => `${id}/${topic}`;
/** As the relay writes it. */
async function note(topic: string): Promise<void> {
  const { PutItemCommand } = await import('@aws-sdk/client-dynamodb');
  const command = new PutItemCommand({
    TableName: log.tables.ledgerTable,
    Item: { pk: { S: 'test#topics' }, sk: { S: topic } },
  });
  await log.dynamodb.send(command, { action: 'dynamodb:PutItem', resource: log.tables.ledgerTable });
}

async function readAll(query: ReadQuery): Promise<readonly Message[]> {
  const items: Message[] = [];
  let after: Cursor | undefined;
  for (let pages = 0; pages < 500; pages++) {
    const page = await log.reader.read({ ...query, ...(after !== undefined && { after }) });
    expect(page.items.length).toBeLessThanOrEqual(query.limit);
    items.push(...page.items);
    after = page.next;
    if (after === undefined) return items;
  }
  throw new Error('a query never ends');
}

test('pages over shards, topics and patterns give what sorting gives, in both directions, each copy once', async () => {
  const where = fc.constantFrom<ReadQuery['where']>(
    { topic: 'a' },
    { topic: 'b.c' },
    { pattern: 'b.*' },
    { pattern: '**' },
  );
  const bound = fc.option(fc.nat({ max: 259 }), { nil: undefined });
  await fc.assert(
    fc.asyncProperty(
      where,
      fc.boolean(),
      fc.integer({ min: 1, max: 90 }),
      bound,
      bound,
      fc.option(fc.integer({ min: 0, max: 9 }), { nil: undefined }),
      async (named, isDescending, limit, fromIndex, toIndex, priority) => {
        const idAt = (index: number | undefined) => all[(index ?? 0) % all.length]?.id as GemstoneId;
        const from = fromIndex === undefined ? undefined : idAt(fromIndex);
        const to = toIndex === undefined ? undefined : idAt(toIndex);
        const got = await readAll({
          namespace: 'test',
          where: named,
          order: isDescending ? 'id-desc' : 'id',
          limit,
          ...(from !== undefined && { from }),
          ...(to !== undefined && { to }),
          ...(priority !== undefined && { filter: { priority } }),
        });
        const isNamed = ({ topic }: Message) =>
          'topic' in named
            ? topic === named.topic
            : 'pattern' in named && (named.pattern === '**' || topic.startsWith('b.'));
        const wanted = all.filter(
          (message) =>
            isNamed(message) &&
            (from === undefined || message.id >= from) &&
            (to === undefined || message.id <= to) &&
            (priority === undefined || message.id.endsWith(`${priority}`)),
        );
        expect(got.map(toPlace)).toEqual((isDescending ? wanted.toReversed() : wanted).map(toPlace));
      },
    ),
    { numRuns: 25 },
  );
});

test('a reference is found wherever a smaller count, or a key, has put it; in the order asked, missing ones left out', async () => {
  const asked = all.toReversed().map(({ topic, id }) => ({ topic, id }));
  const missing = { topic: 'a', id: '01JD0000000000000000000004' as GemstoneId };

  const found = await log.reader.get('test', [missing, ...asked]);

  expect(found.map(toReference)).toEqual(asked.map(toReference));
});

test('references that lie where their ids put them take one call, whatever the count was then', async () => {
  await using proxy = await startFaultProxy(emulators.endpoints.dynamodb);
  const endpoints = { ...emulators.endpoints, dynamodb: proxy.url };
  const { manifest } = log.calls.settings;
  const { reader } = await openLog(emulators, { ...log.tables, manifest, endpoints });
  // Neither those that a key put elsewhere, nor more than go into one call.
  const byId = all.filter(({ payload, topic }) => (payload as number) < 70 && topic === 'b.d');

  const found = await reader.get('test', byId);

  expect(byId.length).toBeGreaterThan(15);
  expect(found).toEqual(byId);
  expect(proxy.calls.get('BatchGetItem')).toBe(1);
});

test('the topics in use come with their newest id, reserved ones left out', async () => {
  await note('$inbox.one');

  const page = await log.reader.topics('test');

  const newest = (topic: string) => all.findLast((message) => message.topic === topic)?.id;
  expect(page).toEqual({
    items: ['a', 'b.c', 'b.d'].map((topic) => ({ topic, lastId: newest(topic) })),
    next: undefined,
  });
});
