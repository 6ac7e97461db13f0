/** What cannot be opened just now, beside what can. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AwsLease } from '../../../../lib/backends/aws/queues/aws-lease.ts';
import type { Message } from '../../../../lib/core/message.ts';
import { AwsLab } from '../aws-lab.ts';
import { putMessage } from '../raw-tables.ts';

const DENIED = 'not authorized to perform: kms:Decrypt on resource: arn:aws:kms:eu-west-1:1:key/old';
/** A bucket whose objects are encrypted with a key that is not for who reads them. */
const s3 = createServer((_, answer) => {
  answer.writeHead(403, { 'content-type': 'application/xml' });
  answer.end(`<Error><Code>AccessDenied</Code><Message>User is ${DENIED}</Message></Error>`);
});
beforeAll(() => new Promise<void>((resolve) => void s3.listen(0, '127.0.0.1', resolve)));
afterAll(() => void s3.close());

const refusedTo = (lab: AwsLab) =>
  lab.twin({
    bucket: 'attachments',
    endpoints: { ...lab.options.endpoints, s3: `http://127.0.0.1:${(s3.address() as AddressInfo).port}` },
  });
const done = (lease: AwsLease) => ({ kind: 'completed', lease, outputs: [], state: [] }) as const;

/** An entry of a message whose payload was set aside. */
async function aside(lab: AwsLab, receiveCount: number, more: Partial<Message> = {}) {
  const attachment = { bytes: 9_000, sha256: 'a'.repeat(64), location: 's3' };
  const message = lab.message('aside', { attachment, ...more });
  await putMessage(lab, message);
  return lab.record(message, { receiveCount });
}

test('what the bucket refuses comes again later and later, is told, and holds up nothing beside it', async () => {
  await using lab = await AwsLab.open();
  await using backend = refusedTo(lab);
  const refused = [await aside(lab, 1), await aside(lab, 4)];
  const batch = lab.batch([...refused, lab.record(lab.message('one')), lab.record(lab.message('two'))], backend);

  const leases = await batch.lease(10);
  await backend.settle(leases.map(done));

  expect(leases.map(({ message }) => message?.payload)).toEqual(['one', 'two']);
  await expect(batch.lease(10)).rejects.toMatchObject({ code: 'AWS_ACCESS_DENIED', action: 'kms:Decrypt' });
  const names = refused.map(({ messageId }) => messageId);
  expect((await batch.finish()).batchItemFailures.map(({ itemIdentifier }) => itemIdentifier)).toEqual(names);
  expect(names.map((name) => lab.sqs.hidden.get(name))).toEqual([5, 40]);
});

test('what the bucket refuses does not keep a function that takes one at a time from what is behind it', async () => {
  await using lab = await AwsLab.open();
  await using backend = refusedTo(lab);
  const refused = await aside(lab, 1);
  const batch = lab.batch([refused, lab.record(lab.message('one')), lab.record(lab.message('two'))], backend);

  const [one] = await batch.lease(1);
  const [two] = await batch.lease(1);
  await backend.settle([one, two].map((lease) => done(lease as AwsLease)));

  expect([one, two].map((lease) => lease?.message?.payload)).toEqual(['one', 'two']);
  await expect(batch.lease(1)).rejects.toMatchObject({ code: 'AWS_ACCESS_DENIED' });
  expect((await batch.finish()).batchItemFailures).toEqual([{ itemIdentifier: refused.messageId }]);
});

test('what the bucket refuses holds its message group, and no other', async () => {
  await using lab = await AwsLab.open({ ordering: 'key' });
  await using backend = refusedTo(lab);
  const ofGroup = (group: string) => (record: ReturnType<AwsLab['record']>) => ({
    ...record,
    attributes: { ...record.attributes, MessageGroupId: group },
  });
  const [x1, x2] = [await aside(lab, 1), lab.record(lab.message('x2'))].map(ofGroup('x'));
  const y1 = ofGroup('y')(lab.record(lab.message('y1')));
  const batch = lab.batch(
    [x1, x2, y1].filter((each) => each !== undefined),
    backend,
  );

  const leases = await batch.lease(10);
  await backend.settle(leases.map(done));
  await expect(batch.lease(10)).rejects.toThrow('kms:Decrypt');

  expect(leases.map(({ message }) => message?.payload)).toEqual(['y1']);
  expect((await batch.finish()).batchItemFailures).toHaveLength(2);
  expect(lab.sqs.hidden.get(x2?.messageId ?? '')).toBe(0);
});

test('a worker is handed what can be opened, beside what the bucket refuses', async () => {
  await using lab = await AwsLab.open();
  await using backend = refusedTo(lab);
  for (const record of [await aside(lab, 1), lab.record(lab.message('one'))]) {
    const { messageId: MessageId, receiptHandle: ReceiptHandle, body: Body, attributes } = record;
    lab.sqs.messages.push({ MessageId, ReceiptHandle, Body, Attributes: attributes as Record<string, string> });
  }

  const leases = await backend.lease({
    agent: 'one',
    namespaces: [lab.namespace],
    max: 9,
    leaseMs: 5_000,
    waitMs: 2_000,
  });

  expect(leases.map(({ message }) => message?.payload)).toEqual(['one']);
});

test('a worker is told of what the bucket refuses, where there is nothing else', async () => {
  await using lab = await AwsLab.open();
  await using backend = refusedTo(lab);
  const { messageId: MessageId, receiptHandle: ReceiptHandle, body: Body, attributes } = await aside(lab, 3);
  lab.sqs.messages.push({ MessageId, ReceiptHandle, Body, Attributes: attributes as Record<string, string> });

  const leases = backend.lease({ agent: 'one', namespaces: [lab.namespace], max: 9, leaseMs: 5_000, waitMs: 2_000 });

  await expect(leases).rejects.toMatchObject({ code: 'AWS_ACCESS_DENIED' });
  expect(lab.sqs.hidden.get(ReceiptHandle)).toBe(20);
});
