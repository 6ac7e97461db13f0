/** One agent on a backend whose tables are emulated and whose queue is a fake, for events made by hand. */
import { AwsBackend, type AwsBackendOptions } from '../../../lib/backends/aws/aws-backend.ts';
import { encodeEntry } from '../../../lib/backends/aws/queues/queue-entry.ts';
import type { QueueRecord } from '../../../lib/backends/aws/queues/received.ts';
import { createGemstoneIdGenerator } from '../../../lib/core/gemstone-id.ts';
import type { Message } from '../../../lib/core/message.ts';
import type { ManifestAgent } from '../../../lib/environment/guild-manifest.ts';
import { type Emulators, startEmulators } from '../../../lib/rehearsal/emulators.ts';
import { attempts } from '../../aws-emulators/emulated-settings.ts';
import { createTables } from '../../aws-emulators/tables.ts';
import { messageWith } from '../../core/arbitraries.ts';
import { FakeSqs } from './fake-sqs.ts';
import { HttpGate } from './http-gate.ts';

const ids = createGemstoneIdGenerator(() => Date.now());
let labs = 0;
let records = 0;

export interface RecordOptions {
  readonly epoch?: number;
  readonly receiveCount?: number;
  readonly groupId?: string;
  readonly body?: string;
}

export class AwsLab implements AsyncDisposable {
  readonly namespace = `lab${++labs}`;
  readonly backend: AwsBackend;
  readonly sqs: FakeSqs;
  readonly gate: HttpGate;
  readonly options: AwsBackendOptions;
  readonly emulators: Emulators;

  private constructor(emulators: Emulators, sqs: FakeSqs, gate: HttpGate, options: AwsBackendOptions) {
    this.emulators = emulators;
    this.sqs = sqs;
    this.gate = gate;
    this.backend = new AwsBackend(options);
    this.options = options;
  }

  static async open(agent: Partial<ManifestAgent> = {}, more: Partial<AwsBackendOptions> = {}): Promise<AwsLab> {
    const emulators = await startEmulators();
    const { endpoints, region, credentials } = emulators;
    const [sqs, gate] = [await FakeSqs.open(), await HttpGate.open(endpoints.dynamodb)];
    const own: ManifestAgent = {
      name: 'one',
      patterns: ['a', '$inbox.one'],
      publishes: ['out'],
      onlyWhenTagged: false,
      ordering: 'none',
      guarantee: 'at-least-once',
      ...attempts,
      lease: false,
      lanes: false,
      ...agent,
    };
    const isOrdered = own.ordering === 'key';
    return new AwsLab(emulators, sqs, gate, {
      ...(await createTables(endpoints)),
      region,
      credentials,
      endpoints: { dynamodb: gate.url, sqs: sqs.url, sns: endpoints.sns, s3: endpoints.s3 },
      topicArnPrefix: `arn:aws:sns:${region}:${emulators.account}:lab-`,
      queues: { one: { url: `${sqs.url}/queue`, isOrdered } },
      timeoutMs: 10_000,
      manifest: {
        guild: 'lab',
        maxHops: 32,
        tracing: false,
        threads: false,
        allowUndeclared: true,
        declared: [],
        inferred: [],
        ordered: [],
        agents: [own],
      },
      ...more,
    });
  }

  /** Another process on the same deployment. */
  twin(options: Partial<AwsBackendOptions> = {}): AwsBackend {
    return new AwsBackend({ ...this.options, ...options });
  }

  message(payload: string, more: Partial<Message> = {}): Message {
    return messageWith({ namespace: this.namespace, topic: 'a', topics: ['a'], id: ids.next(4), payload, ...more });
  }

  record(message: Message, { epoch = 0, receiveCount = 1, groupId, body }: RecordOptions = {}): QueueRecord {
    const { namespace } = message;
    const encoded = encodeEntry({ namespace, key: message, epoch, cause: 'published', content: message });
    const name = `${String(message.payload)}-${++records}`;
    return {
      messageId: name,
      receiptHandle: name,
      body: body ?? encoded.body,
      attributes: {
        ApproximateReceiveCount: String(receiveCount),
        ApproximateFirstReceiveTimestamp: '1700000000000',
        SentTimestamp: '1700000000000',
        ...(groupId !== undefined && { MessageGroupId: groupId }),
      },
    };
  }

  batch(all: readonly QueueRecord[], backend = this.backend, namespaces = [this.namespace]) {
    return backend.leasesOf({ Records: all }, { agent: 'one', until: Date.now() + 30_000, namespaces });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.backend[Symbol.asyncDispose]();
    await this.gate[Symbol.asyncDispose]();
    await this.sqs[Symbol.asyncDispose]();
    await this.emulators[Symbol.asyncDispose]();
  }
}
