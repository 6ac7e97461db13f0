import { expect, test } from 'vitest';
import type { AwsLease } from '../../../../lib/backends/aws/queues/aws-lease.ts';
import type { LeaseRequest } from '../../../../lib/backends/backend.ts';
import { type Clock, systemClock } from '../../../../lib/core/clock.ts';
import { AwsLab, type RecordOptions } from '../aws-lab.ts';

const request = (lab: AwsLab, more: Partial<LeaseRequest> = {}): LeaseRequest => {
  return { agent: 'one', namespaces: [lab.namespace], max: 10, leaseMs: 20_000, waitMs: 2_000, ...more };
};
/** As a poll would bring it. */
const put = (lab: AwsLab, payload: string, options: RecordOptions = {}, more = {}) => {
  const { messageId, receiptHandle, body, attributes } = lab.record(lab.message(payload, more), options);
  lab.sqs.messages.push({
    MessageId: messageId,
    ReceiptHandle: receiptHandle,
    Body: body,
    Attributes: attributes as Readonly<Record<string, string>>,
  });
  return receiptHandle;
};
const completed = (lease: unknown) =>
  ({ kind: 'completed', lease: lease as AwsLease, outputs: [], state: [] }) as const;
const fault = { code: 'X', message: 'x', retryable: true };

test('what is handled is deleted, and what is not comes back after its time', async () => {
  await using lab = await AwsLab.open();
  const [handled, failed] = [put(lab, 'handled'), put(lab, 'failed')];

  const [one, two] = await lab.backend.lease(request(lab));
  await lab.backend.settle([completed(one), { kind: 'retry', lease: two as AwsLease, delayMs: 2_500, fault }]);

  expect(lab.sqs.deleted).toEqual([handled]);
  expect(Object.fromEntries(lab.sqs.hidden)).toEqual({ [failed]: 3 });
});

test('full polls are followed by several at once, as far as there is room for what they bring', async () => {
  await using lab = await AwsLab.open();
  const payloads = Array.from({ length: 200 }, (_, n) => `m${n}`);
  for (const payload of payloads) put(lab, payload);

  const got: unknown[] = [];
  while (got.length < 200) {
    const leases = await lab.backend.lease(request(lab, { max: 100 }));
    expect(leases.length).toBeLessThanOrEqual(100);
    got.push(...leases.map(({ message }) => message?.payload));
    await lab.backend.settle(leases.map(completed));
  }

  expect(got.toSorted()).toEqual(payloads.toSorted());
  expect(lab.sqs.mostPolls).toBeGreaterThan(2);
  expect(lab.sqs.deleted).toHaveLength(200);
});

test('an entry that the answer to a batch leaves out is acknowledged once more', async () => {
  await using lab = await AwsLab.open();
  const handles = ['a', 'b', 'c'].map((payload) => put(lab, payload));
  let left = 0;
  lab.sqs.leaveOut = ({ ReceiptHandle }) => ReceiptHandle === handles[1] && left++ === 0;

  const leases = await lab.backend.lease(request(lab));
  const outcomes = await lab.backend.settle(leases.map(completed));

  expect(outcomes.every(({ ok }) => ok)).toBe(true);
  expect(lab.sqs.deleted.toSorted()).toEqual(handles.toSorted());
});

test('what cannot be acknowledged is told so, and is not handled by this process a second time', async () => {
  await using lab = await AwsLab.open({}, { timeoutMs: 200 });
  const message = lab.message('m');
  put(lab, 'm', {}, { id: message.id });
  lab.sqs.fail = () => 'InternalError';
  const [lease] = await lab.backend.lease(request(lab));

  const [outcome] = await lab.backend.settle([completed(lease)]);
  lab.sqs.fail = () => undefined;
  const again = put(lab, 'm', { receiveCount: 2 }, { id: message.id });

  expect(outcome).toMatchObject({ ok: false, error: { code: 'BACKEND_UNAVAILABLE' } });
  expect(await lab.backend.lease(request(lab, { waitMs: 0 }))).toEqual([]);
  expect(lab.sqs.deleted).toEqual([again]);
});

test('a lease is held for longer with what waits behind it, and one that the queue has taken back is lost', async () => {
  await using lab = await AwsLab.open({ ordering: 'key' });
  const [head, behind] = ['x1', 'x2'].map((payload) => put(lab, payload, { groupId: 'x' })) as [string, string];
  const other = put(lab, 'y1', { groupId: 'y' });

  const leases = await lab.backend.lease(request(lab));
  lab.sqs.fail = ({ ReceiptHandle }) => (ReceiptHandle === other ? 'ReceiptHandleIsInvalid' : undefined);
  const outcomes = await lab.backend.extend(leases, 60_000);

  expect(leases.map(({ message }) => message?.payload)).toEqual(['x1', 'y1']);
  expect(outcomes).toMatchObject([{ ok: true }, { ok: false, error: { code: 'LEASE_LOST' } }]);
  expect(Object.fromEntries(lab.sqs.hidden)).toEqual({ [head]: 61, [behind]: 61 });
});

