import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import type { AwsLease } from '../../../../lib/backends/aws/queues/aws-lease.ts';
import type { Settlement } from '../../../../lib/backends/backend.ts';
import { deadLetterOf } from '../../../../lib/core/dead-letter.ts';
import type { Draft } from '../../../../lib/core/message.ts';
import { platformDraft } from '../../../../lib/core/platform-draft.ts';
import { AwsLab } from '../aws-lab.ts';
import { changeRow } from '../raw-tables.ts';

const fault = { code: 'X', message: 'x', retryable: true };
const EXACTLY_ONCE = { guarantee: 'exactly-once' } as const;
const draft = (lab: AwsLab, payload: object, more: Partial<Draft['message']> = {}): Draft => {
  const made = platformDraft('test', { namespace: lab.namespace, topic: 'out' }, { format: 'generic_json', payload });
  return { ...made, message: { ...made.message, ...more } };
};
const completed = (lease: AwsLease, outputs: readonly Draft[] = []): Settlement => ({
  kind: 'completed',
  lease,
  outputs,
  state: [],
});
const stored = async (lab: AwsLab) => {
  const query = { namespace: lab.namespace, where: { topic: 'out' }, order: 'id', limit: 200 } as const;
  return (await lab.backend.read(query)).items.map(({ payload }) => payload);
};
const only = async (leases: Promise<readonly AwsLease[]>) => (await leases)[0] as AwsLease;
const codes = (outcomes: readonly ({ ok: true } | { ok: false; error: { code: string } })[]) =>
  outcomes.map((outcome) => (outcome.ok ? 'ok' : outcome.error.code));

test('of two consumers that handle a delivery at once one commits, and the other is told that it lost it', async () => {
  await using lab = await AwsLab.open(EXACTLY_ONCE);
  await using other = lab.twin();
  const record = lab.record(lab.message('m'));
  const [mine, theirs] = [await only(lab.batch([record]).lease(1)), await only(lab.batch([record], other).lease(1))];

  const outcomes = await Promise.all([
    lab.backend.settle([completed(mine, [draft(lab, { by: 'me' })])]),
    other.settle([completed(theirs, [draft(lab, { by: 'them' })])]),
  ]);

  expect(codes(outcomes.flat()).toSorted()).toEqual(['LEASE_LOST', 'ok']);
  expect(await stored(lab)).toHaveLength(1);
});

test('a step whose answer gets lost is found done, and is done once', async () => {
  await using lab = await AwsLab.open(EXACTLY_ONCE, { timeoutMs: 8_000 });
  let lost = 0;
  const batch = lab.batch([lab.record(lab.message('with outputs')), lab.record(lab.message('without'))]);
  const [one, two] = (await batch.lease(2)) as [AwsLease, AwsLease];
  lab.gate.isLost = ({ operation }) => /TransactWriteItems|PutItem/.test(operation) && lost++ < 4;

  const outcomes = await lab.backend.settle([completed(one, [draft(lab, { n: 1 })]), completed(two)]);

  expect(codes(outcomes)).toEqual(['ok', 'ok']);
  expect(lost).toBeGreaterThanOrEqual(4);
  expect(await stored(lab)).toEqual([{ n: 1 }]);
  expect(await batch.finish()).toEqual({ batchItemFailures: [] });
});

test('a delivery that has ended is acknowledged without its handler, and counted', async () => {
  await using lab = await AwsLab.open(EXACTLY_ONCE);
  await using other = lab.twin();
  const record = lab.record(lab.message('m'));
  await lab.backend.settle([completed(await only(lab.batch([record]).lease(1)))]);

  const [here, there] = [lab.batch([record]), lab.batch([record], other)];
  expect([await here.lease(1), await there.lease(1)]).toEqual([[], []]);

  expect([await here.finish(), await there.finish()]).toEqual([{ batchItemFailures: [] }, { batchItemFailures: [] }]);
});

test('the same delivery twice in a queue is handled once, at a time', async () => {
  await using lab = await AwsLab.open();
  const message = lab.message('m');
  const batch = lab.batch([lab.record(message), lab.record(message)]);

  const leases = await batch.lease(10);
  await lab.backend.settle(leases.map((lease) => completed(lease)));
  const later = await lab.batch([lab.record(message)]).lease(10);

  expect(leases).toHaveLength(1);
  expect(later).toEqual([]);
});

