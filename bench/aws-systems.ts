/** What is compared from SNS to the handler behind SQS, on one emulator: Guildwire's relay and worker, and message-queue-toolkit. */
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import { STSClient } from '@aws-sdk/client-sts';
import { MessageHandlerConfigBuilder } from '@message-queue-toolkit/core';
import { AbstractSnsPublisher, AbstractSnsSqsConsumer } from '@message-queue-toolkit/sns';
import { defineAgent, defineGuild, silentLog, startGuild } from 'guildwire';
import * as z from 'zod';
import { openAwsBackend } from '../lib/backends/aws/open-aws-backend.ts';
import { openRelay } from '../lib/backends/aws/relay/open-relay.ts';
import type { Emulators } from '../lib/rehearsal/emulators.ts';
import { deploy, emptied } from './aws-emulated.ts';
import { recordOf, renewed, storedItem } from './aws-records.ts';
import { MessageFormat, message } from './message.ts';

/** Hands messages to SNS, and handles what comes out of the queue behind it. */
export interface System extends AsyncDisposable {
  /** Resolves when SNS has them all. */
  publish(count: number): Promise<void>;
  /** Told of each message that was handled. */
  handled: () => void;
  /** Resolves when all that was handled is deleted as well. */
  settled(): Promise<void>;
}

const CONCURRENCY = 50;

/** A batch of the stream's records through the relay, to a worker of a guild that checks the format. */
export async function openGuildwire(emulators: Emulators): Promise<System> {
  const worker = defineAgent({
    name: 'worker',
    entry: import.meta.url,
    subscribes: ['bench'],
    concurrency: CONCURRENCY,
    handlers: (on) => [on(MessageFormat, async () => system.handled())],
  });
  const guild = defineGuild({ name: 'bench', agents: [worker], topics: { bench: { formats: [MessageFormat] } } });
  const { options, emptied: settled } = await deploy(emulators, guild);
  const { relay, [Symbol.dispose]: closeRelay } = openRelay(options);
  const running = await startGuild(guild, { backend: () => openAwsBackend('aws:', options), log: silentLog });
  await running.publish('bench', MessageFormat, { ...message, severity: 'low' });
  const item = await storedItem(emulators, options.messagesTable ?? '');
  const system: System = {
    async publish(count) {
      const failures = await relay.handle(Array.from({ length: count }, () => recordOf(renewed(item))));
      for (const { error } of failures) throw error;
    },
    handled: () => {},
    settled,
    async [Symbol.asyncDispose]() {
      closeRelay();
      await running[Symbol.asyncDispose]();
    },
  };
  return system;
}

/** Looks at less than the format of the other side does. */
const ToolkitMessage = z.object({
  id: z.string(),
  type: z.literal('bench.message'),
  timestamp: z.string().optional(),
  payload: z.looseObject({ docId: z.string() }),
});
type ToolkitMessage = z.infer<typeof ToolkitMessage>;

const quiet = () => {};
const logger = { trace: quiet, debug: quiet, info: quiet, warn: quiet, error: quiet, fatal: quiet } as never;
const typeResolver = { messageTypePath: 'type' } as const;

class ToolkitPublisher extends AbstractSnsPublisher<ToolkitMessage> {}

class ToolkitConsumer extends AbstractSnsSqsConsumer<ToolkitMessage, undefined> {
  constructor(clients: ToolkitClients, name: string, consuming: ToolkitConsuming, onHandled: () => void) {
    const { consumers: concurrentConsumersAmount, batchSize } = consuming;
    const handlers = new MessageHandlerConfigBuilder<ToolkitMessage, undefined>().addConfig(
      ToolkitMessage,
      async () => {
        onHandled();
        return { result: 'success' as const };
      },
    );
    super(
      {
        ...clients,
        consumerErrorResolver: { processError: (error: unknown) => error as never },
        transactionObservabilityManager: new Unobserved(),
      },
      {
        messageTypeResolver: typeResolver,
        handlers: handlers.build(),
        creationConfig: { queue: { QueueName: name, Attributes: { VisibilityTimeout: '60' } }, topic: { Name: name } },
        subscriptionConfig: { updateAttributesIfExists: false },
        consumerOverrides: { batchSize },
        concurrentConsumersAmount,
      },
      undefined,
    );
  }

  get url(): string {
    return this.queueUrl;
  }
}

class Unobserved {
  start(): void {}
  startWithGroup(): void {}
  stop(): void {}
  addCustomAttributes(): void {}
}

interface ToolkitClients {
  readonly logger: typeof logger;
  readonly errorReporter: { report(report: { readonly error: Error }): void };
  readonly snsClient: SNSClient;
  readonly sqsClient: SQSClient;
  readonly stsClient: STSClient;
}

export interface ToolkitConsuming {
  /** Polls of the queue at once; its default is 1. */
  readonly consumers: number;
  /** Messages of one poll; its default is 1. */
  readonly batchSize: number;
}

/** @param inFlight Messages that are being published at once. */
export async function openToolkit(
  emulators: Emulators,
  inFlight: number,
  consuming: ToolkitConsuming,
): Promise<System> {
  const { endpoints, region, credentials } = emulators;
  const clients = {
    snsClient: new SNSClient({ endpoint: endpoints.sns, region, credentials }),
    sqsClient: new SQSClient({ endpoint: endpoints.sqs, region, credentials }),
    stsClient: new STSClient({ endpoint: endpoints.sns, region, credentials }),
    logger,
    errorReporter: {
      report({ error }: { readonly error: Error }) {
        // Polls that are broken off at the end.
        if (!isClosing) throw error;
      },
    },
  };
  let isClosing = false;
  const name = `toolkit-${inFlight}-${consuming.consumers}-${consuming.batchSize}`;
  const consumer = new ToolkitConsumer(clients, name, consuming, () => system.handled());
  await consumer.start();
  const publisher = new ToolkitPublisher(clients, {
    messageSchemas: [ToolkitMessage],
    messageTypeResolver: typeResolver,
    creationConfig: { topic: { Name: name } },
  });
  await publisher.init();
  let published = 0;
  const system: System = {
    async publish(count) {
      let left = count;
      const lane = async () => {
        while (left-- > 0) await publisher.publish({ id: `m-${published++}`, type: 'bench.message', payload: message });
      };
      await Promise.all(Array.from({ length: inFlight }, lane));
    },
    handled: () => {},
    settled: () => emptied(clients.sqsClient, [consumer]),
    async [Symbol.asyncDispose]() {
      await system.settled();
      isClosing = true;
      await consumer.close(true);
      await publisher.close();
    },
  };
  return system;
}
