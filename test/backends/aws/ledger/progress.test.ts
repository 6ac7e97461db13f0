import { expect, test } from 'vitest';
import type { AwsBackend, AwsBackendOptions } from '../../../../lib/backends/aws/aws-backend.ts';
import { awsSettings } from '../../../../lib/backends/aws/aws-settings.ts';
import { AwsCalls } from '../../../../lib/backends/aws/calls/aws-calls.ts';
import { DynamoDBCalls } from '../../../../lib/backends/aws/calls/dynamodb-calls.ts';
import { Trails } from '../../../../lib/backends/aws/ledger/trails.ts';
import type { AwsLease } from '../../../../lib/backends/aws/queues/aws-lease.ts';
import type { GemstoneId } from '../../../../lib/core/gemstone-id.ts';
import type { Draft, Message } from '../../../../lib/core/message.ts';
import type { ManifestAgent } from '../../../../lib/environment/guild-manifest.ts';
import { AwsLab } from '../aws-lab.ts';
import { fault, systemTopic } from '../dead-letters.ts';

/** A lab that traces, in which the relay does what it is told. */
class TracedLab implements AsyncDisposable {
  readonly #lab: AwsLab;
  readonly #options: AwsBackendOptions;
  readonly #calls: AwsCalls;
  readonly backend: AwsBackend;
  readonly #trails: Trails;

  constructor(lab: AwsLab) {
    this.#lab = lab;
    const options = { ...lab.options, manifest: { ...lab.options.manifest, tracing: true, threads: true } };
    this.#options = options;
    this.backend = lab.twin(options);
    this.#calls = new AwsCalls(awsSettings(options));
    this.#trails = new Trails(new DynamoDBCalls(this.#calls));
  }

  static async open(guarantee: ManifestAgent['guarantee'] = 'exactly-once'): Promise<TracedLab> {
    return new TracedLab(await AwsLab.open({ guarantee }, { timeoutMs: 3_000 }));
  }

  draft(payload: string, more: Partial<Message> = {}): Draft {
    const { id: _id, topic: _topic, ...message } = this.#lab.message(payload, more);
    return { message, priority: 4, payloadBytes: payload.length + 2 };
  }

