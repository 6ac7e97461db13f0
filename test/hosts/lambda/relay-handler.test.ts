import { expect, test } from 'vitest';
import { encodeHeldBack } from '../../../lib/backends/aws/relay/held-back.ts';
import { BackendUnavailableError } from '../../../lib/core/errors.ts';
import { type RelayEvent, relayHandler } from '../../../lib/hosts/lambda/relay-handler.ts';
import { follower, manifestOf, messageOn, RelayLab, recordOf, sequenceOf } from '../../backends/aws/relay/lab.ts';
import { RecordedLog } from '../../guild/lab.ts';
import { contextOf } from './lab.ts';

const manifest = manifestOf([follower('reader', ['doc.*'])]);

function hosted() {
  const lab = new RelayLab(manifest);
  const log = new RecordedLog();
  const handler = relayHandler(manifest, { open: () => lab.relay, log });
  return { lab, log, started: (event: unknown) => handler(event as RelayEvent, contextOf()) };
}

test('hands on what the stream brings, and what is due from its queue', async () => {
  const { lab, log, started } = hosted();
  const message = messageOn('doc.new');
  lab.log.set(message.id, message);
  const body = encodeHeldBack({ namespace: 'prod', topic: 'doc.new', ids: [message.id] });

  expect(await started({ Records: [recordOf(messageOn('doc.new')), recordOf(messageOn('doc.new'))] })).toEqual({
    batchItemFailures: [],
  });
  expect(await started({ Records: [{ eventSource: 'aws:sqs', messageId: 'm1', body }] })).toEqual({
    batchItemFailures: [],
  });
  expect(lab.sent).toHaveLength(3);
  expect(log.said).toEqual([]);
});

test('tells what has to come again by sequence number or message id, and says why, once', async () => {
  const { lab, log, started } = hosted();
  lab.refuses = () => new BackendUnavailableError('SNS is down');
  const messages = [messageOn('doc.new'), messageOn('doc.new')];
  for (const message of messages) lab.log.set(message.id, message);
  const [first] = messages as [ReturnType<typeof messageOn>];
  const body = encodeHeldBack({ namespace: 'prod', topic: 'doc.new', ids: [first.id] });

  const streamed = await started({ Records: messages.map((message) => recordOf(message)) });
  const queued = await started({ Records: [{ eventSource: 'aws:sqs', messageId: 'm1', body }] });

  expect(streamed.batchItemFailures).toEqual(messages.map(({ id }) => ({ itemIdentifier: sequenceOf(id) })));
  expect(queued.batchItemFailures).toEqual([{ itemIdentifier: 'm1' }]);
  expect(log.said).toMatchObject([
    { level: 'error', data: { requestId: 'request-1', record: sequenceOf(first.id), failed: 2, of: 2 } },
    { level: 'error', data: { record: 'm1' } },
  ]);
});

test('fails clearly for an event that is neither, and at its start where its environment lacks anything', async () => {
  const { started } = hosted();

  await expect(started({ hello: 1 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  expect(() => relayHandler(manifest)).toThrow(/GUILDWIRE_NAMESPACES: is not set/);
});
