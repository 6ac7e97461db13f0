import { expect, test } from 'vitest';
import type { AwsLease } from '../../../../lib/backends/aws/queues/aws-lease.ts';
import { encodeEntry } from '../../../../lib/backends/aws/queues/queue-entry.ts';
import { DEAD_LETTER_FORMAT } from '../../../../lib/core/dead-letter.ts';
import type { Message } from '../../../../lib/core/message.ts';
import { manifestFamily } from '../../../aws-emulators/emulated-settings.ts';
import { AwsLab } from '../aws-lab.ts';
import { changeRow, idOf, putMessage } from '../raw-tables.ts';

/** An entry that only names its message. */
const named = (lab: AwsLab, message: Message, more: object = {}) => {
  const { namespace, topic, id } = message;
  const body = JSON.stringify({ v: 1, namespace, topic, id, epoch: 0, cause: 'published', bytes: 1, ...more });
  return lab.record(message, { body });
};
const payloads = (leases: readonly AwsLease[]) => leases.map(({ message }) => message?.payload);
const withFamily = (lab: AwsLab, family: Parameters<typeof manifestFamily>[1]) =>
  lab.twin({ manifest: { ...lab.options.manifest, declared: [manifestFamily('a', family)] } });
const completed = (lease: AwsLease) => ({ kind: 'completed', lease, outputs: [], state: [] }) as const;
const lettersIn = async (lab: AwsLab) =>
  (await lab.backend.read({ namespace: lab.namespace, where: { topic: '$dead.one' }, order: 'id', limit: 9 })).items;

test('what has waited for longer than its family keeps messages is delivered, however large it is', async () => {
  await using lab = await AwsLab.open();
  await using backend = withFamily(lab, { retentionDays: 7 });
  const large = lab.message('large', { id: idOf(8) });
  await putMessage(lab, large);

  const leases = await lab
    .batch([named(lab, large), lab.record(lab.message('small', { id: idOf(8) }))], backend)
    .lease(9);

  expect(payloads(leases)).toEqual(['large', 'small']);
  const where = { references: [{ topic: 'a', id: large.id }] };
  expect((await backend.read({ namespace: lab.namespace, where, order: 'id', limit: 9 })).items).toEqual([]);
});

test('what is gone from the log is no silent loss: it is told of by name, and why', async () => {
  await using lab = await AwsLab.open();
  const message = lab.message('gone', { id: idOf(60) });
  const batch = lab.batch([named(lab, message)]);

  const [lease] = await batch.lease(9);

  expect(lease?.message).toBeUndefined();
  expect(Buffer.from(lease?.raw ?? '').toString()).toBe(`a/${message.id}`);
  expect(lease?.undecodable?.message).toMatch(/^stored bytes are no message: body: is not in the log any more/);
  expect((await batch.finish()).batchItemFailures).toHaveLength(1);
});

test('what has expired in the log is acknowledged, and counted', async () => {
  await using lab = await AwsLab.open();
  const expired = lab.message('expired', { expiresAt: Date.now() - 1 });
  const attachment = { bytes: 9, sha256: 'a'.repeat(64), location: 's3' };
  const aside = lab.message('aside', { expiresAt: Date.now() - 1, attachment });
  for (const message of [expired, aside]) await putMessage(lab, message);
  const batch = lab.batch([named(lab, expired), named(lab, aside)]);

  expect(await batch.lease(9)).toEqual([]);
  expect(await batch.finish()).toEqual({ batchItemFailures: [] });
  expect(await lettersIn(lab)).toEqual([]);
});

test('what a newer version of the guild spread over more shards is found by an older one', async () => {
  await using lab = await AwsLab.open();
  await using old = withFamily(lab, { shards: 1 });
  const messages = [0, 3, 15].map((shard) => ({ shard, message: lab.message(`shard ${shard}`) }));
  for (const { message, shard } of messages) await putMessage(lab, message, shard);

  const leases = await lab
    .batch(
      messages.map(({ message }) => named(lab, message)),
      old,
    )
    .lease(9);

  expect(payloads(leases)).toEqual(['shard 0', 'shard 3', 'shard 15']);
});

