import { afterEach, expect, test, vi } from 'vitest';
import { awsParts } from '../../../../lib/backends/aws/aws-parts.ts';
import { awsSettings } from '../../../../lib/backends/aws/aws-settings.ts';
import type { AwsLease } from '../../../../lib/backends/aws/queues/aws-lease.ts';
import type { ReadLog } from '../../../../lib/backends/aws/queues/contents.ts';
import { InHand } from '../../../../lib/backends/aws/queues/in-hand.ts';
import { Intake } from '../../../../lib/backends/aws/queues/intake.ts';
import { fromRecord } from '../../../../lib/backends/aws/queues/received.ts';
import { deadLetterOf } from '../../../../lib/core/dead-letter.ts';
import { BackendUnavailableError } from '../../../../lib/core/errors.ts';
import type { Message } from '../../../../lib/core/message.ts';
import type { ManifestAgent } from '../../../../lib/environment/guild-manifest.ts';
import { AwsLab } from '../aws-lab.ts';
import { putMessage } from '../raw-tables.ts';

const MB = 1024 * 1024;
const ATTEMPTS = 3;
const open = (agent: Partial<ManifestAgent> = {}) =>
  AwsLab.open({ retry: { attempts: ATTEMPTS, baseMs: 0, maxMs: 0 }, ...agent });
afterEach(() => vi.unstubAllEnvs());

const done = (lease: AwsLease) => ({ kind: 'completed', lease, outputs: [], state: [] }) as const;
const payloads = (leases: readonly AwsLease[]) => leases.map(({ message }) => message?.payload);

/** An entry that only names its message, which is said to have that many bytes. */
function named(lab: AwsLab, message: Message, bytes: number | undefined, receiveCount = 1) {
  const { namespace, topic, id } = message;
  const body = JSON.stringify({ v: 1, namespace, topic, id, epoch: 0, cause: 'published', bytes });
  return lab.record(message, { body, receiveCount });
}

/** What another process opens, which reads the log like that. */
function opened(lab: AwsLab, record: ReturnType<typeof named>, readLog: ReadLog) {
  const [agent] = lab.options.manifest.agents as [ManifestAgent];
  const intake = new Intake({
    ...awsParts(awsSettings(lab.options, {}), 1_000),
    inHand: new InHand(),
    readLog,
    pausedMs: 1_000,
  });
  const now = Date.now();
  const receipt = { agent: agent.name, namespace: lab.namespace, queueUrl: 'q', isOrdered: false, receivedAt: now };
  return intake.open(agent, [fromRecord(record, { ...receipt, until: now + 30_000 })]);
}

/** A process that ends while it reads what it is to open. */
async function dies(lab: AwsLab, record: ReturnType<typeof named>): Promise<void> {
  await new Promise<void>((resolve) => {
    void opened(lab, record, () => {
      resolve();
      return new Promise(() => {});
    });
  });
}
const taken = async (lab: AwsLab, record: ReturnType<typeof named>) =>
  (await lab.batch([record], lab.twin()).lease(1))[0] as AwsLease;

test.each([2 * MB, undefined])(
  'what ends the process while its payload of %s bytes is opened is a dead letter after its attempts, and not fetched',
  async (bytes) => {
    await using lab = await open();
    // Nobody has set it aside: whoever fetched it would find that it is no message.
    const attachment = { bytes: 2 * MB, sha256: 'a'.repeat(64), location: 's3:prod' };
    const heavy = lab.message('heavy', { attachment });
    await putMessage(lab, heavy);
    const record = (receiveCount: number) => named(lab, heavy, bytes, receiveCount);
    for (const receiveCount of [1, 2, 3, 4]) await dies(lab, record(receiveCount));

    const batch = lab.batch([record(5)], lab.twin());
    expect(await batch.lease(1)).toEqual([]);

    expect(await batch.finish()).toEqual({ batchItemFailures: [] });
    const where = { deadLettersOf: 'one' };
    const { items } = await lab.backend.read({ namespace: lab.namespace, where, order: 'id', limit: 10 });
    expect(items.map(deadLetterOf)).toMatchObject([
      { reason: 'crashed', original: { id: heavy.id, attachment }, errors: [{ code: 'HANDLER_CRASHED' }] },
    ]);
  },
);

