/** Rows of deliveries outlive every entry of a queue. What comes later than that is a delivery as if there had been none. */
import { expect, test } from 'vitest';
import type { AwsLease } from '../../../../lib/backends/aws/queues/aws-lease.ts';
import type { Settlement } from '../../../../lib/backends/backend.ts';
import type { Message } from '../../../../lib/core/message.ts';
import { AwsLab } from '../aws-lab.ts';
import { changeRow } from '../raw-tables.ts';

const fault = { code: 'X', message: 'x', retryable: true };
const completed = (lease: AwsLease): Settlement => ({ kind: 'completed', lease, outputs: [], state: [] });
const failed = (lease: AwsLease): Settlement => ({ kind: 'retry', lease, delayMs: 0, fault });
/** Each time in a process of its own. */
const received = async (lab: AwsLab, message: Message, receiveCount: number) => {
  const backend = lab.twin();
  const [lease] = await lab.batch([lab.record(message, { receiveCount })], backend).lease(1);
  if (lease === undefined) throw new Error(`receipt ${receiveCount} came to nothing`);
  return { backend, lease, [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose]() };
};
const expire = (lab: AwsLab, lease: AwsLease) => changeRow(lab, lease, { ttl: 1_000 });

test.each([{ receiveCount: 1 }, { receiveCount: 2 }])(
  'exactly once: a delivery beyond it, received $receiveCount times, is handled and done',
  async ({ receiveCount }) => {
    await using lab = await AwsLab.open({ guarantee: 'exactly-once' });
    const message = lab.message('m');
    await using before = await received(lab, message, 1);
    await before.backend.settle([completed(before.lease)]);
    await expire(lab, before.lease);

    await using after = await received(lab, message, receiveCount);
    const started = await after.backend.start([after.lease]);
    const settled = await after.backend.settle([completed(after.lease)]);

    expect([started, settled]).toMatchObject([[{ ok: true }], [{ ok: true }]]);
    const again = lab.batch([lab.record(message, { receiveCount: 3 })]);
    expect([await again.lease(1), await again.finish()]).toEqual([[], { batchItemFailures: [] }]);
  },
);

test.each([{ lease: false }, { lease: true }])(
  'a first attempt beyond it that fails is the first one, and comes again (lease in the ledger: $lease)',
  async (agent) => {
    await using lab = await AwsLab.open(agent);
    const message = lab.message('m');
    await using first = await received(lab, message, 1);
    await first.backend.settle([failed(first.lease)]);
    await using second = await received(lab, message, 2);
    await second.backend.settle([{ kind: 'dead', lease: second.lease, reason: 'failed', fault }]);
    await expire(lab, second.lease);

    await using after = await received(lab, message, 1);
    const settled = await after.backend.settle([failed(after.lease)]);
    await using again = await received(lab, message, 2);

    expect(settled).toMatchObject([{ ok: true }]);
    expect(again.lease).toMatchObject({ attemptsBefore: 1, returned: false, faults: [fault] });
  },
);

test('a lease that is taken over such a row is nobody else’s', async () => {
  await using lab = await AwsLab.open({ lease: true });
  const message = lab.message('m');
  await using before = await received(lab, message, 1);
  await before.backend.settle([{ kind: 'released', lease: before.lease, delayMs: 0 }]);
  await expire(lab, before.lease);

  await using _after = await received(lab, message, 1);

  expect(await lab.batch([lab.record(message)]).lease(1)).toEqual([]);
});

test('faults and start marks of before do not count', async () => {
  await using lab = await AwsLab.open();
  const message = lab.message('m');
  await using first = await received(lab, message, 1);
  await first.backend.settle([failed(first.lease)]);
  await using second = await received(lab, message, 3);
  await second.backend.start([second.lease]);
  await expire(lab, second.lease);

  await using after = await received(lab, message, 1);
  await after.backend.settle([failed(after.lease)]);
  await using again = await received(lab, message, 2);

  expect(again.lease).toMatchObject({ attemptsBefore: 1, returned: false });
});

test('at most once: what was started before is started, and once', async () => {
  await using lab = await AwsLab.open({ guarantee: 'at-most-once' });
  const message = lab.message('m');
  await using before = await received(lab, message, 1);
  await before.backend.start([before.lease]);
  await expire(lab, before.lease);

  await using after = await received(lab, message, 1);
  await using beside = await received(lab, message, 1);
  const started = [await after.backend.start([after.lease]), await beside.backend.start([beside.lease])];

  expect(started).toMatchObject([[{ ok: true }], [{ ok: false, error: { code: 'LEASE_LOST' } }]]);
});

test('at most once: who gives a delivery back does not undo that another process has started it', async () => {
  await using lab = await AwsLab.open({ guarantee: 'at-most-once' });
  const message = lab.message('m');
  await using one = await received(lab, message, 1);
  await using other = await received(lab, message, 1);

  const started = await one.backend.start([one.lease]);
  await other.backend.settle([{ kind: 'released', lease: other.lease, delayMs: 0 }]);
  const after = lab.batch([lab.record(message, { receiveCount: 2 })]);

  expect(started).toMatchObject([{ ok: true }]);
  expect(await after.lease(1)).toEqual([]);
  expect((await after.finish()).batchItemFailures).toHaveLength(1);
});
