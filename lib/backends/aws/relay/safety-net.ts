/**
 * @module What never reached a handler: entries that were received too often or that no queue took, and messages that the relay
 * could not hand on. Each becomes a dead letter of the agent that did not get it, with the reason `safety-net` (D7).
 */
import type { Message as SqsMessage } from '@aws-sdk/client-sqs';
import { admissionOf, follows } from '../../../core/admission.ts';
import { LeaseLostError } from '../../../core/errors.ts';
import type { Fault } from '../../../core/fault.ts';
import { type Message, type MessageKey, toReference } from '../../../core/message.ts';
import type { ManifestAgent } from '../../../environment/guild-manifest.ts';
import type { AwsParts } from '../aws-parts.ts';
import { interestOf } from '../aws-settings.ts';
import { Bodies } from '../log/bodies.ts';
import { fromMessage, type Received } from '../queues/received.ts';
import { readItem } from './arrival.ts';
import { decodeHeldBack } from './held-back.ts';
import { decodeSafetyEntry, messageOf } from './safety-entry.ts';

export interface SafetyNetOptions {
  readonly parts: AwsParts;
  /** Those of the deployment. */
  readonly namespaces: '*' | readonly string[];
  /** Told of what no dead letter could be made of: nobody knows where it belongs. */
  readonly onUnknown: (body: string) => void;
}

/** A message that the relay could not hand on. */
interface Stuck {
  readonly namespace: string;
  readonly key: MessageKey;
  readonly problem: string;
}

interface Burials {
  /** Dead letters that were made. */
  readonly buried: number;
  /** Each has its letter or another outcome; if not, it may still be in somebody's hands, and must come again. */
  readonly isOver: boolean;
}

const BATCH = 10;
/** For how long what was taken stays away from others, in s. */
const HELD_S = 120;

export class SafetyNet {
  readonly #options: SafetyNetOptions;

  constructor(options: SafetyNetOptions) {
    this.#options = options;
  }

  /**
   * Empties an agent's dead-letter queue until `until` (Unix ms); how many dead letters that made. What had been handled all the
   * same makes none.
   */
  async sweep(agent: ManifestAgent, queueUrl: string, until: number): Promise<number> {
    let buried = 0;
    for await (const messages of this.#batches(queueUrl, until)) {
      const received = messages.map((message) => this.#receivedFrom(message, agent, queueUrl));
      buried += (await this.#bury(agent, received, DELIVERY_FAULT)).buried;
    }
    return buried;
  }

  /** Empties the safety queue: a dead letter for each agent that should have got the message. */
  async sweepRelay(queueUrl: string, until: number): Promise<number> {
    const { sqs } = this.#options.parts;
    let buried = 0;
    for await (const messages of this.#batches(queueUrl, until)) {
      for (const message of messages) {
        let isOver = true;
        for (const stuck of this.#stuckIn(message)) {
          const of = await this.#buryStuck(stuck, message, queueUrl);
          buried += of.buried;
          isOver &&= of.isOver;
        }
        if (isOver) await sqs.deleteBatch(queueUrl, [message.ReceiptHandle ?? '']);
      }
    }
    return buried;
  }

  async *#batches(queueUrl: string, until: number): AsyncGenerator<readonly SqsMessage[]> {
    const { sqs, calls } = this.#options.parts;
    while (calls.clock.now() < until) {
      const messages = await sqs.receive(queueUrl, { max: BATCH, waitMs: 0, visibilityTimeoutS: HELD_S });
      if (messages.length === 0) return;
      yield messages;
    }
  }

  #receivedFrom(message: SqsMessage, agent: ManifestAgent, queueUrl: string): Received {
    const receivedAt = this.#options.parts.calls.clock.now();
    const { namespaces } = this.#options;
    // Of what does not say its own.
    const namespace = namespaces === '*' ? 'default' : (namespaces[0] ?? 'default');
    const until = receivedAt + HELD_S * 1_000;
    const receipt = { agent: agent.name, namespace, queueUrl, isOrdered: false, receivedAt, until };
    const received = fromMessage(message, receipt);
    if (this.#serves(received.entry.namespace)) return received;
    // Nothing of it may be seen where it does not belong; that it was there is told.
    const said = `an entry of namespace "${received.entry.namespace}", which is not served here`;
    return fromMessage({ ...message, Body: said }, receipt);
  }

  #serves(namespace: string): boolean {
    const { namespaces } = this.#options;
    return namespaces === '*' || namespaces.includes(namespace);
  }

