import { expect, test } from 'vitest';
import type { AwsLease } from '../../../../lib/backends/aws/queues/aws-lease.ts';
import type { Clock } from '../../../../lib/core/clock.ts';
import { deadLetterOf } from '../../../../lib/core/dead-letter.ts';
import { AwsLab } from '../aws-lab.ts';
import { putMessage } from '../raw-tables.ts';

const fault = { code: 'X', message: 'x', retryable: true };
const done = (lease: AwsLease) => ({ kind: 'completed', lease, outputs: [], state: [] }) as const;
const payloads = (leases: readonly AwsLease[]) => leases.map(({ message }) => message?.payload);
const ORDERED = { ordering: 'key' } as const;

test('of one message group the next entry goes when the one before it was acknowledged', async () => {
  await using lab = await AwsLab.open(ORDERED);
  const records = ['x1', 'x2', 'y1', 'x3'].map((name) => lab.record(lab.message(name), { groupId: name[0] as string }));
  const batch = lab.batch(records);

  const first = await batch.lease(10);
  const second = batch.lease(10);
  await lab.backend.settle([done(first[0] as AwsLease)]);
  const [next] = await second;
  await lab.backend.settle([{ kind: 'dead', lease: next as AwsLease, reason: 'permanent', fault }]);
  const last = await batch.lease(10);
  await lab.backend.settle([...last, first[1] as AwsLease].map(done));

  expect(payloads(first)).toEqual(['x1', 'y1']);
  expect(payloads([next as AwsLease, ...last])).toEqual(['x2', 'x3']);
  expect(await batch.lease(10)).toEqual([]);
  expect(await batch.finish()).toEqual({ batchItemFailures: [] });
});

test('the first failure of a group ends it: what is behind it is not started, and comes again with it', async () => {
  await using lab = await AwsLab.open(ORDERED);
  const records = ['x1', 'x2', 'x3', 'y1'].map((name) => lab.record(lab.message(name), { groupId: name[0] as string }));
  const [x1, x2, x3] = records.map(({ messageId }) => messageId) as [string, string, string];
  const batch = lab.batch(records);

  const [head, other] = (await batch.lease(10)) as [AwsLease, AwsLease];
  await lab.backend.settle([{ kind: 'retry', lease: head, delayMs: 4_200, fault }, done(other)]);
  const rest = await batch.lease(10);
  const response = await batch.finish();

  expect(rest).toEqual([]);
  expect(response.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier)).toEqual([x1, x2, x3]);
  expect(Object.fromEntries(lab.sqs.hidden)).toEqual({ [x1]: 5, [x2]: 0, [x3]: 0 });
});

test('what was not handed out in time comes again at once, and what still runs comes when its time is over', async () => {
  await using lab = await AwsLab.open();
  const records = [1, 2, 3].map((n) => lab.record(lab.message(`m${n}`)));
  const [first, second, third] = records.map(({ messageId }) => messageId) as [string, string, string];
  const batch = lab.batch(records);

  await batch.lease(1);
  const response = await batch.finish();

  expect(response.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier)).toEqual([first, second, third]);
  expect(Object.fromEntries(lab.sqs.hidden)).toEqual({ [second]: 0, [third]: 0 });
  expect(await batch.lease(1)).toEqual([]);
});

test('while the ledger cannot be reached nothing is started, and all comes again later and later', async () => {
  await using lab = await AwsLab.open({ guarantee: 'exactly-once' }, { timeoutMs: 500 });
  const records = [1, 3, 1_000].map((receiveCount, n) => lab.record(lab.message(`m${n}`), { receiveCount }));
  const behind = lab.record(lab.message('behind'));
  const batch = lab.batch([...records, behind]);
  lab.gate.setOpen(false);

  await expect(batch.lease(3)).rejects.toMatchObject({ code: 'BACKEND_UNAVAILABLE' });
  const { batchItemFailures } = await batch.finish();

  const names = [...records, behind].map(({ messageId }) => messageId);
  expect(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier)).toEqual(names);
  expect(names.map((name) => lab.sqs.hidden.get(name))).toEqual([5, 20, 900, 5]);
});

