import { expect, test } from 'vitest';
import { AwsRefusedError } from '../../../../lib/backends/aws/calls/aws-errors.ts';
import { encodeEntry } from '../../../../lib/backends/aws/queues/queue-entry.ts';
import type { StreamRecord } from '../../../../lib/backends/aws/relay/stream-record.ts';
import { BackendUnavailableError } from '../../../../lib/core/errors.ts';
import { platformDraft } from '../../../../lib/core/platform-draft.ts';
import { familyTopicName, messageAttributes } from '../../../../lib/environment/aws-names.ts';
import type { GuildManifest } from '../../../../lib/environment/guild-manifest.ts';
import { family, follower, manifestOf, messageOn, NOW, RelayLab, recordOf, sequenceOf } from './lab.ts';

const standard = familyTopicName('doc.*', false);
const fifo = familyTopicName('doc.*', true);
const down = new BackendUnavailableError('SNS is down');

test('a message goes to the topic of its family, with all nine attributes, and its key comes from the item', async () => {
  const lab = new RelayLab(manifestOf([follower('reader', ['doc.*'])]));
  const message = messageOn('doc.new', { recipients: ['reader'] });
  const claims = JSON.stringify({ ...JSON.parse(recordBody(message)), namespace: 'other', topic: 'doc.stolen' });

  const failures = await lab.relay.handle([recordOf(message, { body: claims })]);

  expect(failures).toEqual([]);
  expect(lab.topics).toEqual([standard]);
  const [{ entry } = { entry: undefined }] = lab.sent;
  expect(JSON.parse(entry?.body ?? '')).toMatchObject({
    namespace: 'prod',
    topic: 'doc.new',
    id: message.id,
    epoch: 0,
  });
  expect(Object.keys(entry?.attributes ?? {}).toSorted()).toEqual([...messageAttributes].toSorted());
  expect(Object.values(entry?.attributes ?? {})).not.toContain('');
});

test('an ordered follower gets it by the FIFO topic, the others by the standard one, and each only if somebody follows', async () => {
  const both = new RelayLab(
    manifestOf([follower('reader', ['doc.*']), follower('keeper', ['doc.new'], { ordering: 'key' })]),
  );
  await both.relay.handle([recordOf(messageOn('doc.new')), recordOf(messageOn('doc.old'))]);
  const nobody = new RelayLab(manifestOf([follower('reader', ['doc.new'], { onlyWhenTagged: true })]));
  await nobody.relay.handle(
    [messageOn('doc.old'), messageOn('doc.new'), messageOn('doc.new', { recipients: ['x'] })].map((m) => recordOf(m)),
  );
  const own = new RelayLab(manifestOf([follower('writer', ['doc.*'])]));
  await own.relay.handle([recordOf(messageOn('doc.new', { sender: { id: 'writer' } }))]);

  expect(both.topics.toSorted()).toEqual([fifo, standard, standard].toSorted());
  expect(nobody.batches).toEqual([]);
  expect(own.batches).toEqual([]);
});

test('reserved topics go by the system family, replies nowhere, and the letters of who watches for failures are only stored', async () => {
  const watcher = follower('watcher', ['$dead.*', '$errors', '$topics']);
  const lab = new RelayLab(manifestOf([watcher, follower('keeper', [], { ordering: 'key' })]));
  const letter = (on: string) => {
    const content = { format: 'guildwire.dead-letter', payload: { agent: 'x', topic: on } };
    return messageOn(
      '$dead.x',
      platformDraft('dead-letters', { namespace: 'prod', topic: '$dead.x' }, content).message,
    );
  };
  const aside = letter('').id;
  const setAside = { ...letter(''), payload: null, attachment: { bytes: 1, sha256: '0'.repeat(64), location: 's3:x' } };
  const parent = `$errors/${aside}` as never;

  await lab.relay.handle(
    [
      messageOn('$inbox.watcher'),
      messageOn('$inbox.keeper'),
      messageOn('$inbox.nobody'),
      messageOn('$self.keeper', { sender: { id: 'keeper' } }),
      messageOn('$topics'),
      messageOn('$reply.abc'),
      letter('doc.new'),
      letter('$errors'),
      { ...setAside, thread: [parent] },
    ].map((message) => recordOf(message)),
  );

  expect(lab.topics.toSorted()).toEqual(['system', 'system', 'system', 'system.fifo', 'system.fifo']);
  expect(lab.registered).toEqual([]);
});

