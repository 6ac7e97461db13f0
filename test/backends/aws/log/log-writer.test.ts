import { randomBytes } from 'node:crypto';
import { PutItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { itemBytes } from '../../../../lib/backends/aws/log/item.ts';
import { systemClock } from '../../../../lib/core/clock.ts';
import { BackendUnavailableError } from '../../../../lib/core/errors.ts';
import { type GemstoneId, timeOf } from '../../../../lib/core/gemstone-id.ts';
import { type Emulators, startEmulators } from '../../../../lib/rehearsal/emulators.ts';
import { emptyManifest, manifestFamily } from '../../../aws-emulators/emulated-settings.ts';
import { draft, openLog } from './log-lab.ts';

let emulators: Emulators;
beforeAll(async () => {
  emulators = await startEmulators();
});
afterAll(() => emulators[Symbol.asyncDispose]());

const codeOf = (outcome: { readonly ok: boolean; readonly error?: { readonly code: string } } | undefined) =>
  outcome?.ok === false ? outcome.error?.code : 'OK';

test('a batch has an outcome for each draft, in their order, and one that is refused does not touch the others', async () => {
  const { writer, payloads } = await openLog(emulators);
  const large = randomBytes(20_000).toString('base64');

  const outcomes = await writer.append([draft(1), draft(large), draft(3)], 'n');

  expect(outcomes.map(codeOf)).toEqual(['OK', 'PAYLOAD_TOO_LARGE', 'OK']);
  expect(await payloads({ topic: 'a' })).toEqual([1, 3]);
});

test('without a bucket a payload beyond the inline limit is refused with both numbers', async () => {
  const { writer } = await openLog(emulators);

  const [outcome] = await writer.append([draft(randomBytes(20_000).toString('base64'))], 'n');

  expect(outcome).toMatchObject({ ok: false, error: { bytes: 26_670, maxBytes: 8_192, retryable: false } });
});

test('one message lies under each of its topics, with one id', async () => {
  const { append, reader } = await openLog(emulators);

  const [id] = await append(draft({ n: 1 }, { topics: ['a', 'b.c'], conversationId: 'talk' }));

  const pages = await Promise.all(
    (['a', 'b.c'] as const).map((topic) => reader.read({ namespace: 'test', where: { topic }, order: 'id', limit: 5 })),
  );
  expect(pages.flatMap(({ items }) => items.map(({ topic, topics, id: own }) => [topic, topics, own]))).toEqual([
    ['a', ['a', 'b.c'], id],
    ['b.c', ['a', 'b.c'], id],
  ]);
});

test('the same idempotency key stores once and gives the first id, within a call and between calls', async () => {
  const { writer, payloads } = await openLog(emulators);
  const keyed = () => draft({ a: 1, b: 2 }, { idempotencyKey: 'k', topics: ['a', 'b'] });

  const first = await writer.append([keyed(), keyed()], 'one');
  const [again] = await writer.append([draft({ b: 2, a: 1 }, { idempotencyKey: 'k', topics: ['a', 'b'] })], 'two');

  const [stored] = first;
  const id = stored?.ok ? stored.id : undefined;
  expect(first).toEqual([
    { ok: true, id, duplicate: false },
    { ok: true, id, duplicate: true },
  ]);
  expect(again).toEqual({ ok: true, id, duplicate: true });
  expect(await payloads({ topic: 'a' })).toEqual([{ a: 1, b: 2 }]);
});

test('the same idempotency key with another payload is a conflict, and in another namespace is another key', async () => {
  const { writer, payloads } = await openLog(emulators);
  await writer.append([draft(1, { idempotencyKey: 'k' })], 'one');

  const outcomes = await writer.append(
    [draft(2, { idempotencyKey: 'k' }), draft(3, { idempotencyKey: 'k', namespace: 'other' })],
    'two',
  );

  expect(outcomes.map(codeOf)).toEqual(['IDEMPOTENCY_CONFLICT', 'OK']);
  expect(await payloads({ topic: 'a' })).toEqual([1]);
});

test('a key lasts 24 hours and an effect 15 days; a row past its time counts as absent, gone or not', async () => {
  const { writer, dynamodb, tables } = await openLog(emulators);
  const TableName = tables.ledgerTable;
  const about = { action: 'dynamodb:Scan', resource: TableName };
  const keyed = () => draft('x', { idempotencyKey: 'k' });
  const before = Math.floor(Date.now() / 1_000);
  const [first] = await writer.append([keyed(), draft('y', {}, { effect: { delivery: 'd', ordinal: 0 } })], 'one');
  const { Items = [] } = await dynamodb.send(new ScanCommand({ TableName }), about);
  const expire = async (secondsFromNow: number) => {
    const ttl = { N: `${Math.floor(Date.now() / 1_000) + secondsFromNow}` };
    for (const row of Items) await dynamodb.send(new PutItemCommand({ TableName, Item: { ...row, ttl } }), about);
  };

  const hours = Items.map(({ ttl }) => Math.round((Number(ttl?.N) - before) / 3_600)).toSorted((a, b) => a - b);
  await expire(60);
  const [still] = await writer.append([keyed()], 'two');
  await expire(-1);
  const [anew] = await writer.append([keyed()], 'three');

  expect(hours).toEqual([24, 15 * 24]);
  expect(still).toEqual({ ...first, duplicate: true });
  expect(anew).toMatchObject({ ok: true, duplicate: false });
});

test('an effect is stored once for its delivery and ordinal, and its first payload stands', async () => {
  const { writer, payloads } = await openLog(emulators);
  const effect = (payload: string, ordinal: number) =>
    draft(payload, {}, { effect: { delivery: 'test/one/a/id/0', ordinal } });

  const [first] = await writer.append([effect('first', 0)], 'one');
  const again = await writer.append([effect('second', 0), effect('third', 1)], 'two');

  expect(again[0]).toEqual({ ...first, duplicate: true });
  expect(again[1]).toMatchObject({ ok: true, duplicate: false });
  expect(await payloads({ topic: 'a' })).toEqual(['first', 'third']);
});

test('one hundred topics are one step; with an idempotency key one too many is refused by name', async () => {
  const { writer, payloads } = await openLog(emulators);
  const topics = Array.from({ length: 100 }, (_, index) => `t.${index}`);

  const outcomes = await writer.append(
    [draft('all', { topics }), draft('keyed', { topics, idempotencyKey: 'k' })],
    'n',
  );

  expect(outcomes.map(codeOf)).toEqual(['OK', 'INVALID_MESSAGE']);
  expect(await payloads({ topic: 't.99' })).toEqual(['all']);
});

test('an id that another message has is not taken from it: the later one gets another', async () => {
  const now = Date.now();
  const same = { clock: { ...systemClock, now: () => now }, random: () => 0.5 };
  const { writer, tables, payloads } = await openLog(emulators, same);
  const twin = await openLog(emulators, { ...tables, ...same });

  const [first] = await writer.append([draft('first', { topics: ['a', 'b'] })], 'one');
  const [second] = await twin.writer.append([draft('second')], 'two');
  const [third] = await (await openLog(emulators, { ...tables, ...same })).writer.append(
    [draft('third', { topics: ['b', 'a'] })],
    'three',
  );

  const ids = [first, second, third].map((outcome) => (outcome?.ok ? outcome.id : undefined));
  expect(new Set(ids).size).toBe(3);
  expect((await payloads({ topic: 'a' })).toSorted()).toEqual(['first', 'second', 'third']);
  expect((await payloads({ topic: 'b' })).toSorted()).toEqual(['first', 'third']);
});

test('ids are by the clock', async () => {
  const { append } = await openLog(emulators);
  const before = Date.now();

  const [id] = await append(draft('x'));

  expect(timeOf(id as GemstoneId)).toBeGreaterThanOrEqual(before);
  expect(timeOf(id as GemstoneId)).toBeLessThanOrEqual(Date.now());
});

test('a prepared draft is entries of a transaction, and weighs what its items weigh', async () => {
  const { writer } = await openLog(emulators);
  const drafts = [draft('x'.repeat(500), { topics: ['a', 'b'], idempotencyKey: 'k' }), draft('y')];

  const [first, second] = await writer.prepare(drafts, 'n');

  const items = first?.puts.map(({ Put }) => Put?.Item ?? {}) ?? [];
  expect(items).toHaveLength(2);
  expect(first?.bytes).toBe(items.reduce((sum, item) => sum + itemBytes(item), 0));
  expect([first?.guard === undefined, second?.guard === undefined]).toEqual([false, true]);
  expect(items.map((item) => writer.itemToMessage(item).payload)).toEqual(['x'.repeat(500), 'x'.repeat(500)]);
});

test('of a family that is relayed directly the publisher hands items on, also when it finds them again, but not effects', async () => {
  const handed: string[] = [];
  let isDown = true;
  const manifest = { ...emptyManifest, declared: [manifestFamily('fast.*', { relay: 'direct' })] };
  const { writer } = await openLog(emulators, {
    manifest,
    openDirectBatch: () => ({
      handsOn: () => true,
      async publish(items) {
        if (isDown) return new BackendUnavailableError('SNS is down');
        for (const item of items) handed.push(`${item.pk?.S}`);
        return undefined;
      },
      close: () => {},
    }),
  });
  const direct = draft('x', { topics: ['fast.a', 'slow'], idempotencyKey: 'k' });

  const [failed] = await writer
    .append([direct], 'one')
    .catch((error: { code: string }) => [{ ok: false, error } as const]);
  isDown = false;
  const [again] = await writer.append([direct], 'two');
  await writer.append([draft('y', { topics: ['fast.a'] }, { effect: { delivery: 'd', ordinal: 0 } })], 'three');

  expect(codeOf(failed as never)).toBe('BACKEND_UNAVAILABLE');
  expect(again).toMatchObject({ ok: true, duplicate: true });
  expect(handed).toEqual(['test#fast.a#0']);
});
