import { DeleteItemCommand, DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';
import type { AwsLease } from '../../../../lib/backends/aws/queues/aws-lease.ts';
import { AwsLab } from '../aws-lab.ts';
import { buriedLetters, fault, openLetters as open, systemTopic } from '../dead-letters.ts';

test('a plan that crashed between handing on and writing down hands on the same deliveries', async () => {
  await using lab = await AwsLab.open({}, { timeoutMs: 3_000 });
  const topic = await systemTopic(lab.emulators);
  await buriedLetters(lab, ['m1', 'm2']);
  const { id } = await lab.backend.plan({ namespace: lab.namespace, agent: 'one', action: 'redrive' });
  lab.gate.isRefused = (operation) => operation === 'TransactWriteItems';

  await expect(lab.backend.runPlan(id, { max: 10 })).rejects.toMatchObject({ code: 'BACKEND_UNAVAILABLE' });
  lab.gate.isRefused = () => false;
  const [first, still] = [await topic.handedOn(), await open(lab)];
  const plan = await lab.backend.runPlan(id, { max: 10 });

  expect(first).toEqual(['m1', 'm2'].map((payload) => ({ payload, epoch: 1, cause: 'redriven' })));
  expect(await topic.handedOn()).toEqual(first);
  expect(plan).toMatchObject({ total: 2, done: 2, skipped: 0, finished: true });
  expect([still, await open(lab)]).toEqual([2, 0]);
  expect(await lab.backend.runPlan(id, { max: 10 })).toEqual(plan);
  expect(await topic.handedOn()).toEqual([]);
});

test('what is too large for a queue is redriven by name, with the letter that has all of it', async () => {
  await using lab = await AwsLab.open({}, { timeoutMs: 5_000 });
  const topic = await systemTopic(lab.emulators);
  const { topic: _topic, id: _id, ...message } = lab.message('m'.repeat(100_000));
  const [stored] = await lab.backend.append([{ message, priority: 4, payloadBytes: 100_002 }], 'n');
  if (!stored?.ok) throw stored?.error;
  const [lease] = await lab.batch([lab.record(lab.message('m'.repeat(100_000), { id: stored.id }))]).lease(1);
  await lab.backend.settle([{ kind: 'dead', lease: lease as AwsLease, reason: 'permanent', fault }]);
  const { id } = await lab.backend.plan({ namespace: lab.namespace, agent: 'one', action: 'redrive' });
  const query = { namespace: lab.namespace, where: { deadLettersOf: 'one' }, order: 'id', limit: 1 } as const;
  const [letter] = (await lab.backend.read(query)).items;

  await lab.backend.runPlan(id, { max: 10 });

  expect(await topic.handedOn()).toEqual([
    { epoch: 1, cause: 'redriven', letter: { topic: '$dead.one', id: letter?.id } },
  ]);
});

test('of two plans for the same letters the first one takes them up, and the other skips them', async () => {
  await using lab = await AwsLab.open();
  const topic = await systemTopic(lab.emulators);
  await buriedLetters(lab, ['m1', 'm2', 'm3']);
  const request = { namespace: lab.namespace, agent: 'one' } as const;
  const redrive = await lab.backend.plan({ ...request, action: 'redrive' });
  const discard = await lab.backend.plan({ ...request, action: 'discard' });

  const half = await lab.backend.runPlan(discard.id, { max: 1 });
  const whole = await lab.backend.runPlan(redrive.id, { max: 10 });
  const rest = await lab.backend.runPlan(discard.id, { max: 10 });

  expect(half).toMatchObject({ done: 1, skipped: 0, finished: false });
  expect(whole).toMatchObject({ done: 3, skipped: 1, finished: true });
  expect(rest).toMatchObject({ done: 3, skipped: 2, finished: true });
  expect((await topic.handedOn()).map(({ payload }) => payload)).toEqual(['m2', 'm3']);
});

test('two workers of one plan work each entry off once', async () => {
  await using lab = await AwsLab.open();
  await using other = lab.twin();
  await systemTopic(lab.emulators);
  await buriedLetters(lab, ['m1', 'm2', 'm3', 'm4']);
  const { id } = await lab.backend.plan({ namespace: lab.namespace, agent: 'one', action: 'redrive' });

  const plans = await Promise.all([lab.backend.runPlan(id, { max: 4 }), other.runPlan(id, { max: 4 })]);

  for (const plan of plans) expect(plan).toMatchObject({ done: 4, skipped: 0, finished: true });
  expect(await open(lab)).toBe(0);
});

test('fails when the list of a plan has expired before the plan, and does nothing', async () => {
  await using lab = await AwsLab.open();
  const topic = await systemTopic(lab.emulators);
  await buriedLetters(lab, ['m1', 'm2']);
  const { id } = await lab.backend.plan({ namespace: lab.namespace, agent: 'one', action: 'redrive' });
  await expireChunks(lab);

  await expect(lab.backend.runPlan(id, { max: 10 })).rejects.toMatchObject({ code: 'NOT_FOUND' });

  expect(await topic.handedOn()).toEqual([]);
  expect(await open(lab)).toBe(2);
});

test('a long plan is frozen in several rows, and worked off in its order', async () => {
  await using lab = await AwsLab.open({}, { timeoutMs: 5_000 });
  const drafts = Array.from({ length: 1_050 }, (_, n) => {
    const { topic: _topic, id: _id, ...message } = lab.message(`m${n}`, { namespace: lab.namespace });
    return { message, priority: 4 as const, payloadBytes: 10 };
  });
  const ids: string[] = [];
  for (let start = 0; start < drafts.length; start += 100)
    for (const each of await lab.backend.append(drafts.slice(start, start + 100), `${start}`))
      if (each.ok) ids.push(each.id);
  const [from, to] = [ids.toSorted()[0], ids.toSorted().at(-1)] as never[];

  const { id, total } = await lab.backend.plan({
    namespace: lab.namespace,
    agent: 'one',
    action: 'replay',
    where: { topic: 'a' },
    from: from as never,
    to: to as never,
  });
  const nothing = await lab.backend.runPlan(id, { max: 0 });

  expect(total).toBe(1_050);
  expect(nothing).toMatchObject({ total: 1_050, done: 0, finished: false });
});

/** As the TTL of the table does, in no order. */
async function expireChunks({ emulators: { endpoints, region, credentials }, options: { ledgerTable } }: AwsLab) {
  const dynamodb = new DynamoDBClient({ endpoint: endpoints.dynamodb, region, credentials });
  const { Items = [] } = await dynamodb.send(new ScanCommand({ TableName: ledgerTable }));
  for (const { pk, sk } of Items)
    if (sk?.S?.startsWith('chunk#'))
      await dynamodb.send(new DeleteItemCommand({ TableName: ledgerTable, Key: { pk, sk } as never }));
  dynamodb.destroy();
}
