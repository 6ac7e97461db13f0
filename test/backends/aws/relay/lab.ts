/** Records of the stream as AWS hands them out, and a relay whose SNS and SQS answer as a test says. */
import { familiesOf } from '../../../../lib/backends/aws/aws-settings.ts';
import type { Attributes } from '../../../../lib/backends/aws/calls/attribute-values.ts';
import { toItem } from '../../../../lib/backends/aws/log/item.ts';
import type { EncodedEntry } from '../../../../lib/backends/aws/queues/queue-entry.ts';
import { Relay, type RelayOptions, type Routed } from '../../../../lib/backends/aws/relay/relay.ts';
import type { Destination } from '../../../../lib/backends/aws/relay/routes.ts';
import { Routes } from '../../../../lib/backends/aws/relay/routes.ts';
import type { StreamItem, StreamRecord } from '../../../../lib/backends/aws/relay/stream-record.ts';
import { encodeMessage } from '../../../../lib/core/codec.ts';
import type { GuildwireError } from '../../../../lib/core/errors.ts';
import { createGemstoneIdGenerator, type GemstoneId, Priority } from '../../../../lib/core/gemstone-id.ts';
import type { Message, MessageKey } from '../../../../lib/core/message.ts';
import type { GuildManifest, ManifestAgent, ManifestFamily } from '../../../../lib/environment/guild-manifest.ts';
import { attempts } from '../../../aws-emulators/emulated-settings.ts';

export const NOW = Date.UTC(2026, 10, 21);
export const PREFIX = 'arn:aws:sns:us-east-1:000000000000:Docs-';
const ids = createGemstoneIdGenerator(() => NOW);

export const family = (pattern: string, other: Partial<ManifestFamily> = {}): ManifestFamily => ({
  pattern,
  retentionDays: 30,
  relay: 'log',
  shards: 1,
  formats: [],
  ...other,
});

export const follower = (name: string, patterns: readonly string[], other: Partial<ManifestAgent> = {}) => ({
  name,
  patterns: [...patterns, `$inbox.${name}`, `$self.${name}`],
  publishes: [],
  onlyWhenTagged: false,
  ordering: 'none' as const,
  guarantee: 'at-least-once' as const,
  ...attempts,
  lease: false,
  lanes: false,
  ...other,
});

export const manifestOf = (
  agents: readonly ManifestAgent[],
  families: readonly ManifestFamily[] = [family('doc.*')],
  other: Partial<GuildManifest> = {},
): GuildManifest => ({
  guild: 'docs',
  maxHops: 32,
  tracing: false,
  threads: true,
  allowUndeclared: false,
  declared: families,
  inferred: [],
  ordered: agents.some(({ ordering }) => ordering === 'key') ? ['$**', ...families.map(({ pattern }) => pattern)] : [],
  agents,
  ...other,
});

export function messageOn(topic: string, other: Partial<Message> = {}): Message {
  return {
    namespace: 'prod',
    topic,
    topics: [topic],
    id: ids.next(Priority.NORMAL),
    sender: { id: 'user:ada' },
    format: 'generic_json',
    formatVersion: 1,
    encoding: 'json',
    payload: { text: 'hello' },
    recipients: [],
    thread: [],
    steps: [],
    sessionState: {},
    enrichWithHistory: 0,
    hops: 0,
    headers: {},
    ...other,
  };
}

interface Stored {
  readonly isDirect?: boolean;
  /** In place of the message. */
  readonly body?: string | Uint8Array;
}

export const itemOf = (message: Message, { body, isDirect = false }: Stored = {}) =>
  toItem({
    place: { namespace: message.namespace, topic: message.topic, id: message.id, shard: 0 },
    body: body ?? encodeMessage(message),
    nonce: Uint8Array.of(1, 2, 3, 4, 5, 6),
    ttl: 2_000_000_000,
    root: undefined,
    conversation: message.conversationId,
    isDirect,
  });

/** As the JSON of an event has it. */
export const recordOf = (message: Message, stored?: Stored): StreamRecord => recordOfItem(itemOf(message, stored));

export function recordOfItem(item: Attributes): StreamRecord {
  const toBase64 = (_: string, value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value;
  const NewImage: StreamItem = JSON.parse(JSON.stringify(item, toBase64));
  const { pk = {}, sk = {} } = NewImage;
  const SequenceNumber = sequenceOf(sk.S as GemstoneId);
  return { eventSource: 'aws:dynamodb', eventName: 'INSERT', dynamodb: { Keys: { pk, sk }, NewImage, SequenceNumber } };
}

/** Sequence numbers only grow. */
export const sequenceOf = (id: GemstoneId) => `seq-${id}`;

export interface Sent {
  readonly topicArn: string;
  readonly entry: EncodedEntry;
}

export class RelayLab {
  /** What SNS confirmed. */
  readonly sent: Sent[] = [];
  readonly batches: { readonly destination: Destination; readonly entries: readonly EncodedEntry[] }[] = [];
  readonly held: { readonly body: string; readonly delayS?: number }[] = [];
  readonly safety: string[] = [];
  readonly registered: string[] = [];
  readonly routed: Routed[] = [];
  readonly log = new Map<string, Message>();
  now = NOW;
  /** What SNS says to an entry. @default - it takes it */
  refuses: (entry: EncodedEntry, topicArn: string) => GuildwireError | undefined = () => undefined;
  /** How many entries an answer tells of. @default - all */
  answered = Number.POSITIVE_INFINITY;
  readonly relay: Relay;

  constructor(manifest: GuildManifest, options: Partial<RelayOptions> = {}) {
    this.relay = new Relay({
      routes: new Routes({ manifest, families: familiesOf(manifest) }, PREFIX),
      serves: (namespace) => namespace !== 'foreign',
      publishBatch: async (destination, entries) => {
        this.batches.push({ destination, entries });
        const outcomes = entries.map((entry) => this.refuses(entry, destination.topicArn));
        const told = outcomes.slice(0, this.answered);
        for (const [index, entry] of entries.entries())
          if (index < told.length && told[index] === undefined)
            this.sent.push({ topicArn: destination.topicArn, entry });
        return told;
      },
      holdBack: async (messages) => {
        this.held.push(...messages);
        return messages.map(() => undefined);
      },
      toSafety: async (messages) => {
        this.safety.push(...messages.map(({ body }) => body));
        return messages.map(() => undefined);
      },
      read: async (_, keys) =>
        keys.flatMap(({ id }: MessageKey) => this.log.get(id) ?? []).map((message) => itemOf(message)),
      registry: {
        isKnown: (_, topic) => this.registered.includes(topic),
        register: async (_, { topic }) => void this.registered.push(topic),
      },
      trail: async (routed) => void this.routed.push(...routed),
      now: () => this.now,
      ...options,
    });
  }

  /** Topics of SNS, without their prefix, of what was confirmed. */
  get topics(): readonly string[] {
    return this.sent.map(({ topicArn }) => topicArn.slice(PREFIX.length));
  }

  /** Payloads in the order in which they were confirmed. */
  get payloads(): readonly unknown[] {
    return this.sent.map(({ entry }) => JSON.parse(entry.body).message?.payload);
  }
}
