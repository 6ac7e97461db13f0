/** An agent's function over tables and queues on emulators, started with events made by hand. */
import { CreateQueueCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { Agent } from 'guildwire';
import { vi } from 'vitest';
import { AwsBackend } from '../../../lib/backends/aws/aws-backend.ts';
import type { AwsOptions } from '../../../lib/backends/aws/aws-settings.ts';
import type { QueueEvent } from '../../../lib/backends/aws/queues/lambda-batch.ts';
import { encodeEntry } from '../../../lib/backends/aws/queues/queue-entry.ts';
import { deadLetterOf } from '../../../lib/core/dead-letter.ts';
import { createGemstoneIdGenerator, Priority } from '../../../lib/core/gemstone-id.ts';
import type { Message } from '../../../lib/core/message.ts';
import type { GuildManifest } from '../../../lib/environment/guild-manifest.ts';
import { agentHandler } from '../../../lib/hosts/lambda/agent-handler.ts';
import { type Emulators, startEmulators } from '../../../lib/rehearsal/emulators.ts';
import { createTables } from '../../aws-emulators/tables.ts';
import { family, follower, manifestOf, messageOn } from '../../backends/aws/relay/lab.ts';
import { RecordedLog } from '../../guild/lab.ts';
import { contextOf } from './lab.ts';

const ids = createGemstoneIdGenerator(() => Date.now());
let hosts = 0;

export class AgentLab implements AsyncDisposable {
  readonly emulators: Emulators;
  readonly options: Omit<AwsOptions, 'manifest'>;
  readonly sqs: SQSClient;
  readonly #opened: AwsBackend[] = [];

  private constructor(emulators: Emulators, tables: { messagesTable: string; ledgerTable: string }) {
    const { endpoints, credentials, region } = emulators;
    this.emulators = emulators;
    this.options = { ...tables, endpoints, credentials, region };
    this.sqs = new SQSClient({ endpoint: endpoints.sqs, credentials, region });
  }

  static async start(): Promise<AgentLab> {
    const emulators = await startEmulators();
    return new AgentLab(emulators, await createTables(emulators.endpoints));
  }

  async queue(name: string): Promise<string> {
    const Attributes = name.endsWith('.fifo') ? { FifoQueue: 'true' } : {};
    return (await this.sqs.send(new CreateQueueCommand({ QueueName: name, Attributes }))).QueueUrl as string;
  }

  /** As the deployment of a guild with this one agent, which has a queue of its own; a process of its own for each call. */
  async host(agent: Agent, change: Partial<GuildManifest> = {}) {
    const { name, subscribes, publishes, onlyWhenTagged, ordering, guarantee } = agent;
    const { retry, timeoutMs, concurrency, profile } = agent;
    const attempt = { retry, timeoutMs, concurrency, profile };
    const declared = { publishes, onlyWhenTagged, ordering, guarantee, ...attempt };
    const families = [family('doc.*'), family('strict.*', { formats: ['doc.task'] })];
    const manifest = manifestOf([follower(name, subscribes, declared)], families, change);
    const url = await this.queue(`${name}-${++hosts}${ordering === 'key' ? '.fifo' : ''}`);
    const queues = { [name]: { url, isOrdered: ordering === 'key' } };
    const backend = new AwsBackend({ ...this.options, manifest, queues, timeoutMs: 2_000 });
    this.#opened.push(backend);
    const log = new RecordedLog();
    stubEnvironment(name);
    const handler = agentHandler(agent, manifest, { open: async () => backend, log });
    const started = async (event: QueueEvent, remainingMs?: number) => {
      const { batchItemFailures } = await handler(event, contextOf(remainingMs));
      return batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
    };
    const read = async (topic: string, namespace = 'prod') =>
      (await backend.read({ namespace, where: { topic }, order: 'id', limit: 100 })).items;
    const letters = async () => (await read(`$dead.${name}`)).map((letter) => deadLetterOf(letter));
    return { backend, log, manifest, started, read, letters };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    vi.unstubAllEnvs();
    this.sqs.destroy();
    for (const backend of this.#opened) await backend[Symbol.asyncDispose]();
    await this.emulators[Symbol.asyncDispose]();
  }
}

export function stubEnvironment(agent: string): void {
  vi.stubEnv('GUILDWIRE_MESSAGES_TABLE', 'Messages');
  vi.stubEnv('GUILDWIRE_LEDGER_TABLE', 'Ledger');
  vi.stubEnv('GUILDWIRE_AGENT', agent);
  vi.stubEnv('GUILDWIRE_QUEUE', 'http://queue');
  vi.stubEnv('GUILDWIRE_NAMESPACES', 'prod,test');
}

export const say = (payload: Message['payload'], other: Partial<Message> = {}) =>
  messageOn(other.topic ?? 'doc.new', { id: ids.next(Priority.NORMAL), payload, ...other });

/** Records are named by their place in the event, from 1 on. */
export function eventOf(...given: readonly (Message | string)[]): QueueEvent {
  return {
    Records: given.map((each, index) => {
      const entry = typeof each === 'string' ? { body: each, groupId: 'none' } : entryOf(each);
      return {
        messageId: String(index + 1),
        receiptHandle: `handle-${index}`,
        body: entry.body,
        attributes: {
          ApproximateReceiveCount: '1',
          ApproximateFirstReceiveTimestamp: String(Date.now()),
          SentTimestamp: String(Date.now()),
          MessageGroupId: entry.groupId,
        },
      };
    }),
  };
}

/** The same as it comes again, for the `count`th time. */
export const again = ({ Records }: QueueEvent, count: number): QueueEvent => ({
  Records: Records.map((record) => ({
    ...record,
    attributes: { ...record.attributes, ApproximateReceiveCount: String(count) },
  })),
});

function entryOf(message: Message) {
  const { namespace, topic, id } = message;
  return encodeEntry({ namespace, key: { topic, id }, epoch: 0, cause: 'published', content: message });
}
