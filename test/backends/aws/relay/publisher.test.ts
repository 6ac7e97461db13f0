import { expect, test } from 'vitest';
import { AwsRefusedError } from '../../../../lib/backends/aws/calls/aws-errors.ts';
import type { EncodedEntry } from '../../../../lib/backends/aws/queues/queue-entry.ts';
import {
  entryBytes,
  MAX_BATCH_BYTES,
  type Publication,
  Publisher,
} from '../../../../lib/backends/aws/relay/publisher.ts';
import { BackendUnavailableError, type GuildwireError } from '../../../../lib/core/errors.ts';
import { seededRandom } from '../../../../lib/testing/random.ts';

const down = new BackendUnavailableError('SNS is down');
const none = { topic: '-', s0: '-', s1: '-', s2: '-', s3: '-', depth: '1', priority: '4', sender: '-', recipient: '-' };

/** `g1` is the first of group g. */
const publication = (name: string, isOrdered = true, body = name): Publication => ({
  topicArn: isOrdered ? 'arn:f.fifo' : 'arn:s',
  isOrdered,
  entry: { body, attributes: none, groupId: name.charAt(0), deduplicationId: name },
});
const all = (names: string, isOrdered = true) => names.split(' ').map((name) => publication(name, isOrdered));

/** Notes each batch; answers as `said` does. */
function sns(said: (entries: readonly EncodedEntry[]) => readonly (GuildwireError | undefined)[]) {
  const batches: string[] = [];
  const publisher = new Publisher(async (_, entries) => {
    batches.push(entries.map(({ deduplicationId }) => deduplicationId).join(' '));
    return said(entries);
  });
  const publish = async (publications: readonly Publication[]) => {
    const failed = await publisher.publish(publications);
    return [...failed.keys()]
      .map(({ entry }) => entry.deduplicationId)
      .toSorted()
      .join(' ');
  };
  return { batches, publish };
}
const takesAll = (entries: readonly EncodedEntry[]) => entries.map(() => undefined);

test('an ordered family gets one message of each group in a round, and never two of a group in one batch', async () => {
  const { batches, publish } = sns(takesAll);

  expect(await publish(all('a1 a2 b1 a3 c1 b2'))).toBe('');

  expect(batches).toEqual(['a1 b1 c1', 'a2 b2', 'a3']);
});

test('fails all that follows in a group whose head was not confirmed, and nothing of the others', async () => {
  const { batches, publish } = sns((entries) =>
    entries.map(({ deduplicationId }) => (deduplicationId === 'a2' ? down : undefined)),
  );

  expect(await publish(all('a1 a2 a3 a4 b1 b2 b3'))).toBe('a2 a3 a4');

  expect(batches).toEqual(['a1 b1', 'a2 b2', 'b3']);
});

test('a message that SNS refuses for what is in it holds up nobody behind it', async () => {
  const refusal = new AwsRefusedError(
    'sns:Publish on arn:f.fifo',
    'InvalidParameterException: Invalid parameter: Message',
  );
  const { batches, publish } = sns((entries) =>
    entries.map(({ deduplicationId }) => (deduplicationId === 'a2' ? refusal : undefined)),
  );

  expect(await publish(all('a1 a2 a3 a4 b1'))).toBe('a2');

  expect(batches).toEqual(['a1 b1', 'a2', 'a3', 'a4']);
});

test('a refusal of the topic holds up what is behind it', async () => {
  const refusal = new AwsRefusedError(
    'sns:Publish on arn:f.fifo',
    'InvalidParameterException: Invalid parameter: TopicArn',
  );
  const { batches, publish } = sns((entries) => entries.map(() => refusal));

  expect(await publish(all('a1 a2'))).toBe('a1 a2');

  expect(batches).toEqual(['a1']);
});

test('an entry that the answer does not tell of has failed, and its group waits for it', async () => {
  const { batches, publish } = sns((entries) => entries.slice(0, 1).map(() => undefined));

  expect(await publish(all('a1 b1 a2 b2'))).toBe('b1 b2');

  expect(batches).toEqual(['a1 b1', 'a2']);
});

test('a standard family gets ten at a time, of one group too', async () => {
  const { batches, publish } = sns(takesAll);

  expect(await publish(all(Array.from({ length: 21 }, (_, index) => `a${index}`).join(' '), false))).toBe('');

  expect(batches.map((batch) => batch.split(' ').length)).toEqual([10, 10, 1]);
});

test('fails those of a batch that SNS refused as a whole, and no others', async () => {
  const { publish } = sns((entries) => {
    if (entries.some(({ deduplicationId }) => deduplicationId === 'a3')) throw down;
    return takesAll(entries);
  });

  expect(await publish([...all('a1 a2 a3 b1'), ...all('s1 s2', false)])).toBe('a3');
});

test('of a batch that SNS refused as a whole for what is in it, only that entry fails', async () => {
  const { batches, publish } = sns((entries) => {
    const isBad = entries.some(({ deduplicationId }) => deduplicationId === 's2');
    if (isBad) throw new AwsRefusedError('sns:Publish on arn:s', 'InvalidParameterException: a character');
    return takesAll(entries);
  });

  expect(await publish(all('s1 s2 s3', false))).toBe('s2');

  expect(batches).toEqual(['s1 s2 s3', 's1', 's2', 's3']);
});

test('no batch is above 256 KiB with all attributes, whatever the sizes, and none is torn apart without need', async () => {
  const seed = 20261121;
  const random = seededRandom(seed);
  const sizes: number[] = [];
  const publisher = new Publisher(async (_, entries) => {
    sizes.push(entries.reduce((sum, entry) => sum + entryBytes(entry), 0));
    return takesAll(entries);
  });
  const publications = Array.from({ length: 300 }, (_, index) =>
    publication(`${index}`, false, 'ü'.repeat(Math.floor(random() * 30_000))),
  );

  await publisher.publish(publications);

  expect(Math.max(...sizes), `seed ${seed}`).toBeLessThanOrEqual(MAX_BATCH_BYTES);
  expect(MAX_BATCH_BYTES).toBe(262_144);
  const total = publications.reduce((sum, { entry }) => sum + entryBytes(entry), 0);
  // Two batches in a row could not have been one.
  expect(sizes.length).toBeLessThanOrEqual((2 * total) / MAX_BATCH_BYTES + 1);
});

test('counts name, type and value of each attribute, in bytes', () => {
  const { entry } = publication('a1', false, 'é');

  const names = Object.keys(none).join('').length;
  expect(entryBytes(entry)).toBe(2 + names + 9 * 'String'.length + 9);
});