test('an agent with a lease in the ledger is not run twice at once, by whichever process', async () => {
  await using lab = await AwsLab.open({ ...EXACTLY_ONCE, lease: true });
  await using other = lab.twin();
  const record = lab.record(lab.message('m'));
  const mine = await only(lab.batch([record]).lease(1));
  const twin = lab.batch([lab.record(lab.message('m', { id: mine.key.id }))], other);

  expect(await twin.lease(1)).toEqual([]);
  expect((await twin.finish()).batchItemFailures).toHaveLength(1);
  await lab.backend.settle([{ kind: 'released', lease: mine, delayMs: 0 }]);
  expect(await lab.batch([record], other).lease(1)).toHaveLength(1);
});

test('an agent with a lease in the ledger is handed what was leased, though another lease could not be had', async () => {
  await using lab = await AwsLab.open({ ...EXACTLY_ONCE, lease: true }, { timeoutMs: 2_000 });
  const [one, two] = [lab.message('one'), lab.message('two')];
  lab.gate.isLost = ({ body }) => body.includes(two.id);
  const batch = lab.batch([lab.record(one), lab.record(two)]);

  const leases = await batch.lease(2);
  await lab.backend.settle(leases.map((lease) => completed(lease)));

  expect(leases.map(({ message }) => message?.payload)).toEqual(['one']);
  expect((await batch.finish()).batchItemFailures).toEqual([{ itemIdentifier: expect.stringMatching(/^two/) }]);
});

test('at most once: what was started and never ended is a dead letter, and its handler is not run again', async () => {
  await using lab = await AwsLab.open({ guarantee: 'at-most-once' });
  await using other = lab.twin();
  const record = lab.record(lab.message('m'));
  const lease = await only(lab.batch([record]).lease(1));
  await lab.backend.start([lease]);
  await changeRow(lab, lease, { startedUntil: Date.now() - 1 });

  const after = lab.batch([record], other);
  const again = await after.lease(1);
  const late = await lab.backend.settle([completed(lease, [draft(lab, { late: true })])]);

  expect(again).toEqual([]);
  expect(await after.finish()).toEqual({ batchItemFailures: [] });
  expect(codes(late)).toEqual(['LEASE_LOST']);
  expect(await stored(lab)).toEqual([]);
  const query = { namespace: lab.namespace, where: { deadLettersOf: 'one' }, order: 'id', limit: 9 } as const;
  expect((await lab.backend.read(query)).items.map(deadLetterOf)).toMatchObject([
    { reason: 'crashed', original: { payload: 'm' }, errors: [{ code: 'HANDLER_CRASHED' }] },
  ]);
});

test('what is done beside one that kills its process is done, though the acknowledgement is lost each time', async () => {
  await using lab = await AwsLab.open();
  const message = lab.message('innocent');
  const handled: number[] = [];

  for (let receiveCount = 1; receiveCount <= 7; receiveCount++) {
    await using process = lab.twin();
    const [lease] = await lab.batch([lab.record(message, { receiveCount })], process).lease(1);
    if (lease === undefined) continue;
    if (lease.returned) await process.start([lease]);
    const outcomes = await process.settle([completed(lease, [draft(lab, { receiveCount })])]);
    expect(codes(outcomes)).toEqual(['ok']);
    handled.push(receiveCount);
  }

  expect(handled).toEqual([1, 2]);
  expect(await stored(lab)).toEqual(handled.map((receiveCount) => ({ receiveCount })));
});

test('at least once: a step of a returned delivery whose answer is lost is found done', async () => {
  await using lab = await AwsLab.open({}, { timeoutMs: 8_000 });
  await using other = lab.twin();
  const record = lab.record(lab.message('m'), { receiveCount: 2 });
  const [mine, theirs] = [await only(lab.batch([record]).lease(1)), await only(lab.batch([record], other).lease(1))];
  let lost = 0;
  lab.gate.isLost = ({ operation }) => operation === 'PutItem' && lost++ === 0;

  const outcomes = [await lab.backend.settle([completed(mine)]), await other.settle([completed(theirs)])];

  expect(outcomes.map(codes)).toEqual([['ok'], ['LEASE_LOST']]);
  expect(lost).toBeGreaterThan(0);
});

