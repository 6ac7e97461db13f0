import { expect, test } from 'vitest';
import type { AwsLease } from '../../../../lib/backends/aws/queues/aws-lease.ts';
import type { Draft } from '../../../../lib/core/message.ts';
import { platformDraft } from '../../../../lib/core/platform-draft.ts';
import { AwsLab } from '../aws-lab.ts';

const draft = (lab: AwsLab, payload: object, idempotencyKey?: string): Draft => {
  const made = platformDraft('test', { namespace: lab.namespace, topic: 'out' }, { format: 'generic_json', payload });
  return idempotencyKey === undefined ? made : { ...made, message: { ...made.message, idempotencyKey } };
};
const stored = async (lab: AwsLab) => {
  const query = { namespace: lab.namespace, where: { topic: 'out' }, order: 'id', limit: 99 } as const;
  return (await lab.backend.read(query)).items.map(({ payload }) => payload);
};
const attempt = async (lab: AwsLab, outputs: readonly Draft[]) => {
  const [lease] = (await lab.batch([lab.record(lab.message('m'))]).lease(1)) as [AwsLease];
  const [outcome] = await lab.backend.settle([{ kind: 'completed', lease, outputs, state: [] }]);
  return outcome;
};

test('at least once: of an attempt whose key was used for another payload nothing is stored, before or behind it', async () => {
  await using lab = await AwsLab.open();
  await attempt(lab, [draft(lab, { n: 1 }, 'k')]);

  const outcome = await attempt(lab, [draft(lab, { n: 2 }), draft(lab, { n: 3 }, 'k'), draft(lab, { n: 4 }, 'other')]);

  expect(outcome).toMatchObject({ ok: false, error: { code: 'IDEMPOTENCY_CONFLICT' } });
  expect(await stored(lab)).toEqual([{ n: 1 }]);
});

test('at least once: outputs with keys are stored in their order, and those that were stored before are not again', async () => {
  await using lab = await AwsLab.open();
  const first = await attempt(lab, [draft(lab, { n: 1 }, 'k1'), draft(lab, { n: 2 })]);

  const second = await attempt(lab, [draft(lab, { n: 3 }), draft(lab, { n: 1 }, 'k1')]);

  expect(await stored(lab)).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
  expect(second?.ok && second.ids[1]).toBe(first?.ok && first.ids[0]);
});

test.each([{ lease: false }, { lease: true }])(
  'at least once: what a plan that crashed hands on once more is handled once, in whichever process ($lease)',
  async (agent) => {
    await using lab = await AwsLab.open(agent);
    await using other = lab.twin();
    const message = lab.message('m');
    const entry = () => lab.record(message, { epoch: 1 });
    const settled = (lease: AwsLease) =>
      ({ kind: 'completed', lease, outputs: [draft(lab, { by: lease.token })], state: [] }) as const;
    const [first] = (await lab.batch([entry()]).lease(1)) as [AwsLease];
    const [beside] = await lab.batch([entry()], other).lease(1);

    const outcomes = [await lab.backend.settle([settled(first)])];
    if (beside !== undefined) outcomes.push(await other.settle([settled(beside)]));
    const again = lab.batch([entry()], other);

    expect(outcomes.flat().filter(({ ok }) => ok)).toHaveLength(1);
    expect([await again.lease(1), await again.finish()]).toEqual([[], { batchItemFailures: [] }]);
    expect(await stored(lab)).toEqual([{ by: first.token }]);
  },
);