test('what is redriven and no longer lies in the log comes out of its dead letter', async () => {
  await using lab = await AwsLab.open();
  const original = lab.message('x'.repeat(70_000), { id: idOf(60) });
  const { namespace } = lab;
  const payload = { topic: 'a', id: original.id, original: JSON.parse(JSON.stringify(original)) };
  const letter = lab.message('', { topic: '$dead.one', topics: ['$dead.one'], format: DEAD_LETTER_FORMAT, payload });
  await putMessage(lab, letter);
  const again = { namespace, key: original, epoch: 1, cause: 'redriven', content: original, onlyFor: 'one' } as const;

  const { body } = encodeEntry({ ...again, letter });
  const [lease] = await lab.batch([lab.record(original, { body })]).lease(9);

  expect(Buffer.byteLength(body)).toBeLessThan(1_000);
  expect(lease).toMatchObject({ epoch: 1, cause: 'redriven', message: original });
});

test('at most once: what is started may run for as long as its lease holds, whoever finds the entry once more', async () => {
  await using lab = await AwsLab.open({ guarantee: 'at-most-once' });
  await using other = lab.twin();
  const message = lab.message('m');
  const [lease] = (await lab.batch([lab.record(message)]).lease(1)) as [AwsLease];
  await lab.backend.start([lease]);

  const copy = lab.record(message);
  const duplicate = lab.batch([copy], other);
  const early = [await duplicate.lease(1), await duplicate.finish(), await lettersIn(lab)];
  const outcomes = await lab.backend.settle([completed(lease)]);
  const late = lab.batch([copy], other);

  expect(early).toEqual([[], { batchItemFailures: [{ itemIdentifier: copy.messageId }] }, []]);
  expect(lab.sqs.hidden.get(copy.receiptHandle)).toBeGreaterThan(25);
  expect(outcomes).toMatchObject([{ ok: true }]);
  expect([await late.lease(1), await late.finish()]).toEqual([[], { batchItemFailures: [] }]);
  expect(await lettersIn(lab)).toEqual([]);
});

/** As a worker has it, started, with its row saying that its time is over. */
async function startedByWorker(lab: AwsLab) {
  const message = lab.message('m');
  const { messageId: MessageId, receiptHandle: ReceiptHandle, body: Body, attributes } = lab.record(message);
  lab.sqs.messages.push({ MessageId, ReceiptHandle, Body, Attributes: attributes as Record<string, string> });
  const request = { agent: 'one', namespaces: [lab.namespace], max: 1, leaseMs: 5_000, waitMs: 2_000 };
  const [lease] = (await lab.backend.lease(request)) as [AwsLease];
  await lab.backend.start([lease]);
  await changeRow(lab, lease, { startedUntil: 1 });
  return { lease, copy: lab.record(message) };
}

test('at most once: a lease that is held for longer puts off when its delivery is given up', async () => {
  await using lab = await AwsLab.open({ guarantee: 'at-most-once' });
  await using other = lab.twin();
  const { lease, copy } = await startedByWorker(lab);

  const extended = await lab.backend.extend([lease], 60_000);
  const leases = await lab.batch([copy], other).lease(1);

  expect([extended, leases]).toMatchObject([[{ ok: true }], []]);
  expect(lab.sqs.hidden.get(copy.receiptHandle)).toBeGreaterThan(50);
});

test('at most once: a lease that the ledger cannot be told to hold for longer is as long as it was', async () => {
  await using lab = await AwsLab.open({ guarantee: 'at-most-once' }, { timeoutMs: 200 });
  const { lease } = await startedByWorker(lab);
  const { until } = lease;
  lab.gate.setOpen(false);

  expect(await lab.backend.extend([lease], 60_000)).toEqual([{ ok: true, until }]);
});
