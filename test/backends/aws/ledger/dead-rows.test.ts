import { expect, test } from 'vitest';
import type { AwsLease } from '../../../../lib/backends/aws/queues/aws-lease.ts';
import { type DeadLetter, deadLetterOf } from '../../../../lib/core/dead-letter.ts';
import type { Message, MessageKey } from '../../../../lib/core/message.ts';
import { AwsLab } from '../aws-lab.ts';
import { createBucket } from '../log/log-lab.ts';

const MOST = 25 * 1024 * 1024;
const FAULTS = 2;
const fault = { code: 'X', message: 'ü'.repeat(2_000), stack: 's'.repeat(4_000), retryable: true };

/** As the relay hands on what is too large for a queue. */
const entryOf = (lab: AwsLab, { topic, id }: MessageKey) =>
  JSON.stringify({ v: 1, namespace: lab.namespace, topic, id, epoch: 0, cause: 'published' });

/** The letter of a delivery that failed as often as it may. */
async function letterOf(lab: AwsLab, key: MessageKey, topic: string): Promise<Message> {
  for (let receiveCount = 1; ; receiveCount++) {
    const record = lab.record(lab.message('named only'), { body: entryOf(lab, key), receiveCount });
    const lease = (await lab.batch([record]).lease(1))[0] as AwsLease;
    const isLast = receiveCount === FAULTS;
    const [outcome] = await lab.backend.settle([
      isLast ? { kind: 'dead', lease, reason: 'failed', fault } : { kind: 'retry', lease, delayMs: 0, fault },
    ]);
    if (!outcome?.ok) throw outcome?.error;
    if (!isLast) continue;
    const query = { namespace: lab.namespace, where: { topic }, order: 'id-desc', limit: 1 } as const;
    return (await lab.backend.read(query)).items[0] as Message;
  }
}

test('the largest message leaves its dead letter, and so does that letter, and the letter of that', async () => {
  await using lab = await AwsLab.open({}, { bucket: 'attachments', timeoutMs: 20_000 });
  await createBucket(lab.emulators, 'attachments');
  const sessionState = { notes: 'n'.repeat(16_000) };
  const { topic: _topic, id: _id, ...message } = lab.message('x'.repeat(MOST - 2), { sessionState });
  const [stored] = await lab.backend.append([{ message, priority: 4, payloadBytes: MOST }], 'n');
  if (!stored?.ok) throw stored?.error;

  const letter = await letterOf(lab, { topic: 'a', id: stored.id }, '$dead.one');
  const onLetter = await letterOf(lab, letter, '$errors');
  const onThat = await letterOf(lab, onLetter, '$dead.one');

  const unfolded = [onThat, (deadLetterOf(onThat) as Required<DeadLetter>).original].map(deadLetterOf);
  expect(unfolded.map(({ errors }) => errors.length)).toEqual([FAULTS, FAULTS]);
  const { original } = deadLetterOf((unfolded[1] as Required<DeadLetter>).original) as Required<DeadLetter>;
  expect(original.id).toBe(stored.id);
  expect(original.payload === message.payload).toBe(true);
}, 120_000);