test('what is no insertion, or was handed on by its publisher, is passed over', async () => {
  const lab = new RelayLab(manifestOf([follower('reader', ['doc.*'])]));
  const removed = { ...recordOf(messageOn('doc.new')), eventName: 'REMOVE' };
  const changed = { ...recordOf(messageOn('doc.new')), eventName: 'MODIFY' };

  const failures = await lab.relay.handle([removed, changed, recordOf(messageOn('doc.new'), { isDirect: true })]);

  expect(failures).toEqual([]);
  expect(lab.batches).toEqual([]);
  // Who follows a message is told also of one that its publisher hands on.
  expect(lab.routed.map(({ agents }) => agents)).toEqual([['reader']]);
});

test('what has expired goes on to its agents, which count it, also if that was while it was held back', async () => {
  const lab = new RelayLab(manifestOf([follower('reader', ['doc.*'])]));
  const late = messageOn('doc.new', { expiresAt: NOW, payload: 'late' });
  const held = messageOn('doc.new', { deliverAt: NOW + 60_000, expiresAt: NOW + 30_000, payload: 'held' });
  lab.log.set(held.id, held);

  await lab.relay.handle([recordOf(late), recordOf(held)]);
  lab.now += 60_000;
  await lab.relay.handleQueued([{ messageId: '1', body: lab.held[0]?.body ?? '' }]);

  expect(lab.payloads).toEqual(['late', 'held']);
  expect(lab.routed.map(({ message }) => message.payload)).toEqual(['late', 'held', 'held']);
});

test('what its publisher handed on still goes to ordered agents, of whom an older publisher does not know', async () => {
  const lab = new RelayLab(
    manifestOf([follower('reader', ['doc.*']), follower('keeper', ['doc.*'], { ordering: 'key' })]),
  );

  await lab.relay.handle([recordOf(messageOn('doc.new'), { isDirect: true })]);

  expect(lab.topics).toEqual([familyTopicName('doc.*', true)]);
});

test('a message that is not yet due waits in the queue, fifteen minutes at a time, and is read when it is due', async () => {
  const lab = new RelayLab(manifestOf([follower('reader', ['doc.*'])]));
  const message = messageOn('doc.new', { deliverAt: NOW + 1_000_500 });
  lab.log.set(message.id, message);

  await lab.relay.handle([recordOf(message)]);
  lab.now += 900_000;
  await lab.relay.handleQueued([{ messageId: '1', body: lab.held[0]?.body ?? '' }]);
  lab.now += 100_499;
  await lab.relay.handleQueued([{ messageId: '2', body: lab.held[1]?.body ?? '' }]);
  expect(lab.sent).toEqual([]);
  lab.now += 1;
  const failures = await lab.relay.handleQueued([{ messageId: '3', body: lab.held[2]?.body ?? '' }]);

  expect(lab.held.map(({ delayS }) => delayS)).toEqual([900, 101, 1]);
  expect(failures).toEqual([]);
  expect(lab.payloads).toEqual([message.payload]);
});

test('bytes that are no message go on as they came; a record without a body goes to the safety queue; neither blocks', async () => {
  const lab = new RelayLab(manifestOf([follower('reader', ['doc.*'], { onlyWhenTagged: true })]));
  const broken = messageOn('doc.new');
  const bodiless = recordOf(messageOn('doc.new'));
  const { b: _, ...image } = { ...bodiless.dynamodb?.NewImage };
  const keyless = { eventName: 'INSERT', dynamodb: { Keys: { pk: { S: 'nothing' } }, SequenceNumber: 'seq-x' } };
  const good = messageOn('doc.new', { recipients: ['reader'] });

  const failures = await lab.relay.handle([
    recordOf(broken, { body: Uint8Array.of(0xff, 0x00, 0x7b) }),
    recordOf(broken, { body: '{"v":9}' }),
    { ...bodiless, dynamodb: { ...bodiless.dynamodb, NewImage: image } },
    keyless,
    recordOf(good),
  ]);

  expect(failures).toEqual([]);
  const raw = lab.sent.map(({ entry }) => JSON.parse(entry.body).raw as string | undefined);
  expect(raw).toEqual(['/wB7', Buffer.from('{"v":9}').toString('base64'), undefined]);
  expect(lab.sent.map(({ entry }) => entry.attributes.recipient)).toEqual(['*', '*', 'reader']);
  expect(lab.safety.map((body) => JSON.parse(body).relay)).toMatchObject([
    { pk: 'prod#doc.new#0', problem: expect.stringContaining('body') },
    { pk: 'nothing', problem: expect.stringContaining('key') },
  ]);
});

