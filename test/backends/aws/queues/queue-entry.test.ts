import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeEntry, encodeEntry, MAX_ENTRY_BYTES } from '../../../../lib/backends/aws/queues/queue-entry.ts';
import type { Message } from '../../../../lib/core/message.ts';
import { messages, messageWith } from '../../../core/arbitraries.ts';

const outgoing = (message: Message, more = {}) =>
  encodeEntry({
    namespace: message.namespace,
    key: message,
    epoch: 0,
    cause: 'published',
    content: message,
    ...more,
  });
/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html */
const REFUSED_BY_SQS = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/u;

test('a message comes out of a queue as it was put in', () => {
  fc.assert(
    fc.property(messages, (message) => {
      const { body } = outgoing(message);

      const read = decodeEntry(body);

      const { topic, id, namespace } = message;
      expect(read).toMatchObject({ namespace, key: { topic, id }, epoch: 0, cause: 'published' });
      expect(read?.content).toEqual(message.attachment === undefined ? message : 'log');
      expect(Object.isFrozen(read?.key)).toBe(true);
    }),
  );
});

test('every entry is one that SNS and SQS take', () => {
  const odd = messageWith({
    payload: '\u0000\u0007\uFFFE\uFFFF\uD800',
    sender: { id: 'user:a\uFFFFb' },
    key: 'ключ',
  });
  fc.assert(
    fc.property(fc.oneof(messages, fc.constant(odd)), (message) => {
      const { body, attributes, groupId, deduplicationId } = outgoing(message);

      expect(body).not.toMatch(REFUSED_BY_SQS);
      expect(Object.keys(attributes)).toHaveLength(9);
      for (const value of Object.values(attributes)) expect(value).toMatch(/^[!-~]{1,256}$/);
      expect(groupId).toMatch(/^[!-~]{1,128}$/);
      expect(deduplicationId).toMatch(/^[0-9a-f]{64}$/);
    }),
  );
  expect(decodeEntry(outgoing(odd).body)?.content).toEqual(odd);
});

test('the attributes say what a subscription may filter by, and a dash where there is nothing to say', () => {
  const id = '01HF7YAT000000000000000002' as Message['id'];

  expect(outgoing(messageWith({ id, topic: 'doc.tasks.new' })).attributes).toEqual({
    topic: 'doc.tasks.new',
    s0: 'doc',
    s1: 'tasks',
    s2: 'new',
    s3: '-',
    depth: '3',
    priority: '2',
    sender: 'writer',
    recipient: '-',
  });
  expect(outgoing(messageWith({ recipients: ['one'] })).attributes.recipient).toBe('one');
  expect(outgoing(messageWith({ recipients: ['one', 'two'] })).attributes.recipient).toBe('*');
});

test('a delivery once more goes to one agent, whatever topic it is of', () => {
  const message = messageWith({ recipients: ['other'] });

  const { body, attributes, deduplicationId } = outgoing(message, { epoch: 2, cause: 'redriven', onlyFor: 'one' });

  expect(attributes).toMatchObject({
    topic: '$self.one',
    s0: '$self',
    s1: 'one',
    depth: '2',
    sender: 'one',
    recipient: '-',
  });
  expect(decodeEntry(body)).toMatchObject({
    key: { topic: 'doc.tasks' },
    epoch: 2,
    cause: 'redriven',
    content: message,
  });
  expect(deduplicationId).not.toBe(outgoing(message).deduplicationId);
});

test('of one message redriven for two agents on one topic of SNS neither is taken for the other', () => {
  const message = messageWith();
  const again = (onlyFor: string, epoch = 1) =>
    outgoing(message, { epoch, cause: 'redriven', onlyFor }).deduplicationId;

  expect(again('one')).toBe(again('one'));
  expect(new Set([again('one'), again('two'), again('one', 2), outgoing(message).deduplicationId]).size).toBe(4);
});

test('messages of one key are one group, and no two keys are the same one', () => {
  const groupOf = (key: string) => outgoing(messageWith({ key })).groupId;
  const keys = ['a', '#a', 'a#', 'ä', 'x'.repeat(200), 'x'.repeat(201), groupOf('ä').slice('default#'.length)];

  expect(groupOf('a')).toBe('default#a');
  expect(new Set(keys.map(groupOf)).size).toBe(keys.length);
  expect(groupOf('ä')).toBe(groupOf('ä'));
});

test('what is too large for a queue, or set aside, is read from the log', () => {
  const [fits, large] = [MAX_ENTRY_BYTES - 1_000, MAX_ENTRY_BYTES].map((size) =>
    messageWith({ payload: 'x'.repeat(size) }),
  );
  const aside = messageWith({ attachment: { bytes: 1, sha256: 'a'.repeat(64), location: 's3' } });

  const contents = [fits, large, aside].map((message) => decodeEntry(outgoing(message as Message).body)?.content);

  expect(contents).toEqual([fits, 'log', 'log']);
});

test('an entry that only names its message says how large that is, and which dead letter holds it too', () => {
  const large = messageWith({ payload: 'x'.repeat(MAX_ENTRY_BYTES) });
  const aside = messageWith({ attachment: { bytes: 7_000_000, sha256: 'a'.repeat(64), location: 's3' } });
  const letter = { topic: '$dead.one', id: messageWith().id };

  const read = [outgoing(large), outgoing(aside, { letter }), outgoing(messageWith(), { letter })].map(({ body }) =>
    decodeEntry(body),
  );

  expect(read.map((entry) => entry?.bytes)).toEqual([expect.any(Number), 7_000_000, undefined]);
  expect(read[0]?.bytes).toBeGreaterThan(MAX_ENTRY_BYTES);
  expect(read.map((entry) => entry?.letter)).toEqual([undefined, letter, undefined]);
});

test.each([-1, 1.5, '7', null])('an entry that says a size of %s says none', (bytes) => {
  const { namespace, topic, id } = messageWith();

  const read = decodeEntry(
    JSON.stringify({ v: 1, namespace, topic, id, epoch: 0, cause: 'published', bytes, letter: 7 }),
  );

  expect(read).toEqual({ namespace, key: { topic, id }, epoch: 0, cause: 'published', content: 'log' });
});

test('bytes that are no message travel as they are', () => {
  const raw = new Uint8Array([0xff, 0, 1]);
  const key = messageWith();

  const { body, attributes } = encodeEntry({ namespace: 'n', key, epoch: 1, cause: 'redriven', content: raw });

  expect(decodeEntry(body)).toMatchObject({ namespace: 'n', epoch: 1, content: Buffer.from(raw) });
  expect(attributes).toMatchObject({ topic: 'doc.tasks', sender: '-', recipient: '*' });
});

test('a message that cannot be read keeps its key, and comes as its bytes', () => {
  const body = outgoing(messageWith()).body.replace('"writer"', '7');

  const read = decodeEntry(body);

  expect(read?.key).toEqual({ topic: 'doc.tasks', id: messageWith().id });
  expect(Buffer.from(read?.content as Uint8Array).toString()).toContain('"sender":{"id":7}');
});

test.for([
  'hello',
  '',
  '[]',
  'null',
  '{"v":2}',
  JSON.stringify({ v: 1, namespace: 'a#b', topic: 'a', id: messageWith().id, epoch: 0, cause: 'published' }),
  JSON.stringify({ v: 1, namespace: 'a', topic: 'a', id: 'x', epoch: 0, cause: 'published' }),
  JSON.stringify({ v: 1, namespace: 'a', topic: 'a', id: messageWith().id, epoch: -1, cause: 'published' }),
])('%s is no entry', (body) => {
  expect(decodeEntry(body)).toBeUndefined();
});