test('what waits behind an entry that goes back goes back as well', async () => {
  await using lab = await AwsLab.open({ ordering: 'key', lease: true });
  await using other = lab.twin();
  const message = lab.message('x1');
  await lab.batch([lab.record(message)], other).lease(1);
  const head = put(lab, 'x1', { groupId: 'x' }, { id: message.id });
  const behind = put(lab, 'x2', { groupId: 'x' });
  const told = Promise.withResolvers<void>();
  lab.sqs.fail = ({ ReceiptHandle }) => void (ReceiptHandle === behind && told.resolve());

  const leases = await lab.backend.lease(request(lab, { waitMs: 0 }));
  await told.promise;

  expect(leases).toEqual([]);
  expect(lab.sqs.hidden.get(head)).toBeGreaterThan(25);
  expect(lab.sqs.hidden.get(behind)).toBe(0);
});

test('each consumer gets what is of its namespaces, and what nobody waits for goes back', async () => {
  await using lab = await AwsLab.open();
  const elsewhere = { namespace: 'elsewhere' };
  const waiting = [
    lab.backend.lease(request(lab)),
    lab.backend.lease(request(lab, { namespaces: ['elsewhere'], leaseMs: 20_000 })),
  ];
  put(lab, 'here');
  put(lab, 'there', {}, elsewhere);
  const stray = put(lab, 'nowhere', {}, { namespace: 'nowhere' });

  const [here, there] = await Promise.all(waiting);
  await lab.backend[Symbol.asyncDispose]();

  expect(here?.map(({ message }) => message?.payload)).toEqual(['here']);
  expect(there?.map(({ message }) => message?.payload)).toEqual(['there']);
  expect(lab.sqs.hidden.has(stray)).toBe(true);
});

test('what is of a namespace that nobody here asks for stays away longer each time, so that its receipts last', async () => {
  await using lab = await AwsLab.open();
  const counts = [1, 4, 11, 900];
  const strays = counts.map((receiveCount) => put(lab, 'stray', { receiveCount }, { namespace: 'elsewhere' }));
  const own = put(lab, 'own', { receiveCount: 900 });

  await lab.backend.lease(request(lab, { max: 1 }));
  await lab.backend[Symbol.asyncDispose]();

  expect(strays.map((stray) => lab.sqs.hidden.get(stray))).toEqual([1, 8, 1_024, 1_200]);
  expect(lab.sqs.hidden.get(own)).toBeUndefined();
});

test('a consumer that no longer wants any gets none, and what came for it goes back', async () => {
  await using lab = await AwsLab.open();
  const stop = new AbortController();
  const waiting = lab.backend.lease(request(lab, { signal: stop.signal, waitMs: 20_000 }));

  stop.abort();

  expect(await waiting).toEqual([]);
  expect(await lab.backend.lease(request(lab, { signal: stop.signal }))).toEqual([]);
});

test('is closed in peace while it waits to tell its queue once more what goes back', async () => {
  const { promise: isWaiting, resolve } = Promise.withResolvers<void>();
  let isRefused = false;
  const setTimer: Clock['setTimer'] = (delayMs, callback) => {
    if (isRefused) resolve();
    return systemClock.setTimer(isRefused ? 60_000 : delayMs, callback);
  };
  await using lab = await AwsLab.open({ ordering: 'key' }, { clock: { ...systemClock, setTimer } });
  const unhandled: unknown[] = [];
  const onUnhandled = (error: unknown) => void unhandled.push(error);
  process.on('unhandledRejection', onUnhandled);
  const [, behind] = ['x1', 'x2'].map((payload) => put(lab, payload, { groupId: 'x' }));
  lab.sqs.fail = ({ ReceiptHandle }) => {
    isRefused ||= ReceiptHandle === behind;
    return isRefused ? 'InternalError' : undefined;
  };

  const [head] = await lab.backend.lease(request(lab));
  await lab.backend.settle([{ kind: 'retry', lease: head as AwsLease, delayMs: 0, fault }]);
  await isWaiting;
  await lab.backend[Symbol.asyncDispose]();
  await new Promise((done) => setImmediate(done));

  process.off('unhandledRejection', onUnhandled);
  expect(unhandled).toEqual([]);
});