  #stuckIn({ Body = '' }: SqsMessage): readonly Stuck[] {
    const entry = decodeSafetyEntry(Body);
    const named = entry === undefined ? undefined : messageOf(entry);
    if (entry !== undefined && named !== undefined && this.#serves(named.namespace))
      return [{ ...named, problem: entry.problem }];
    const held = decodeHeldBack(Body);
    if (held !== undefined && this.#serves(held.namespace)) {
      const { namespace, topic, ids } = held;
      return ids.map((id) => ({ namespace, key: { topic, id }, problem: 'the relay failed at it too often' }));
    }
    this.#options.onUnknown(Body);
    return [];
  }

  async #buryStuck(stuck: Stuck, message: SqsMessage, queueUrl: string): Promise<Burials> {
    const { calls, dynamodb } = this.#options.parts;
    const { namespace, key, problem } = stuck;
    const found = await new Bodies(dynamodb).find(namespace, [key]);
    const item = found.get(toReference(key));
    const read = item === undefined ? undefined : readItem('', item);
    const content = read !== undefined && 'content' in read ? read.content : Buffer.from(problem);
    const now = calls.clock.now();
    const fault: Fault = { code: 'NOT_RELAYED', message: problem, retryable: false };
    let [buried, isOver] = [0, true];
    for (const agent of this.#followersOf(key.topic, content)) {
      const received: Received = {
        messageId: message.MessageId ?? '',
        queueUrl,
        receiptHandle: message.ReceiptHandle ?? '',
        // It may have been buried before, by a janitor that was ended: more than once is looked up.
        receiveCount: 2,
        firstReceivedAt: now,
        receivedAt: now,
        groupId: undefined,
        // It is no entry of the agent's queue: there is nothing to acknowledge.
        isEvent: true,
        entry: { namespace, key, epoch: 0, cause: 'published', content },
        until: now + HELD_S * 1_000,
      };
      const of = await this.#bury(agent, [received], fault);
      buried += of.buried;
      isOver &&= of.isOver;
    }
    return { buried, isOver };
  }

  #followersOf(topic: string, content: Message | Uint8Array): readonly ManifestAgent[] {
    const { settings } = this.#options.parts.calls;
    return settings.manifest.agents.filter((agent) => {
      const interest = interestOf(settings, agent.name);
      if (interest === undefined || !follows(interest, topic)) return false;
      return content instanceof Uint8Array || admissionOf(interest, content) === 'admitted';
    });
  }

  async #bury(agent: ManifestAgent, received: readonly Received[], fault: Fault): Promise<Burials> {
    const { intake, settlements } = this.#options.parts;
    const { leases, back, problem } = await intake.open(agent, received, { toBury: true });
    const outcomes = await settlements.settle(
      leases.map((lease) => ({ kind: 'dead', lease, reason: 'safety-net', fault })),
    );
    // Somebody else has ended it, or it was held for too long: when it comes again the ledger says which.
    const failed = outcomes.find((outcome) => !outcome.ok && !(outcome.error instanceof LeaseLostError));
    if (failed?.ok === false) throw failed.error;
    if (problem !== undefined) throw problem;
    const buried = outcomes.filter(({ ok }) => ok).length;
    return { buried, isOver: back.length === 0 && buried === leases.length };
  }
}

const DELIVERY_FAULT: Fault = {
  code: 'NOT_HANDLED',
  message:
    'the delivery was received too often without an outcome, or the queue did not take it: look at what the function said, and at its memory and time',
  retryable: false,
};
