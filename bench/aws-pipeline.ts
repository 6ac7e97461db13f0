/** A guild at work on emulators as Lambda would run it, an invocation after the other, with all its calls counted. */
import { defineAgent, defineGuild, genericJson, silentLog, startGuild } from 'guildwire';
import { AwsBackend } from '../lib/backends/aws/aws-backend.ts';
import { openAwsBackend } from '../lib/backends/aws/open-aws-backend.ts';
import type { QueueRecord } from '../lib/backends/aws/queues/received.ts';
import { openRelay } from '../lib/backends/aws/relay/open-relay.ts';
import type { StreamRecord } from '../lib/backends/aws/relay/stream-record.ts';
import type { Json } from '../lib/core/json.ts';
import { awsVariables } from '../lib/environment/aws-variables.ts';
import { agentHandler } from '../lib/hosts/lambda/agent-handler.ts';
import { EmulatorClient, listIn } from '../lib/rehearsal/emulator-client.ts';
import type { Emulators } from '../lib/rehearsal/emulators.ts';
import { type SqsMessage, sqsRecord } from '../lib/rehearsal/sources/sqs-record.ts';
import { StreamReader } from '../lib/rehearsal/sources/stream-reader.ts';
import { deploy } from './aws-emulated.ts';
import { type Metered, startMeter } from './aws-meter.ts';

export interface Scenario {
  readonly name: string;
  readonly payload: Json;
  readonly agents: number;
  readonly guarantee: 'at-least-once' | 'exactly-once';
  /** Messages that are there at once. */
  readonly batch: 1 | 10;
  /** Messages that each agent publishes for each that it handles; nobody follows them. */
  readonly outputs: number;
  readonly lease: boolean;
  readonly threads: boolean;
  readonly tracing: boolean;
}

/** For each message that was published. */
export interface Counted extends Omit<Metered, 'writeUnits'> {
  readonly writeUnits: number;
  /** By table or index. */
  readonly writes: ReadonlyMap<string, number>;
  /** Of Lambda's pollers, which the functions do not see: receiving and deleting. */
  readonly sqsRequests: number;
}

const COUNT = 40;
/** The topics are announced by then. */
const WARM_UP = 20;
const ARN = 'arn:aws:dynamodb:us-east-1:000000000000:table/bench';

export async function runCounted(emulators: Emulators, scenario: Scenario): Promise<Counted> {
  const { payload, guarantee, batch, outputs, lease, threads, tracing } = scenario;
  const names = Array.from({ length: scenario.agents }, (_, index) => `agent-${index}`);
  const agents = names.map((name) =>
    defineAgent({
      name,
      entry: import.meta.url,
      subscribes: ['in'],
      publishes: ['out'],
      guarantee,
      handlers: (on) => [
        on.any(async (_, context) => {
          for (let output = 0; output < outputs; output++) context.publish('out', genericJson, payload as never);
        }),
      ],
    }),
  );
  const guild = defineGuild({ name: 'bench', agents, topics: { in: {}, out: {} } });
  const terms = Object.fromEntries(names.map((name) => [name, { lease }]));
  const { options, queues } = await deploy(emulators, guild, { stream: true, threads, tracing, agents: terms });
  const { endpoints } = emulators;
  await using dynamodb = await startMeter(endpoints.dynamodb);
  await using others = await startMeter(endpoints.sqs);
  const metered = { ...endpoints, dynamodb: dynamodb.url, sqs: others.url, sns: others.url };
  const counted = { ...options, endpoints: metered };

  using client = new EmulatorClient(emulators);
  using relaying = openRelay(counted);
  const stream = new StreamReader(options.messagesTable ?? '', ARN, client);
  await using backend = new AwsBackend(counted);
  const handlers = agents.map((agent) => {
    const { name } = agent;
    const { messagesTable = '', ledgerTable = '' } = options;
    const variables = { agent: name, queue: queues[name]?.url ?? '', namespaces: '*', messagesTable, ledgerTable };
    for (const [variable, value] of Object.entries(variables))
      process.env[awsVariables[variable as keyof typeof variables]] = value;
    return { name, handler: agentHandler(agent, counted.manifest, { open: async () => backend, log: silentLog }) };
  });
  await using publisher = await startGuild(guild, {
    agents: [],
    backend: () => openAwsBackend('aws:', counted),
    log: silentLog,
  });
  let sqsRequests = 0;

  async function relay(): Promise<void> {
    const records = (await stream.read()).map(({ record }) => record as StreamRecord);
    if (records.length === 0) return;
    for (let first = 0; first < records.length; first += batch) {
      const [failure] = await relaying.relay.handle(records.slice(first, first + batch));
      if (failure !== undefined) throw failure.error;
    }
    await relay();
  }

  async function deliver(name: string, handler: (typeof handlers)[number]['handler']): Promise<void> {
    const QueueUrl = queues[name]?.url ?? '';
    const ask = { QueueUrl, MaxNumberOfMessages: batch, MessageSystemAttributeNames: ['All'] };
    for (let left = batch; left > 0; ) {
      const messages = listIn<SqsMessage>(await client.sqs('ReceiveMessage', ask as never), 'Messages');
      if (messages.length === 0) throw new Error(`nothing for ${name}`);
      left -= messages.length;
      sqsRequests += 2;
      const Records = messages.map((each) => sqsRecord(each, 'arn:aws:sqs:us-east-1:0:x') as unknown as QueueRecord);
      const context = { awsRequestId: name, getRemainingTimeInMillis: () => 30_000 };
      const { batchItemFailures } = await handler({ Records }, context);
      if (batchItemFailures.length > 0) throw new Error(`${name} failed`);
      const Entries = messages.map(({ ReceiptHandle }, index) => ({ Id: `${index}`, ReceiptHandle }));
      await client.sqs('DeleteMessageBatch', { QueueUrl, Entries } as never);
    }
  }

  for (let sent = -WARM_UP; sent < COUNT; sent += batch) {
    if (sent === 0) {
      dynamodb.take();
      others.take();
      sqsRequests = 0;
    }
    const entries = Array.from({ length: batch }, () => ({ topics: 'in', format: genericJson, payload }));
    await publisher.publishMany(entries as never);
    await relay();
    for (const { name, handler } of handlers) await deliver(name, handler);
    await relay();
  }
  const [table, rest] = [dynamodb.take(), others.take()];
  const each = (sums: ReadonlyMap<string, number>) => new Map([...sums].map(([name, sum]) => [name, sum / COUNT]));
  return {
    calls: each(new Map([...table.calls, ...rest.calls])),
    writes: each(table.writeUnits),
    writeUnits: [...table.writeUnits.values()].reduce((sum, units) => sum + units, 0) / COUNT,
    readUnits: table.readUnits / COUNT,
    publishRequests: rest.publishRequests / COUNT,
    sqsRequests: sqsRequests / COUNT,
  };
}