test('while the ledger cannot be written nothing is started', async () => {
  await using lab = await AwsLab.open(EXACTLY_ONCE, { timeoutMs: 300 });
  const [first, second] = [lab.record(lab.message('m1'), { receiveCount: 2 }), lab.record(lab.message('m2'))];
  const returned = await only(lab.batch([first]).lease(1));
  lab.gate.setOpen(false);

  const started = await lab.backend.start([returned]);
  const batch = lab.batch([second]);
  const leased = batch.lease(1);

  await expect(leased).rejects.toMatchObject({ code: 'BACKEND_UNAVAILABLE' });
  expect(codes(started)).toEqual(['BACKEND_UNAVAILABLE']);
  expect((await batch.finish()).batchItemFailures).toEqual([{ itemIdentifier: second.messageId }]);
});

test('an attempt that decided more than one step takes is refused, and nothing of it holds', async () => {
  await using lab = await AwsLab.open(EXACTLY_ONCE);
  const lease = await only(lab.batch([lab.record(lab.message('m'))]).lease(1));
  const outputs = Array.from({ length: 50 }, (_, n) => draft(lab, { n }, { topics: ['out', 'out.copy'] }));

  const outcomes = await lab.backend.settle([completed(lease, outputs)]);

  expect(codes(outcomes)).toEqual(['TOO_MANY_OUTPUTS']);
  expect(await stored(lab)).toEqual([]);
  expect(codes(await lab.backend.settle([completed(lease, outputs.slice(0, 48))]))).toEqual(['ok']);
});

test.for([false, true])('as much as an attempt may decide is committed, with tracing: %s', async (tracing) => {
  await using lab = await AwsLab.open({ ...EXACTLY_ONCE, lease: true });
  await using backend = lab.twin({ manifest: { ...lab.options.manifest, tracing } });
  const { maxOutputs } = backend.features;
  const batch = lab.batch(
    ['plain', 'keyed', 'state', 'mixed'].map((name) => lab.record(lab.message(name))),
    backend,
  );
  const leases = (await batch.lease(4)) as [AwsLease, AwsLease, AwsLease, AwsLease];
  const spent = { usd: 1, tokens: 1 };
  const plain = (count: number) => Array.from({ length: count }, (_, n) => draft(lab, { n }));
  const keyed = Array.from({ length: Math.floor(maxOutputs / 3) }, (_, n) =>
    draft(lab, { n }, { topics: ['out', 'out.copy'], idempotencyKey: `${n}` }),
  );
  const values = Array.from({ length: Math.floor(maxOutputs / 2) }, (_, n) => ({
    key: `k${n}`,
    value: randomBytes(24_000).toString('hex'),
    ifVersion: 0,
  }));
  // As large as a message can be that lies in its item.
  const noise = () => randomBytes(3_000).toString('hex').slice(0, 8_000);
  const large = plain(maxOutputs - 20).map((each, n) => ({
    ...each,
    message: { ...each.message, payload: noise(), sessionState: { n, notes: randomBytes(8_000).toString('hex') } },
    payloadBytes: 8_002,
  }));
  const decisions = [
    { outputs: plain(maxOutputs), state: [] },
    { outputs: keyed, state: [] },
    { outputs: [], state: values },
    { outputs: large, state: values.slice(0, 10).map((each) => ({ ...each, key: `other ${each.key}` })) },
  ];

  const outcomes = await backend.settle(
    decisions.map((each, index) => ({ kind: 'completed', lease: leases[index] as AwsLease, ...each, spent })),
  );

  expect(codes(outcomes)).toEqual(['ok', 'ok', 'ok', 'ok']);
});