test('nothing is deleted: a function acknowledges by what it leaves out of its answer', async () => {
  await using lab = await AwsLab.open();
  const batch = lab.batch([lab.record(lab.message('m'))]);

  const leases = await batch.lease(10);
  const outcomes = await lab.backend.settle(leases.map(done));

  expect(outcomes).toEqual([{ ok: true, ids: [] }]);
  expect(lab.sqs.deleted).toEqual([]);
  expect(await batch.finish()).toEqual({ batchItemFailures: [] });
});

test('a receive count far above the attempts is no attempt; from there on starts are marked', async () => {
  await using lab = await AwsLab.open();
  const message = lab.message('m');
  const lease = async (receiveCount: number) =>
    (await lab.batch([lab.record(message, { receiveCount })], lab.twin()).lease(1))[0] as AwsLease;

  const late = await lease(500);
  await lab.backend.start([late]);
  const crashed = await lease(501);

  expect(late).toMatchObject({ returned: true, attemptsBefore: 0, firstAttemptAt: 1_700_000_000_000 });
  expect(crashed).toMatchObject({ returned: true, attemptsBefore: 1 });
});

test('the first receipt costs an at-least-once delivery no look into the ledger', async () => {
  await using lab = await AwsLab.open();
  const handle = async (payload: string) => {
    const leases = await lab.batch([lab.record(lab.message(payload))]).lease(1);
    await lab.backend.settle(leases.map(done));
    return leases.length;
  };
  // From here on the pause switch is remembered for a while.
  await handle('first');
  const before = lab.gate.passages;

  expect(await handle('second')).toBe(1);
  expect(lab.gate.passages - before).toBe(0);
});

test('a message that is no message is told of under the inbox of the agent, and blocks nothing', async () => {
  await using lab = await AwsLab.open();
  const odd = lab.record(lab.message('odd'), { body: 'hello' });
  const batch = lab.batch([odd, lab.record(lab.message('m'))]);

  const [raw, fine] = (await batch.lease(10)) as [AwsLease, AwsLease];
  const again = (await lab.batch([odd], lab.twin()).lease(1))[0] as AwsLease;
  await lab.backend.settle([{ kind: 'dead', lease: raw, reason: 'undecodable', fault }, done(fine)]);

  expect(again.key).toEqual(raw.key);
  const { items } = await lab.backend.read({
    namespace: lab.namespace,
    where: { deadLettersOf: 'one' },
    order: 'id',
    limit: 10,
  });
  expect(items.map(deadLetterOf)).toMatchObject([
    { topic: '$inbox.one', reason: 'undecodable', raw: Buffer.from('hello').toString('base64') },
  ]);
  expect(await batch.finish()).toEqual({ batchItemFailures: [] });
});

test('what is of a namespace that is not served is not started, and is left to the safety net', async () => {
  await using lab = await AwsLab.open();
  const foreign = lab.record(lab.message('m', { namespace: 'elsewhere' }));
  const batch = lab.batch([foreign]);

  expect(await batch.lease(10)).toEqual([]);
  expect((await batch.finish()).batchItemFailures).toEqual([{ itemIdentifier: foreign.messageId }]);
  expect(lab.sqs.hidden.get(foreign.receiptHandle)).toBe(600);
});

test('while the agent is paused nothing is started, and all comes again later', async () => {
  await using lab = await AwsLab.open({}, { pausedMs: 70_000 });
  const record = lab.record(lab.message('m'));
  await lab.backend.pause(lab.namespace, 'one', true);

  const leases = await lab.batch([record]).lease(10);
  const elsewhere = await lab.batch([record], lab.twin()).lease(10);
  await lab.backend.pause(lab.namespace, 'one', false);
  const resumed = await lab.batch([record]).lease(10);

  expect([leases, elsewhere]).toEqual([[], []]);
  expect(lab.sqs.hidden.get(record.receiptHandle)).toBe(70);
  expect(payloads(resumed)).toEqual(['m']);
});

