import { expect, test } from 'vitest';
import type { AwsLease } from '../../../../lib/backends/aws/queues/aws-lease.ts';
import { AwsLab } from '../aws-lab.ts';
import { changeRow } from '../raw-tables.ts';

/** What an attempt leads to whose handler, or a middleware around it, let the message not pass. */
const filtered = (lease: AwsLease) => ({ kind: 'dropped', lease, reason: 'filtered' }) as const;
const only = async (leases: Promise<readonly AwsLease[]>) => (await leases)[0] as AwsLease;
const lettersIn = async (lab: AwsLab) =>
  (await lab.backend.read({ namespace: lab.namespace, where: { topic: '$dead.one' }, order: 'id', limit: 9 })).items;

test('what was spent before a message was filtered out counts as well', async () => {
  await using lab = await AwsLab.open();
  const root = lab.message('root', { budget: { usd: 1 } });
  const lease = await only(lab.batch([lab.record(root)]).lease(1));
  await lab.backend.settle([{ ...filtered(lease), spent: { usd: 0.25, tokens: 7 } }]);
  const child = lab.message('child', { budget: { usd: 1 }, thread: [`a/${root.id}`] as never });

  const next = await only(lab.batch([lab.record(child)]).lease(1));

  expect(next.spent).toEqual({ usd: 0.25, tokens: 7 });
});

test('at most once: what was filtered out when it was started is no crash, though its acknowledgement is lost', async () => {
  await using lab = await AwsLab.open({ guarantee: 'at-most-once' });
  await using other = lab.twin();
  const record = lab.record(lab.message('m'));
  const lease = await only(lab.batch([record]).lease(1));
  await lab.backend.start([lease]);
  await changeRow(lab, lease, { startedUntil: 1 });

  const outcomes = await lab.backend.settle([filtered(lease)]);
  const again = lab.batch([record], other);

  expect(outcomes).toMatchObject([{ ok: true }]);
  expect([await again.lease(1), await again.finish()]).toEqual([[], { batchItemFailures: [] }]);
  expect(await lettersIn(lab)).toEqual([]);
});

test('what is filtered out beside one that kills its process is no crash, though it comes again each time', async () => {
  await using lab = await AwsLab.open({ retry: { attempts: 2, baseMs: 0, maxMs: 0 } });
  const message = lab.message('innocent');
  const started: number[] = [];

  for (let receiveCount = 1; receiveCount <= 4; receiveCount++) {
    await using process = lab.twin();
    const [lease] = await lab.batch([lab.record(message, { receiveCount })], process).lease(1);
    if (lease === undefined) continue;
    expect(lease.attemptsBefore).toBe(0);
    if (lease.returned) await process.start([lease]);
    started.push(receiveCount);
    expect(await process.settle([filtered(lease)])).toMatchObject([{ ok: true }]);
  }

  expect(started).toEqual([1, 2]);
});