test('outputs with a key that was used: the first message stands, another payload fails the attempt', async () => {
  await using lab = await AwsLab.open(EXACTLY_ONCE);
  const keyed = (n: number) => draft(lab, { n }, { idempotencyKey: 'k' });
  const batch = lab.batch(['a', 'b', 'c', 'd'].map((name) => lab.record(lab.message(name))));
  const [a, b, c, d] = (await batch.lease(10)) as [AwsLease, AwsLease, AwsLease, AwsLease];

  const [first] = await lab.backend.settle([completed(a, [keyed(1), draft(lab, { n: 2 }), keyed(1)])]);
  const [second] = await lab.backend.settle([completed(b, [draft(lab, { n: 3 }), keyed(1)])]);
  const refused = await lab.backend.settle([completed(c, [keyed(9)]), completed(d, [keyed(7), keyed(8)])]);

  const ids = [first, second].map((outcome) => (outcome?.ok ? outcome.ids : []));
  expect(ids[0]?.[2]).toBe(ids[0]?.[0]);
  expect(ids[1]?.[1]).toBe(ids[0]?.[0]);
  expect(codes(refused)).toEqual(['IDEMPOTENCY_CONFLICT', 'IDEMPOTENCY_CONFLICT']);
  expect(await stored(lab)).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
});

test('faults are kept from attempt to attempt, and a repeat of the step that keeps one keeps it once', async () => {
  await using lab = await AwsLab.open({}, { timeoutMs: 8_000 });
  const message = lab.message('m');
  let lost = 0;
  lab.gate.isLost = ({ operation }) => operation === 'UpdateItem' && lost++ % 2 === 0;

  for (let attempt = 1; attempt <= 3; attempt++) {
    const record = lab.record(message, { receiveCount: attempt });
    const lease = await only(lab.batch([record]).lease(1));
    expect(lease).toMatchObject({ attemptsBefore: attempt - 1, returned: false });
    const outcome = await lab.backend.settle([
      { kind: 'retry', lease, delayMs: 0, fault: { ...fault, code: `${attempt}` } },
    ]);
    expect(codes(outcome)).toEqual(['ok']);
  }
  const last = await only(lab.batch([lab.record(message, { receiveCount: 4 })]).lease(1));

  expect(last.faults.map(({ code }) => code)).toEqual(['1', '2', '3']);
  expect(lost).toBeGreaterThanOrEqual(6);
});

test('a delay beyond what a queue can hide an entry for is as long as it can', async () => {
  await using lab = await AwsLab.open();
  const record = lab.record(lab.message('m'));
  const lease = await only(lab.batch([record]).lease(1));

  await lab.backend.settle([{ kind: 'released', lease, delayMs: 10 * 86_400_000 }]);

  const hidden = lab.sqs.hidden.get(record.receiptHandle) ?? 0;
  expect(hidden).toBeGreaterThan(11 * 3_600);
  expect(hidden).toBeLessThanOrEqual(12 * 3_600);
});

test('what was spent counts for who descends from the same root', async () => {
  await using lab = await AwsLab.open();
  const root = lab.message('root', { budget: { usd: 1 } });
  const lease = await only(lab.batch([lab.record(root)]).lease(1));
  await lab.backend.settle([{ ...completed(lease), spent: { usd: 0.25, tokens: 7 } }]);
  const child = lab.message('child', { budget: { usd: 1 }, thread: [`a/${root.id}`] as never });

  const next = await only(lab.batch([lab.record(child)]).lease(1));

  expect(lease.spent).toEqual({ usd: 0, tokens: 0 });
  expect(next.spent).toEqual({ usd: 0.25, tokens: 7 });
});

test('what was spent is counted once, whatever answers get lost', async () => {
  await using lab = await AwsLab.open({}, { timeoutMs: 8_000 });
  const root = lab.message('root', { budget: { usd: 1 } });
  const lease = await only(lab.batch([lab.record(root)]).lease(1));
  let lost = 0;
  lab.gate.isLost = ({ operation }) => /UpdateItem|TransactWriteItems/.test(operation) && lost++ < 2;

  const outcomes = await lab.backend.settle([{ ...completed(lease), spent: { usd: 0.25, tokens: 7 } }]);

  const child = lab.message('child', { budget: { usd: 1 }, thread: [`a/${root.id}`] as never });
  const next = await only(lab.batch([lab.record(child)]).lease(1));
  expect(codes(outcomes)).toEqual(['ok']);
  expect(lost).toBeGreaterThanOrEqual(2);
  expect(next.spent).toEqual({ usd: 0.25, tokens: 7 });
});