test('an event of the urgent lane is told of to its own queue', async () => {
  const queues = { one: { url: 'https://sqs/1/normal', urgentUrl: 'https://sqs/1/urgent', isOrdered: false } };
  await using lab = await AwsLab.open({ lanes: true }, { queues });
  const [urgent, normal] = ['urgent', 'normal'].map((name) => {
    return { ...lab.record(lab.message(name)), eventSourceARN: `arn:aws:sqs:us-east-1:1:${name}` };
  }) as never[];

  await lab.batch([urgent as never]).finish();
  expect([...lab.sqs.told]).toEqual(['https://sqs/1/urgent']);
  await lab.batch([normal as never]).finish();
  expect([...lab.sqs.told]).toEqual(['https://sqs/1/urgent', 'https://sqs/1/normal']);
});

test('what is delayed for most of half a day is told a time that the queue takes, however long ago it was received', async () => {
  await using lab = await AwsLab.open();
  const record = lab.record(lab.message('m'));
  const [lease] = (await lab.batch([record]).lease(1)) as [AwsLease];

  await lab.backend.settle([{ kind: 'released', lease, delayMs: 12 * 3_600_000 }]);

  // Half an hour may have passed from the receipt to the start of the function.
  expect(lab.sqs.hidden.get(record.receiptHandle)).toBeLessThanOrEqual(11.5 * 3_600);
});

test('of large messages no more are opened at once than a small function has memory for', async () => {
  await using lab = await AwsLab.open();
  const MB = 1024 * 1024;
  const sizes = [7 * MB, undefined, 7 * MB, 8 * MB, 100, 40 * MB, 1];
  const records = [];
  for (const [n, bytes] of sizes.entries()) {
    const message = lab.message(`m${n}`);
    await putMessage(lab, message);
    const { namespace, topic, id } = message;
    const body = JSON.stringify({ v: 1, namespace, topic, id, epoch: 0, cause: 'published', bytes });
    records.push(lab.record(message, { body }));
  }
  const small = lab.record(lab.message('small'));
  const batch = lab.batch([...records, small]);

  const opened: unknown[] = [];
  for (let leases = await batch.lease(10); leases.length > 0; ) {
    opened.push(payloads(leases));
    const next = batch.lease(10);
    await lab.backend.settle(leases.map(done));
    leases = await next;
  }

  expect(opened).toEqual([['m0'], ['m1'], ['m2', 'm3', 'm4'], ['m5'], ['m6', 'small']]);
  expect(await batch.finish()).toEqual({ batchItemFailures: [] });
});

/** Waits in no time. */
class HastyClock implements Clock {
  #now = Date.now();
  now = () => this.#now;
  setTimer(delayMs: number, callback: () => void) {
    this.#now += delayMs;
    const immediate = setImmediate(callback);
    return { cancel: () => clearImmediate(immediate) };
  }
  beginWork() {}
  endWork() {}
}

test('answers a second before the function ends, also if its queue cannot be told what comes again at once', async () => {
  const clock = new HastyClock();
  await using lab = await AwsLab.open({}, { clock, random: () => 0.3, timeoutMs: 60_000 });
  const record = lab.record(lab.message('m'));
  const until = clock.now() + 30_000;
  const batch = lab.backend.leasesOf({ Records: [record] }, { agent: 'one', until });
  lab.sqs.fail = () => 'InternalError';

  const { batchItemFailures } = await batch.finish();

  expect(batchItemFailures).toEqual([{ itemIdentifier: record.messageId }]);
  expect(clock.now()).toBeLessThanOrEqual(until - 1_000);
});
