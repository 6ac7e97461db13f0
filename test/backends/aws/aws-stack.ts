/** What a deployment makes, on emulators: topics, queues with their filters, and a relay that runs in this process. */
import { setTimeout as wait } from 'node:timers/promises';
import { CreateTopicCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import type { AwsOptions, AwsQueue } from '../../../lib/backends/aws/aws-settings.ts';
import { encodeEntry } from '../../../lib/backends/aws/queues/queue-entry.ts';
import { type OpenRelay, openRelay } from '../../../lib/backends/aws/relay/open-relay.ts';
import type { StreamItem, StreamRecord } from '../../../lib/backends/aws/relay/stream-record.ts';
import type { Subscription } from '../../../lib/backends/backend.ts';
import { follows } from '../../../lib/core/admission.ts';
import type { MessageKey } from '../../../lib/core/message.ts';
import { familyTopicName, SYSTEM_FAMILY } from '../../../lib/environment/aws-names.ts';
import type { GuildManifest } from '../../../lib/environment/guild-manifest.ts';
import type { Emulators } from '../../../lib/rehearsal/emulators.ts';
import { attempts } from '../../aws-emulators/emulated-settings.ts';
import { HttpGate, type Passed } from './http-gate.ts';

export interface Tables {
  readonly messagesTable: string;
  readonly ledgerTable: string;
  readonly bucket: string;
}

let stacks = 0;
let sequence = 0;
const ALL = '**';

export class AwsStack implements AsyncDisposable {
  readonly #emulators: Emulators;
  readonly #tables: Tables;
  readonly #prefix = `s${++stacks}-`;
  readonly #sns: SNSClient;
  readonly #sqs: SQSClient;
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #queues: Record<string, AwsQueue> = {};
  readonly #topics = new Map<string, Promise<string>>();
  readonly #gates: HttpGate[] = [];
  readonly #tracing: boolean;
  #delays = '';
  #safety = '';
  #relay: OpenRelay | undefined;
  #records: StreamRecord[] = [];
  #relaying: Promise<void> | undefined;
  #isOver = false;
  /** Relayed records and handled delays, so that who waits for quiet sees them. */
  relayed = 0;

  constructor(emulators: Emulators, tables: Tables, tracing: boolean) {
    this.#emulators = emulators;
    this.#tables = tables;
    this.#tracing = tracing;
    const { endpoints, region, credentials } = emulators;
    this.#sns = new SNSClient({ endpoint: endpoints.sns, region, credentials });
    this.#sqs = new SQSClient({ endpoint: endpoints.sqs, region, credentials });
  }

  /** Makes what the subscriptions need; what is there stays. */
  async deploy(subscriptions: readonly Subscription[]): Promise<void> {
    if (this.#delays === '') {
      this.#delays = await this.#createQueue('delays');
      this.#safety = await this.#createQueue('safety');
      void this.#handleDelays();
    }
    for (const subscription of subscriptions) {
      const { agent, ordering } = subscription;
      if (this.#subscriptions.has(agent)) continue;
      this.#subscriptions.set(agent, subscription);
      const isOrdered = ordering === 'key';
      this.#queues[agent] = { url: await this.#createQueue(agent, isOrdered), isOrdered };
      for (const pattern of [SYSTEM_FAMILY, ALL]) await this.#attach(subscription, pattern, isOrdered);
    }
    for (const pattern of [SYSTEM_FAMILY, ALL]) await this.#topic(pattern, false);
    this.#relay?.[Symbol.dispose]();
    this.#relay = openRelay(await this.options());
  }

  get manifest(): GuildManifest {
    const all = [...this.#subscriptions.values()];
    return {
      guild: 'conformance',
      maxHops: 32,
      tracing: this.#tracing,
      threads: true,
      allowUndeclared: true,
      declared: [],
      inferred: [],
      ordered: all.some(({ ordering }) => ordering === 'key') ? [ALL, SYSTEM_FAMILY] : [],
      agents: all.map(({ agent, patterns, onlyWhenTagged, ordering, guarantee }) => {
        const rest = { patterns, onlyWhenTagged, ordering, guarantee };
        return { name: agent, publishes: [], ...attempts, lease: false, lanes: false, ...rest };
      }),
    };
  }

  /** What opens a backend, or the relay, on this stack; its calls go through gates of its own. */
  async options(gates: HttpGate[] = this.#gates): Promise<AwsOptions> {
    const { endpoints, region, account, credentials } = this.#emulators;
    const dynamodb = await HttpGate.open(endpoints.dynamodb, (passed) => this.#see(passed));
    const others = await HttpGate.open(endpoints.sqs);
    gates.push(dynamodb, others);
    return {
      ...this.#tables,
      region,
      credentials,
      endpoints: { dynamodb: dynamodb.url, sqs: others.url, sns: others.url, s3: others.url },
      topicArnPrefix: `arn:aws:sns:${region}:${account}:${this.#prefix}`,
      delaysQueue: this.#delays,
      safetyQueue: this.#safety,
      queues: { ...this.#queues },
      manifest: this.manifest,
    };
  }

  /** Resolves when all that is stored by now has been handed on, as far as it is due. */
  async relayedAll(): Promise<void> {
    while (this.#relaying !== undefined) await this.#relaying;
  }

  get passages(): number {
    return this.#gates.reduce((sum, gate) => sum + gate.passages, this.relayed);
  }

  async putRaw(namespace: string, key: MessageKey, raw: Uint8Array): Promise<void> {
    const { body, groupId, deduplicationId } = encodeEntry({
      namespace,
      key,
      epoch: 0,
      cause: 'published',
      content: raw,
    });
    for (const subscription of this.#subscriptions.values()) {
      const { url, isOrdered } = this.#queues[subscription.agent] as AwsQueue;
      const ordered = { MessageGroupId: groupId, MessageDeduplicationId: deduplicationId };
      const entry = { QueueUrl: url, MessageBody: body, ...(isOrdered && ordered) };
      if (follows(subscription, key.topic)) await this.#sqs.send(new SendMessageCommand(entry));
    }
  }

  async #createQueue(name: string, isOrdered = false): Promise<string> {
    const Attributes = { VisibilityTimeout: '30', ...(isOrdered && { FifoQueue: 'true' }) };
    const QueueName = `${this.#prefix}${name}${isOrdered ? '.fifo' : ''}`;
    const { QueueUrl = '' } = await this.#sqs.send(new CreateQueueCommand({ QueueName, Attributes }));
    return QueueUrl;
  }

  #topic(pattern: string, isOrdered: boolean): Promise<string> {
    const Name = `${this.#prefix}${familyTopicName(pattern, isOrdered)}`;
    const known = this.#topics.get(Name);
    if (known !== undefined) return known;
    const made = this.#sns
      .send(new CreateTopicCommand({ Name, ...(isOrdered && { Attributes: { FifoTopic: 'true' } }) }))
      .then(({ TopicArn = '' }) => TopicArn);
    this.#topics.set(Name, made);
    return made;
  }

  async #attach(subscription: Subscription, pattern: string, isOrdered: boolean): Promise<void> {
    const policy = policyOf(subscription, pattern === SYSTEM_FAMILY);
    if (policy === undefined) return;
    const { region, account } = this.#emulators;
    const name = (this.#queues[subscription.agent] as AwsQueue).url.split('/').at(-1);
    await this.#sns.send(
      new SubscribeCommand({
        TopicArn: await this.#topic(pattern, isOrdered),
        Protocol: 'sqs',
        Endpoint: `arn:aws:sqs:${region}:${account}:${name}`,
        Attributes: { RawMessageDelivery: 'true', FilterPolicy: JSON.stringify(policy) },
      }),
    );
  }

  /** What was put into the log goes to the relay, as the table's stream would bring it. */
  #see({ operation, body, status }: Passed): void {
    if (status !== 200 || (operation !== 'PutItem' && operation !== 'TransactWriteItems')) return;
    const input = JSON.parse(body.toString());
    const puts =
      operation === 'PutItem' ? [input] : input.TransactItems.flatMap((each: { Put?: object }) => each.Put ?? []);
    for (const { TableName, Item } of puts as { TableName: string; Item: StreamItem }[]) {
      if (TableName !== this.#tables.messagesTable) continue;
      const { pk, sk } = Item;
      if (pk === undefined || sk === undefined) continue;
      const dynamodb = { Keys: { pk, sk }, NewImage: Item, SequenceNumber: String(++sequence) };
      this.#records.push({ eventSource: 'aws:dynamodb', eventName: 'INSERT', dynamodb });
    }
    if (this.#records.length > 0) this.#relaying ??= this.#relayAll();
  }

  async #relayAll(): Promise<void> {
    while (this.#records.length > 0 && !this.#isOver) {
      // As the records of a busy stream come: several at once, in the order in which they were written.
      await wait(10);
      this.#records.sort(byId);
      const batch = this.#records.splice(0, 100);
      const failures = await (this.#relay as OpenRelay).relay.handle(batch);
      const failed = new Set(failures.map(({ identifier }) => identifier));
      this.#records.unshift(...batch.filter((record) => failed.has(record.dynamodb?.SequenceNumber ?? '')));
      this.relayed++;
      if (failed.size > 0) await wait(20);
    }
    this.#relaying = undefined;
  }

  async #handleDelays(): Promise<void> {
    const QueueUrl = this.#delays;
    while (!this.#isOver) {
      const poll = new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1 });
      const { Messages = [] } = await this.#sqs.send(poll).catch((): { Messages?: Message[] } => ({}));
      if (Messages.length === 0 || this.#isOver) continue;
      const records = Messages.map(({ MessageId = '', Body = '' }) => ({ messageId: MessageId, body: Body }));
      const failures = await (this.#relay as OpenRelay).relay.handleQueued(records);
      const failed = new Set(failures.map(({ identifier }) => identifier));
      const done = Messages.filter(({ MessageId = '' }) => !failed.has(MessageId));
      this.relayed++;
      const Entries = done.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
      if (Entries.length > 0)
        await this.#sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries })).catch(() => {});
    }
    this.#sqs.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    await this.#relaying;
    this.#relay?.[Symbol.dispose]();
    this.#sns.destroy();
    for (const gate of this.#gates) await gate[Symbol.asyncDispose]();
  }
}

const byId = (one: StreamRecord, other: StreamRecord) => {
  const [a, b] = [one, other].map(({ dynamodb }) => dynamodb?.Keys?.sk?.S ?? '') as [string, string];
  return a < b ? -1 : Number(a > b);
};

/** A superset of what the subscription admits, which the guard of the consumer narrows. */
function policyOf({ agent, patterns, onlyWhenTagged }: Subscription, isSystem: boolean): object | undefined {
  const clauses = patterns.flatMap((pattern): object[] => {
    if (pattern.startsWith('$') !== isSystem) return [];
    if (!pattern.includes('*')) return [{ topic: [pattern] }];
    const prefix = pattern.slice(0, pattern.indexOf('*'));
    return [prefix === '' ? { depth: [{ exists: true }] } : { topic: [{ prefix }] }];
  });
  if (isSystem) clauses.push({ topic: [`$self.${agent}`] });
  const tagged = onlyWhenTagged && !isSystem ? { recipient: [agent, '*'] } : {};
  return clauses.length === 0 ? undefined : { $or: [...clauses, { topic: ['-'] }], ...tagged };
}