test('its own start counts for the next one that opens it, and is one with that of its handler', async () => {
  await using lab = await open();
  const heavy = lab.message('heavy');
  await putMessage(lab, heavy);

  const second = await taken(lab, named(lab, heavy, 2 * MB, 2));
  await lab.backend.start([second]);
  const third = await taken(lab, named(lab, heavy, 2 * MB, 3));
  const small = await taken(lab, named(lab, heavy, MB / 2, 4));

  expect([second, third, small].map(({ attemptsBefore }) => attemptsBefore)).toEqual([0, 1, 2]);
  expect(payloads([second, third, small])).toEqual(['heavy', 'heavy', 'heavy']);
});

test.each([{}, { lease: true }, { guarantee: 'at-most-once' }] as const)(
  'of %o: what could not be read, was handed back, or is in other hands was not started',
  async (agent) => {
    await using lab = await open(agent);
    const heavy = lab.message('heavy');
    await putMessage(lab, heavy);
    for (const receiveCount of [2, 3, 4, 5]) {
      const read = async () => Promise.reject(new BackendUnavailableError('away'));
      await expect(opened(lab, named(lab, heavy, 2 * MB, receiveCount), read)).rejects.toThrow('away');
    }

    const held = await taken(lab, named(lab, heavy, 2 * MB, 6));
    if (agent.guarantee === 'at-most-once') await lab.backend.start([held]);
    const elsewhere =
      'lease' in agent || 'guarantee' in agent ? await taken(lab, named(lab, heavy, 2 * MB, 7)) : undefined;
    expect(held.attemptsBefore).toBe(0);
    expect(elsewhere).toBeUndefined();
    if (agent.guarantee === 'at-most-once') return;
    await lab.backend.settle([{ kind: 'released', lease: held, delayMs: 0 }]);

    expect((await taken(lab, named(lab, heavy, 2 * MB, 8))).attemptsBefore).toBe(0);
  },
);

test('what is large and comes back is opened alone: nothing else is taken for what ended its process', async () => {
  await using lab = await open();
  const messages = ['s1', 'heavy', 's2', 's3', 'returned'].map((name) => lab.message(name));
  for (const message of messages) await putMessage(lab, message);
  const [s1, heavy, s2, s3, returned] = messages as [Message, Message, Message, Message, Message];
  const records = [
    lab.record(s1),
    named(lab, heavy, 2 * MB, 2),
    lab.record(s2),
    named(lab, s3, 2 * MB),
    named(lab, returned, MB / 2, 2),
  ];
  const batch = lab.batch(records);

  const seen: unknown[] = [];
  for (let leases = await batch.lease(10); leases.length > 0; ) {
    seen.push(payloads(leases));
    const next = batch.lease(10);
    await lab.backend.settle(leases.map(done));
    leases = await next;
  }

  expect(seen).toEqual([['s1'], ['heavy'], ['s2', 's3', 'returned']]);
  expect(await batch.finish()).toEqual({ batchItemFailures: [] });
});

test.each([
  { memory: '240', together: 1 },
  { memory: '256', together: 1 },
  { memory: '512', together: 3 },
  { memory: '10240', together: 3 },
  { memory: '', together: 3 },
])('a function of "$memory" MB opens $together of 5 MB at once', async ({ memory, together }) => {
  vi.stubEnv('AWS_LAMBDA_FUNCTION_MEMORY_SIZE', memory);
  await using lab = await open();
  const messages = ['m1', 'm2', 'm3', 'm4'].map((name) => lab.message(name));
  for (const message of messages) await putMessage(lab, message);

  const leases = await lab.batch(messages.map((message) => named(lab, message, 5 * MB))).lease(10);

  expect(leases).toHaveLength(together);
});