  /** A root that the relay has handed on, to the agent. */
  async publish(payload: string, more: Partial<Message> = {}): Promise<Message> {
    const [stored] = await this.backend.append([this.draft(payload, more)], payload);
    if (!stored?.ok) throw stored?.error;
    const root = { ...this.#lab.message(payload, more), id: stored.id };
    await this.#trails.routed([{ message: root, agents: ['one'] }]);
    return root;
  }

  /** Ends the delivery of a root with outputs. */
  async handle(root: Message, outputs: readonly Draft[]): Promise<readonly GemstoneId[]> {
    const [lease] = await this.#lab.batch([this.#lab.record(root)], this.backend).lease(1);
    const settlement = { kind: 'completed', lease: lease as AwsLease, outputs, state: [] } as const;
    const [outcome] = await this.backend.settle([settlement]);
    if (!outcome?.ok) throw outcome?.error;
    return outcome.ids;
  }

  /** Its delivery comes once more, to a process that does not know of the first time, and is dropped there. */
  async dropAgain(root: Message, receiveCount: number): Promise<void> {
    await using process = this.#lab.twin(this.#options);
    const [lease] = await this.#lab.batch([this.#lab.record(root, { receiveCount })], process).lease(1);
    await process.settle([{ kind: 'dropped', lease: lease as AwsLease, reason: 'expired' }]);
  }

  /** Its dead letter is taken up again by a plan that cannot reach the table any more as soon as the trail says so. */
  async redriveCutOff(root: Message): Promise<void> {
    const { gate, emulators } = this.#lab;
    await systemTopic(emulators);
    const [lease] = (await this.#lab.batch([this.#lab.record(root)], this.backend).lease(1)) as [AwsLease];
    await this.backend.settle([{ kind: 'dead', lease, reason: 'permanent', fault }]);
    const { id } = await this.backend.plan({ namespace: root.namespace, agent: 'one', action: 'redrive' });
    gate.isLost = ({ body }) => {
      if (body.includes('#redriven')) gate.isRefused = (operation) => /PutItem|TransactWriteItems/.test(operation);
      return false;
    };
    await expect(this.backend.runPlan(id, { max: 1 })).rejects.toMatchObject({ code: 'BACKEND_UNAVAILABLE' });
  }

  output(payload: string, root: Message, more: Partial<Message> = {}): Draft {
    return this.draft(payload, { topics: ['out'], thread: [`a/${root.id}`] as never, ...more });
  }

  async waiting({ id, namespace }: Message): Promise<number> {
    return (await this.backend.progress(namespace, id, { waitMs: 0, timers: true })).waiting;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#calls[Symbol.dispose]();
    await this.backend[Symbol.asyncDispose]();
    await this.#lab[Symbol.asyncDispose]();
  }
}

test('an output counts as waiting until the relay has seen it, also if it was stored before under its key', async () => {
  await using lab = await TracedLab.open();
  const root = await lab.publish('root');
  const output = () => lab.output('o', root, { idempotencyKey: 'k' });
  // By an attempt that died behind it.
  await lab.backend.append([output()], 'first');

  await lab.handle(root, [output()]);

  expect(await lab.waiting(root)).toBe(1);
});

test('an output that has expired before the relay saw it is not waited for', async () => {
  await using lab = await TracedLab.open();
  const root = await lab.publish('root');

  await lab.handle(root, [lab.output('o', root, { expiresAt: Date.now() - 1 })]);

  expect(await lab.waiting(root)).toBe(0);
});

test('what an output stands for that another root has published before is not waited for', async () => {
  await using lab = await TracedLab.open();
  const [one, other] = [await lab.publish('one'), await lab.publish('other')];
  await lab.handle(one, [lab.output('daily', one, { idempotencyKey: 'daily' })]);

  await lab.handle(other, [lab.output('daily', other, { idempotencyKey: 'daily' })]);

  expect([await lab.waiting(one), await lab.waiting(other)]).toEqual([1, 0]);
});

test('a root counts as waiting until the relay has seen it under each of its topics', async () => {
  await using lab = await TracedLab.open();
  const root = await lab.publish('root', { topics: ['a', 'b'] });

  await lab.handle(root, []);

  expect(await lab.waiting(root)).toBe(1);
});

test('what a handler has published at once counts as waiting until the relay has seen it', async () => {
  await using lab = await TracedLab.open();
  const root = await lab.publish('root');
  const effect = { delivery: `one a/${root.id} 0`, ordinal: 0 };
  await lab.backend.append([{ ...lab.output('now', root), effect }], 'effect');

  await lab.handle(root, []);

  expect(await lab.waiting(root)).toBe(1);
});

test('a dead letter counts until its delivery once more does, wherever the plan that takes it up is cut off', async () => {
  await using lab = await TracedLab.open();
  const root = await lab.publish('root');

  await lab.redriveCutOff(root);

  const { waiting, failed } = await lab.backend.progress(root.namespace, root.id, { waitMs: 0, timers: true });
  // And the letter, which no relay has seen here.
  expect(waiting + failed).toBe(1 + 1);
});

test.each([1, 2])(
  'at least once: what was handled stays so though it comes again when it has expired (receipt %s)',
  async (receiveCount) => {
    await using lab = await TracedLab.open('at-least-once');
    const root = await lab.publish('root');
    await lab.handle(root, []);

    await lab.dropAgain(root, receiveCount);

    expect(await lab.backend.fates(root.namespace, root)).toMatchObject([{ state: 'handled', attempts: 1 }]);
  },
);

test.each([1, 2])(
  'what expires before it was handled is told as that, and not waited for (receipt %s)',
  async (receiveCount) => {
    await using lab = await TracedLab.open('at-least-once');
    const root = await lab.publish('root');

    await lab.dropAgain(root, receiveCount);

    expect(await lab.backend.fates(root.namespace, root)).toMatchObject([{ state: 'expired' }]);
    expect(await lab.waiting(root)).toBe(0);
  },
);
