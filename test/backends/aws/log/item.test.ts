import fc from 'fast-check';
import { expect, test } from 'vitest';
import { awsSettings } from '../../../../lib/backends/aws/aws-settings.ts';
import { AwsCalls } from '../../../../lib/backends/aws/calls/aws-calls.ts';
import { Attachments } from '../../../../lib/backends/aws/log/attachments.ts';
import {
  bodyOf,
  escapeNonCharacters,
  itemBytes,
  itemToMessage,
  pack,
  placeOf,
  toItem,
} from '../../../../lib/backends/aws/log/item.ts';
import { Preparation } from '../../../../lib/backends/aws/log/prepared.ts';
import { firstIdOf, type GemstoneId, timeOf } from '../../../../lib/core/gemstone-id.ts';
import { type Message, toReference } from '../../../../lib/core/message.ts';
import type { GuildManifest } from '../../../../lib/environment/guild-manifest.ts';
import { emptyManifest, manifestFamily } from '../../../aws-emulators/emulated-settings.ts';
import { draft } from './log-lab.ts';

const id = firstIdOf(1_800_000_000_000);

async function itemOf(message: Partial<Message> & Pick<Message, 'payload'>, known: Partial<GuildManifest> = {}) {
  const options = { messagesTable: 'm', ledgerTable: 'l', manifest: { ...emptyManifest, ...known } };
  const calls = new AwsCalls(awsSettings(options, {}));
  const preparation = new Preparation(calls, new Attachments(calls));
  const { payload, ...fields } = message;
  const minted = preparation.mint(await preparation.ready(draft(payload, fields), 'n', 0));
  const [item = {}] = minted.items;
  return { item, id: minted.id };
}

const text = (bytes: number) =>
  'An agent reads what it is sent, thinks, and says so in a message of its own, which others read in their turn. '
    .repeat(Math.ceil(bytes / 100))
    .slice(0, bytes);

test('an item is decoded into the message that it was made of, namespace, topic and id taken from its key', async () => {
  const { item, id: minted } = await itemOf({
    payload: { text: text(3_000) },
    namespace: 'prod',
    topics: ['doc.x', 'b'],
  });

  const moved = { ...item, pk: { S: 'stage#other.topic#3' } };

  expect(itemToMessage(item)).toMatchObject({ namespace: 'prod', topic: 'doc.x', id: minted, topics: ['doc.x', 'b'] });
  expect(itemToMessage(item).payload).toEqual({ text: text(3_000) });
  expect(placeOf(moved)).toEqual({ namespace: 'stage', topic: 'other.topic', shard: 3, id: minted });
  expect(itemToMessage(moved)).toMatchObject({ namespace: 'stage', topic: 'other.topic' });
});

test('the body holds neither namespace nor topic nor id, and is compressed only where that saves a unit of writing', async () => {
  const small = (await itemOf({ payload: text(600) })).item;
  const large = (await itemOf({ payload: text(1_000) })).item;
  const random = (
    await itemOf({
      payload: Buffer.from(
        fc.sample(fc.uint8Array({ minLength: 5_000, maxLength: 5_000 }), { seed: 1, numRuns: 1 })[0] as Uint8Array,
      ).toString('base64'),
    })
  ).item;

  expect(Object.keys(JSON.parse(bodyOf(small))).toSorted()).toEqual(['payload', 'sender', 'v']);
  expect([small.b?.S === undefined, large.b?.S === undefined]).toEqual([false, true]);
  expect(JSON.parse(bodyOf(large)).payload).toBe(text(1_000));
  expect(itemBytes(large)).toBeLessThanOrEqual(1_024);
  expect(Math.ceil(itemBytes(random) / 1_024)).toBeLessThan(Math.ceil(6_668 / 1_024));
  expect(pack('x'.repeat(100), 0)).toBe('x'.repeat(100));
});

test('besides its body an item takes as many bytes as is documented', async () => {
  const thread = [toReference({ topic: 'docs', id })];
  const { item } = await itemOf({ payload: 'x', namespace: 'prod', topics: ['docs.findings'], thread });

  expect(itemBytes(item) - Buffer.byteLength(bodyOf(item))).toBe(104);
});

test('without the index by thread an item has no root, and without a conversation none of that', async () => {
  const { item } = await itemOf({ payload: 1 }, { threads: false });
  const talk = (await itemOf({ payload: 1, conversationId: 'talk' })).item;

  expect(Object.keys(item).toSorted()).toEqual(['b', 'n', 'pk', 'sk', 'ttl']);
  expect(talk.conversation).toEqual({ S: 'test#talk' });
  expect(Object.keys(talk)).toContain('thread');
});

test('an item is kept for whole seconds, whatever part of a day its topic says', async () => {
  const declared = [manifestFamily('a', { retentionDays: 1 / 7 })];

  const { item, id: minted } = await itemOf({ payload: 1, topics: ['a'] }, { declared });

  const keptS = Number(item.ttl?.N) - Math.ceil(timeOf(minted) / 1_000);
  expect(keptS).toBe(Math.ceil(86_400 / 7) + 15 * 86_400);
});

test('the body holds no U+FFFE or U+FFFF, and any text comes back as it was', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 2_000 }), async (any) => {
      const payload = `${any}\uFFFE\\\uFFFF`;
      const { item } = await itemOf({ payload });
      expect(bodyOf(item)).not.toMatch(/[\uFFFE\uFFFF]/);
      expect(itemToMessage(item).payload).toBe(payload);
    }),
    { numRuns: 100 },
  );
  expect(escapeNonCharacters('"\uFFFE"')).toBe('"\\ufffe"');
});

test('what is no item of a message is refused with the field that is wrong', () => {
  const place = { namespace: 'test', topic: 'a', shard: 0, id };
  const parts = { place, nonce: Buffer.from('n'), ttl: 1, root: undefined, conversation: undefined, isDirect: false };
  const damaged = {
    'key: is not': [{ ...toItem({ ...parts, body: '{}' }), pk: { S: 'test#a' } }, { sk: { S: id } }, {}],
    'body: is missing': [{ pk: { S: 'test#a#0' }, sk: { S: id } }],
    'body: is not the bytes': [toItem({ ...parts, body: Buffer.from('no brotli stream') })],
    'body: is not JSON': [toItem({ ...parts, body: 'x' })],
  };

  for (const [problem, items] of Object.entries(damaged))
    for (const item of items) expect(() => itemToMessage(item)).toThrow(problem);
  expect(() => placeOf({ pk: { S: 'test#a#0' }, sk: { S: 'x' as GemstoneId } })).toThrow('key: is not');
});