test('a namespace that is not served is set aside, touched no further, and holds nothing up', async () => {
  const lab = new RelayLab(manifestOf([follower('reader', ['doc.*'])]));
  const foreign = messageOn('doc.foreign', { namespace: 'foreign' });

  expect(await lab.relay.handle([recordOf(foreign), recordOf(messageOn('doc.new'))])).toEqual([]);

  expect(lab.sent.map(({ entry }) => JSON.parse(entry.body).topic)).toEqual(['doc.new']);
  expect(lab.registered).toEqual(['doc.new']);
  expect(JSON.parse(lab.safety[0] ?? '').relay).toMatchObject({
    sk: foreign.id,
    problem: expect.stringContaining('"foreign"'),
  });
});

test('of an ordered key only what SNS refuses for what is in it goes to the safety queue', async () => {
  const lab = new RelayLab(manifestOf([follower('keeper', ['doc.*'], { ordering: 'key' })]));
  const messages = [1, 2, 3, 4].map((n) => messageOn('doc.new', { key: 'k', payload: { n } }));
  const refusal = new AwsRefusedError('sns:Publish on x', 'InvalidParameterException: Invalid parameter: Message');
  lab.refuses = ({ body }) => (body.includes('"n":2') ? refusal : undefined);

  expect(await lab.relay.handle(messages.map((message) => recordOf(message)))).toEqual([]);

  expect(lab.payloads).toEqual([{ n: 1 }, { n: 3 }, { n: 4 }]);
  expect(lab.safety.map((body) => JSON.parse(body).relay.sk)).toEqual([messages[1]?.id]);
});

test.for(['doc.*', 'Validation.*', 'InvalidParameter.*'])(
  'a topic of SNS that is not there is the fault of no message of %s',
  async (pattern) => {
    const lab = new RelayLab(manifestOf([follower('reader', [pattern])], [family(pattern)]));
    const message = messageOn(pattern.replace('*', 'a'));
    lab.refuses = (_, arn) => new AwsRefusedError(`sns:Publish on ${arn}`, 'NotFoundException: Topic does not exist');

    const failures = await lab.relay.handle([recordOf(message)]);

    expect(failures.map(({ identifier }) => identifier)).toEqual([sequenceOf(message.id)]);
    expect(lab.safety).toEqual([]);
  },
);

test('what is no entry of the queue of held back ones is set aside with how it begins, and does not come again', async () => {
  const lab = new RelayLab(manifestOf([follower('reader', ['doc.*'])]));

  expect(await lab.relay.handleQueued([{ messageId: '1', body: 'hello' }])).toEqual([]);

  expect(lab.safety).toEqual([expect.stringContaining('no entry of the queue that feeds the relay: \\"hello\\"')]);
});

test('fails when not even the safety queue takes what cannot be read', async () => {
  const lab = new RelayLab(manifestOf([follower('reader', ['doc.*'])]), {
    toSafety: async (all) => all.map(() => down),
  });
  const keyless = { eventName: 'INSERT', dynamodb: { Keys: { pk: { S: 'nothing' } }, SequenceNumber: 'seq-x' } };

  expect(await lab.relay.handle([keyless])).toEqual([{ identifier: 'seq-x', error: down }]);
});

test('what SNS did not take is told by its sequence number, in order, and what it took is not sent twice', async () => {
  const lab = new RelayLab(manifestOf([follower('reader', ['doc.*'])]));
  const messages = Array.from({ length: 12 }, () => messageOn('doc.new'));
  const records = messages.map((message) => recordOf(message));
  const bad = new Set([3, 11].map((index) => encodeOf(messages[index]).deduplicationId));
  lab.refuses = ({ deduplicationId }) => (bad.has(deduplicationId) ? down : undefined);

  const failures = await lab.relay.handle(records);
  bad.clear();
  const again = await lab.relay.handle(records.slice(3));

  expect(failures.map(({ identifier }) => identifier)).toEqual(
    [3, 11].map((index) => sequenceOf(idOf(messages[index]))),
  );
  expect(again).toEqual([]);
  expect(lab.sent.map(({ entry }) => JSON.parse(entry.body).id).toSorted()).toEqual(messages.map(({ id }) => id));
});

