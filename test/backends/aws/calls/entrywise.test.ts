import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { AwsCalls } from '../../../../lib/backends/aws/calls/aws-calls.ts';
import { type BatchAnswer, entrywise } from '../../../../lib/backends/aws/calls/entrywise.ts';
import { SqsCalls } from '../../../../lib/backends/aws/calls/sqs-calls.ts';
import { BackendUnavailableError } from '../../../../lib/core/errors.ts';
import { type Emulators, startEmulators } from '../../../../lib/rehearsal/emulators.ts';
import { emulatedSettings } from '../../../aws-emulators/emulated-settings.ts';

let emulators: Emulators;
beforeAll(async () => {
  emulators = await startEmulators();
});
afterAll(() => emulators[Symbol.asyncDispose]());

const tables = { messagesTable: 'Messages', ledgerTable: 'Ledger' };
type Entry = { readonly value: number };
const open = () => new AwsCalls(emulatedSettings(emulators, tables, { timeoutMs: 300 }));

function run(count: number, answer: (values: readonly number[], call: number) => BatchAnswer, bytes = 1) {
  const calls = open();
  const asked: (readonly number[])[] = [];
  const about = { action: 'sns:Publish', resource: 'topic', deadlineAt: calls.deadline(), maxBytes: 100 };
  const entries = Array.from({ length: count }, (_, value): Entry => ({ value }));
  const outcomes = entrywise(calls, entries, { ...about, bytesOf: () => bytes }, async (batch) => {
    const values = batch.map(({ value }) => value);
    asked.push(values);
    const { Successful = [], Failed = [] } = answer(values, asked.length - 1);
    const idOf = (value: string | undefined) => batch.find((entry) => `${entry.value}` === value)?.Id;
    return {
      Successful: Successful.map(({ Id }) => ({ Id: idOf(Id) })),
      Failed: Failed.map((failed) => ({ ...failed, Id: idOf(failed.Id) })),
    };
  });
  return { outcomes, asked };
}
const all = (values: readonly number[]) => values.map((value) => ({ Id: `${value}` }));

test('entries go in calls of ten, and of no more bytes than are taken', async () => {
  const ten = run(23, (values) => ({ Successful: all(values) }));
  const heavy = run(5, (values) => ({ Successful: all(values) }), 45);

  expect((await ten.outcomes).every(({ ok }) => ok)).toBe(true);
  expect(ten.asked.map(({ length }) => length)).toEqual([10, 10, 3]);
  await heavy.outcomes;
  expect(heavy.asked).toEqual([[0, 1], [2, 3], [4]]);
});

test('an entry that the answer does not name counts as failed and is sent again, alone', async () => {
  const { outcomes, asked } = run(3, (values, call) => ({ Successful: all(call === 0 ? [0, 2] : values) }));

  expect((await outcomes).map(({ ok }) => ok)).toEqual([true, true, true]);
  expect(asked).toEqual([[0, 1, 2], [1]]);
});

test('an entry that was throttled is sent again, whoever is said to be at fault', async () => {
  const codes = ['Throttled', 'RequestThrottled', 'ThrottlingException', 'KmsThrottled', 'KMS.ThrottlingException'];
  const { outcomes, asked } = run(codes.length, (values, call) => {
    const Failed = values.map((value) => ({
      Id: `${value}`,
      Code: codes[value] ?? '',
      Message: 'slow',
      SenderFault: true,
    }));
    return call === 0 ? { Failed } : { Successful: all(values) };
  });

  expect((await outcomes).map(({ ok }) => ok)).toEqual(codes.map(() => true));
  expect(asked).toHaveLength(2);
});

test('an entry that never comes through is an error that may be repeated; the others stand', async () => {
  const { outcomes } = run(3, () => ({
    Successful: all([0, 2]),
    Failed: [{ Id: '1', Code: 'InternalError', Message: 'later' }],
  }));

  const [first, second, third] = await outcomes;

  expect([first?.ok, third?.ok]).toEqual([true, true]);
  expect(second).toMatchObject({ ok: false, error: { code: 'BACKEND_UNAVAILABLE', retryable: true } });
});

test('an entry that is at fault itself is refused at once, with the reason', async () => {
  const { outcomes, asked } = run(2, () => ({
    Successful: all([0]),
    Failed: [{ Id: '1', Code: 'InvalidParameter', Message: 'wrong', SenderFault: true }],
  }));

  expect((await outcomes)[1]).toMatchObject({
    ok: false,
    error: { code: 'AWS_REFUSED', message: expect.stringContaining('InvalidParameter: wrong') },
  });
  expect(asked).toHaveLength(1);
});

test('a call that fails is the outcome of its entries, and of no others', async () => {
  const { outcomes } = run(12, (values, call) => {
    if (call === 0) throw new BackendUnavailableError('away');
    return { Successful: all(values) };
  });

  expect((await outcomes).map(({ ok }) => ok)).toEqual([...Array(10).fill(false), true, true]);
});

test('batches of SQS: sent, received, given back and deleted, each with an outcome', async () => {
  const sqs = new SqsCalls(open());
  const { endpoints, region, credentials } = emulators;
  const client = new SQSClient({ endpoint: endpoints.sqs, region, credentials });
  const { QueueUrl = '' } = await client.send(new CreateQueueCommand({ QueueName: 'q' }));

  const sent = await sqs.sendBatch(
    QueueUrl,
    Array.from({ length: 12 }, (_, n) => ({ MessageBody: `m${n}` })),
  );
  const first = await sqs.receive(QueueUrl, { max: 10, waitMs: 0, visibilityTimeoutS: 30 });
  const second = await sqs.receive(QueueUrl, { max: 10, waitMs: 0, visibilityTimeoutS: 30 });
  const handles = [...first, ...second].map(({ ReceiptHandle = '' }) => ReceiptHandle);
  const [given = ''] = handles;
  const returned = await sqs.changeVisibilityBatch(QueueUrl, [{ receiptHandle: given, timeoutS: 0 }]);
  const deleted = await sqs.deleteBatch(QueueUrl, [...handles.slice(1), 'no handle']);
  const { Messages = [] } = await client.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));

  expect([sent.filter(({ ok }) => ok).length, handles.length, returned]).toEqual([12, 12, [{ ok: true }]]);
  expect(deleted.slice(0, 11).every(({ ok }) => ok)).toBe(true);
  expect(Messages).toHaveLength(1);
});
