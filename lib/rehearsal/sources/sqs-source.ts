/** @module Drives an event source mapping of a queue, standard or FIFO. */
import { setTimeout as wait } from 'node:timers/promises';
import type { JsonObject } from '../../core/json.ts';
import { type EmulatorClient, listIn } from '../emulator-client.ts';
import type { MappingDefinition, Source } from './mapping.ts';
import { failedIn } from './partial-batch.ts';
import { Polling } from './polling.ts';
import { filtered, type SqsMessage, sqsRecord } from './sqs-record.ts';

/** SQS hands out, and takes back, ten messages at a time. */
const RECEIVE_MAX = 10;
/** Long enough to spare calls, short enough for disabling to take effect soon. */
const LONG_POLL_SECONDS = 1;
const RETRY_MS = 200;

/**
 * Receives, gathers a batch, invokes, and deletes what was handled. What failed comes back when its visibility ends, as with
 * Lambda; the queue's own redrive policy counts and gives up.
 */
export class SqsSource implements Source {
  readonly definition: MappingDefinition;
  readonly #queueUrl: string;
  readonly #client: EmulatorClient;
  readonly #polling: Polling;
  readonly #batches = new Set<Promise<void>>();
  #received = 0;
  #held = 0;

  constructor(definition: MappingDefinition, queueUrl: string, client: EmulatorClient) {
    this.definition = definition;
    this.#queueUrl = queueUrl;
    this.#client = client;
    this.#polling = new Polling((signal) => this.#poll(signal));
  }

  get state() {
    return this.#polling.state;
  }
  get busy(): number {
    return this.#held;
  }
  get received(): number {
    return this.#received;
  }

  enable(): void {
    this.#polling.enable();
  }
  disable(): void {
    this.#polling.disable();
  }
  /** What the queue holds says more than a poll does, so this does not wait for one. */
  async emptied(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#polling.stop();
    await Promise.all(this.#batches);
  }

  async #poll(signal: AbortSignal): Promise<boolean> {
    while (this.#batches.size >= this.definition.concurrency) {
      await Promise.race(this.#batches);
      if (signal.aborted) return false;
    }
    const messages: SqsMessage[] = [];
    try {
      await this.#gather(messages, signal);
      if (messages.length === 0) return false;
      if (signal.aborted) return true;
      const batch = this.#handle(messages).catch(() => undefined);
      this.#batches.add(batch);
      void batch.then(() => {
        this.#batches.delete(batch);
        this.#held -= messages.length;
      });
      return true;
    } catch {
      this.#held -= messages.length;
      if (!signal.aborted) await wait(RETRY_MS, undefined, { signal }).catch(() => undefined);
      return false;
    }
  }

  /** Fills `messages` with a batch, or with what came until the window closed behind its first message. */
  async #gather(messages: SqsMessage[], signal: AbortSignal): Promise<void> {
    const { batchSize, windowMs } = this.definition;
    let closesAt = Number.POSITIVE_INFINITY;
    while (messages.length < batchSize && !signal.aborted) {
      const leftMs = closesAt - performance.now();
      if (messages.length > 0 && leftMs <= 0) break;
      const seconds = messages.length === 0 ? LONG_POLL_SECONDS : 0;
      const received = await this.#receive(Math.min(RECEIVE_MAX, batchSize - messages.length), seconds);
      this.#held += received.length;
      this.#received += received.length;
      if (messages.length === 0 && received.length === 0) break;
      if (messages.length === 0) closesAt = performance.now() + windowMs;
      messages.push(...received);
      if (received.length === 0 && windowMs > 0) await wait(Math.min(20, Math.max(1, leftMs)));
    }
  }

  async #receive(max: number, seconds: number): Promise<readonly SqsMessage[]> {
    const answer = await this.#client.sqs('ReceiveMessage', {
      QueueUrl: this.#queueUrl,
      MaxNumberOfMessages: max,
      WaitTimeSeconds: seconds,
      MessageSystemAttributeNames: ['All'],
      MessageAttributeNames: ['All'],
    });
    return listIn<SqsMessage>(answer, 'Messages');
  }

  async #handle(messages: readonly SqsMessage[]): Promise<void> {
    const { target, sourceArn, reportsFailures, passes } = this.definition;
    const records = messages.map((message) => ({ message, record: sqsRecord(message, sourceArn) }));
    const wanted = records.filter(({ record }) => passes(filtered(record)));
    const unwanted = records.filter((one) => !wanted.includes(one)).map(({ message }) => message);
    await this.#delete(unwanted);
    if (wanted.length === 0) return;
    const result = await target.invoke(JSON.stringify({ Records: wanted.map(({ record }) => record) }));
    const failed = failedIn(result, new Set(wanted.map(({ message }) => message.MessageId)), reportsFailures);
    if (failed === 'all') return;
    await this.#delete(wanted.map(({ message }) => message).filter(({ MessageId }) => !failed.has(MessageId)));
  }

  async #delete(messages: readonly SqsMessage[]): Promise<void> {
    for (let from = 0; from < messages.length; from += RECEIVE_MAX) {
      const entries: readonly JsonObject[] = messages
        .slice(from, from + RECEIVE_MAX)
        .map(({ ReceiptHandle }, index) => ({ Id: `${index}`, ReceiptHandle }));
      await this.#client.sqs('DeleteMessageBatch', { QueueUrl: this.#queueUrl, Entries: entries });
    }
  }
}