test('fails when a topic cannot be written down, and nothing passes what has to come again', async () => {
  const tried: string[] = [];
  const registry = {
    isKnown: () => false,
    async register(_: string, { topic }: { topic: string }) {
      tried.push(topic);
      if (topic === 'doc.b') throw down;
    },
  };
  const lab = new RelayLab(manifestOf([follower('reader', ['doc.*'])]), { registry });
  const messages = ['doc.a', 'doc.b', 'doc.a', 'doc.c'].map((topic) => messageOn(topic));

  const failures = await lab.relay.handle(messages.map((message) => recordOf(message)));

  expect(tried).toEqual(['doc.a', 'doc.b']);
  expect(lab.sent.map(({ entry }) => JSON.parse(entry.body).topic)).toEqual(['doc.a']);
  expect(failures.map(({ identifier }) => identifier)).toEqual(messages.slice(1).map(({ id }) => sequenceOf(id)));
});

test('who gets a message is written down before they do; without that nothing is handed on', async () => {
  const lab = new RelayLab(manifestOf([follower('reader', ['doc.*'])]), { trail: () => Promise.reject(down) });
  const message = messageOn('doc.new');

  const failures = await lab.relay.handle([recordOf(message)]);

  expect(failures).toEqual([{ identifier: sequenceOf(message.id), error: down }]);
  expect(lab.sent).toEqual([]);
});

const recordBody = (message: Parameters<typeof recordOf>[0]) => recordOf(message).dynamodb?.NewImage?.b?.S ?? '';
const idOf = (message: ReturnType<typeof messageOn> | undefined) => (message as ReturnType<typeof messageOn>).id;
const encodeOf = (given: ReturnType<typeof messageOn> | undefined) => {
  const message = given as ReturnType<typeof messageOn>;
  const { namespace, topic, id } = message;
  return encodeEntry({ namespace, key: { topic, id }, epoch: 0, cause: 'published', content: message });
};

test('a relay that is killed at any batch loses nothing when the records come again, and keeps the order of each key', async () => {
  const manifest = manifestOf([follower('reader', ['doc.*']), follower('keeper', ['doc.*'], { ordering: 'key' })]);
  const messages = Array.from({ length: 40 }, (_, n) => messageOn('doc.new', { payload: { n }, key: `k${n % 3}` }));
  const records = messages.map((message) => recordOf(message));
  const { batches } = await relayed(manifest, records);

  for (let survived = 0; survived < batches.length; survived++) {
    const killed = await relayed(manifest, records, survived);
    const again = await relayed(manifest, records);
    for (const topic of [standard, fifo]) {
      const sent = [...killed.sent, ...again.sent].filter(({ topicArn }) => topicArn.endsWith(topic));
      const told = new Set(sent.map(({ entry }) => entry.deduplicationId));
      expect(told.size, `${topic}, killed after ${survived}`).toBe(40);
    }
    const seen = new Set<string>();
    const kept = [...killed.sent, ...again.sent].flatMap(({ topicArn, entry }) => {
      if (!topicArn.endsWith(fifo) || seen.has(entry.deduplicationId)) return [];
      seen.add(entry.deduplicationId);
      return [JSON.parse(entry.body).message.payload.n as number];
    });
    for (const own of Map.groupBy(kept, (n) => n % 3).values()) expect(own).toEqual(own.toSorted((a, b) => a - b));
  }
});

/** What a relay does with the records, killed when that many batches were confirmed. */
async function relayed(
  manifest: GuildManifest,
  records: readonly StreamRecord[],
  survived = Number.POSITIVE_INFINITY,
): Promise<RelayLab> {
  const died = Promise.withResolvers<void>();
  const lab: RelayLab = new RelayLab(manifest, {
    publishBatch: async (destination, entries) => {
      if (lab.batches.length >= survived) {
        died.resolve();
        return new Promise(() => {});
      }
      lab.batches.push({ destination, entries });
      lab.sent.push(...entries.map((entry) => ({ topicArn: destination.topicArn, entry })));
      return entries.map(() => undefined);
    },
  });
  await Promise.race([lab.relay.handle(records), died.promise]);
  return lab;
}
