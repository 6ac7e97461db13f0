import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { familiesOf } from '../../../../lib/backends/aws/aws-settings.ts';
import { directBy } from '../../../../lib/backends/aws/relay/direct.ts';
import type { PublishBatch } from '../../../../lib/backends/aws/relay/publisher.ts';
import { Routes } from '../../../../lib/backends/aws/relay/routes.ts';
import { BackendUnavailableError } from '../../../../lib/core/errors.ts';
import { familyTopicName } from '../../../../lib/environment/aws-names.ts';
import { type Emulators, startEmulators } from '../../../../lib/rehearsal/emulators.ts';
import { draft, openLog } from '../log/log-lab.ts';
import { family, follower, itemOf, manifestOf, messageOn, PREFIX, RelayLab, recordOfItem } from './lab.ts';

const manifest = manifestOf([follower('reader', ['doc.new'])], [family('doc.*', { relay: 'direct' })]);
const routes = new Routes({ manifest, families: familiesOf(manifest) }, PREFIX);
const down = new BackendUnavailableError('SNS is down');
const numbered = (count: number) => Array.from({ length: count }, (_, n) => draft(n, { topics: ['doc.new'] }));
const payloadOf = ({ body }: { readonly body: string }): number => JSON.parse(body).message.payload;

let emulators: Emulators;
beforeAll(async () => {
  emulators = await startEmulators();
});
afterAll(() => emulators[Symbol.asyncDispose]());

/** A log whose publisher hands on what it stores, to an SNS that answers as said. */
async function openDirect(publishBatch: PublishBatch) {
  const calls: number[][] = [];
  const openDirectBatch = directBy(routes, (destination, entries) => {
    calls.push(entries.map(payloadOf));
    return publishBatch(destination, entries);
  });
  return { calls, log: await openLog(emulators, { manifest, openDirectBatch }) };
}

test('what was stored goes where the relay would send it, and it is told unless SNS took all of it', async () => {
  const sent: string[] = [];
  let isUp = true;
  const publish = directBy(routes, async ({ topicArn }, entries) => {
    sent.push(...entries.map(({ body }) => `${topicArn} ${JSON.parse(body).topic}`));
    return entries.map(() => (isUp ? undefined : down));
  });
  const items = [messageOn('doc.new'), messageOn('doc.other')].map((message) => itemOf(message, { isDirect: true }));

  expect(await publish().publish(items)).toBeUndefined();
  isUp = false;
  expect(await publish().publish(items)).toBe(down);

  expect(sent).toEqual(Array(2).fill(`${PREFIX}${familyTopicName('doc.*', false)} doc.new`));
});

test('a hundred drafts are handed on in batches of ten, but for what is stored first', async () => {
  const rest = Promise.withResolvers<void>();
  let left = 100;
  const { calls, log } = await openDirect(async (_, entries) => {
    left -= entries.length;
    if (left === 0) rest.resolve();
    // As slow as all that is stored meanwhile.
    if (calls.length === 1) await rest.promise;
    return entries.map(() => undefined);
  });

  await log.append(...numbered(100));

  expect(calls.flat().toSorted((one, other) => one - other)).toEqual(numbered(100).map((_, n) => n));
  expect(calls.length).toBeLessThanOrEqual(11);
});

test('of a batch only the drafts fail that SNS did not take, or did not name; the others are done', async () => {
  const taken: number[] = [];
  const { log } = await openDirect(async (_, entries) => {
    const numbers = entries.map(payloadOf);
    // The answer ends before it comes to 7.
    const named = numbers.includes(7) ? numbers.slice(0, numbers.indexOf(7)) : numbers;
    taken.push(...named.filter((n) => n !== 3));
    return named.map((n) => (n === 3 ? down : undefined));
  });

  const outcomes = await log.writer.append(numbered(10), 'n');

  expect(outcomes.flatMap(({ ok }, n) => (ok ? [n] : []))).toEqual(taken.toSorted((one, other) => one - other));
  for (const n of [3, 7])
    expect(outcomes[n]).toMatchObject({ error: { code: 'BACKEND_UNAVAILABLE', retryable: true } });
  expect(await log.payloads({ topic: 'doc.new' })).toHaveLength(10);
});

test('a repeat under the same keys hands on once more what failed, and stores nothing again', async () => {
  let isUp = false;
  const { calls, log } = await openDirect(async (_, entries) =>
    entries.map((entry) => (isUp || payloadOf(entry) !== 1 ? undefined : down)),
  );
  const keyed = () =>
    numbered(3).map(({ message, ...rest }, n) => ({ ...rest, message: { ...message, idempotencyKey: `k${n}` } }));

  const first = await log.writer.append(keyed(), 'one');
  isUp = true;
  calls.length = 0;
  const [again] = await log.writer.append(keyed().slice(1, 2), 'two');

  expect(first.map(({ ok }) => ok)).toEqual([true, false, true]);
  expect(again).toMatchObject({ ok: true, duplicate: true });
  expect(calls).toEqual([[1]]);
  expect(await log.payloads({ topic: 'doc.new' })).toHaveLength(3);
});

test('who knows of nobody that follows leaves it to the relay, which may know of agents that were deployed since', async () => {
  const { calls, log } = await openDirect(async (_, entries) => entries.map(() => undefined));
  const families = [family('doc.*', { relay: 'direct' })];
  const tagged = follower('tagged', ['doc.*'], { onlyWhenTagged: true });
  const newer = new RelayLab(manifestOf([follower('reader', ['doc.new']), tagged], families));

  await log.append(
    draft('unfollowed', { namespace: 'prod', topics: ['doc.other'], recipients: ['tagged'] }),
    draft('followed', { namespace: 'prod', topics: ['doc.new'], recipients: ['tagged'] }),
  );
  const { Items = [] } = await log.dynamodb.send(new ScanCommand({ TableName: log.tables.messagesTable }), {
    action: 'dynamodb:Scan',
    resource: log.tables.messagesTable,
  });
  await newer.relay.handle(Items.map(recordOfItem));

  expect(calls).toEqual([['followed']]);
  expect(newer.payloads).toEqual(['unfollowed']);
});
