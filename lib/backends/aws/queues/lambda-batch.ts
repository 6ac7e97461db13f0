/**
 * @module The deliveries of one event that a function was started with. The function acknowledges by its answer, which names
 * what must come again; of one message group the next entry goes when the one before it was acknowledged.
 */

import type { Clock } from '../../../core/clock.ts';
import type { ManifestAgent } from '../../../environment/guild-manifest.ts';
import type { AwsQueue } from '../aws-settings.ts';
import type { Acks } from './acks.ts';
import type { AwsLease, LeaseOwner } from './aws-lease.ts';
import { GroupOrder } from './group-order.ts';
import type { Intake } from './intake.ts';
import { fromRecord, pauseMs, type QueueRecord, type Received } from './received.ts';
import { isSuspect } from './suspects.ts';

/** The event, as far as it is looked at (https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html). */
export interface QueueEvent {
  readonly Records: readonly QueueRecord[];
}

/** What of it must come again. */
export interface BatchResponse {
  readonly batchItemFailures: { readonly itemIdentifier: string }[];
}

export interface LambdaBatchOptions {
  readonly agent: ManifestAgent;
  readonly queue: AwsQueue;
  /** Those that the function may serve; undefined for any. */
  readonly namespaces: readonly string[] | undefined;
  /** Unix ms: the function ends then. */
  readonly until: number;
  readonly clock: Clock;
  readonly acks: Acks;
  readonly intake: Intake;
  /** Of the function; undefined outside of one. */
  readonly memoryMb: number | undefined;
}

/** What is of a namespace that is not served comes to the dead letter queue in a week, within the retention of the queue. */
const FOREIGN_MS = 600_000;
/** Of payloads from the log in hand at once, as JSON. */
const MAX_OPEN_BYTES = 16 * 1024 * 1024;
/** What of the memory that is: parsed, many small values take some twenty times what they take as JSON. */
const OF_MEMORY = 1 / 30;
/** Kept for the answer, at most a twentieth of the time: what was not settled until then comes again. */
const ANSWER_MS = 1_000;

export class LambdaBatch implements LeaseOwner {
  readonly #options: LambdaBatchOptions;
  readonly #maxOpenBytes: number;
  readonly #order = new GroupOrder();
  readonly #all: readonly Received[];
  readonly #acknowledged = new Set<Received>();
  /** Went back with a time of its own. */
  readonly #givenBack = new Set<Received>();
  /** Handed out, and not settled. */
  readonly #open = new Set<Received>();
  #ready: Received[];
  #isOver = false;
  /** Without ledger or log nothing can be started: what would come again at once would come to nothing again. */
  #hasFailed = false;
  /** Why some could not be opened, while others could. */
  #problem: unknown;
  #wake: () => void = () => {};

  constructor(event: QueueEvent, options: LambdaBatchOptions) {
    const { agent, queue, until, clock, namespaces, memoryMb = Number.POSITIVE_INFINITY } = options;
    const receivedAt = clock.now();
    const [namespace = ''] = namespaces ?? [];
    const heldUntil = until - Math.min(ANSWER_MS, (until - receivedAt) / 20);
    const receipt = { agent: agent.name, namespace, receivedAt, until: heldUntil, isOrdered: queue.isOrdered };
    this.#options = options;
    this.#maxOpenBytes = Math.min(MAX_OPEN_BYTES, memoryMb * 1024 * 1024 * OF_MEMORY);
    this.#all = event.Records.map((record) => fromRecord(record, { ...receipt, queueUrl: urlOf(record, queue) }));
    this.#ready = [...this.#order.enter(this.#all, receivedAt)];
  }

  /**
   * Up to `max` deliveries that may go now; waits while others may make some, and is empty when there will be no more. Throws
   * why something could not be opened; if that is not all of an event, once there is nothing else.
   */
  async lease(max: number): Promise<readonly AwsLease[]> {
    for (;;) {
      const next = this.#isOver ? [] : this.#takeReady(max);
      const leases = next.length === 0 ? [] : await this.#openAll(next);
      if (leases.length > 0) return leases;
      if (this.#isOver || max < 1) return [];
      if (next.length > 0) continue;
      if (this.#open.size === 0) {
        if (this.#problem !== undefined) throw this.#problem;
        return [];
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
    }
  }

  /**
   * Hands out nothing more; what is not acknowledged is in the answer. What was not handed out comes again at once, and after a
   * pause if that is because ledger or log could not be reached.
   */
  async finish(): Promise<BatchResponse> {
    this.#isOver = true;
    this.#wake();
    const failed = this.#all.filter((received) => !this.#acknowledged.has(received));
    const untouched = failed.filter((received) => !this.#givenBack.has(received) && !this.#open.has(received));
    const back = untouched.map((received) => ({ received, delayMs: this.#hasFailed ? pauseMs(received) : 0 }));
    await this.#options.acks.giveBack(back);
    return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) };
  }

  ended({ received }: AwsLease, isAcknowledged: boolean): void {
    this.#settled(received, isAcknowledged);
  }

  heldWith(): readonly Received[] {
    return [];
  }

  /**
   * Those that may go, as far as there is memory for them beside those that are open. A very large one goes alone, and so does
   * a suspect: should it end the process, nothing else is taken for what did.
   */
  #takeReady(max: number): readonly Received[] {
    const open = [...this.#open];
    const next: Received[] = [];
    for (const each of this.#ready.slice(0, max)) {
      const all = [...open, ...next, each];
      const bytes = all.reduce((sum, one) => sum + this.#bytesOf(one), 0);
      if (all.length > 1 && (bytes > this.#maxOpenBytes || all.some(isSuspect))) break;
      next.push(each);
    }
    this.#ready = this.#ready.slice(next.length);
    return next;
  }

  /** Of a payload that is fetched from the log; of one whose size is not known, as if it were all that there is room for. */
  #bytesOf({ entry: { content, bytes = this.#maxOpenBytes } }: Received): number {
    return content === 'log' ? bytes : 0;
  }

  async #openAll(received: readonly Received[]): Promise<readonly AwsLease[]> {
    const { agent, intake, namespaces, acks } = this.#options;
    const isForeign = ({ entry }: Received) => namespaces !== undefined && !namespaces.includes(entry.namespace);
    const foreign = received.filter(isForeign);
    for (const each of received) this.#open.add(each);
    await acks.giveBack(foreign.map((each) => ({ received: each, delayMs: FOREIGN_MS })));
    for (const each of foreign) this.#settled(each, false);
    try {
      const own = received.filter((each) => !isForeign(each));
      const { leases, over, back, problem } = await intake.open(agent, own);
      this.#problem ??= problem;
      for (const each of over) this.#settled(each, true);
      for (const each of back) this.#settled(each, false);
      for (const lease of leases) lease.owner = this;
      return leases;
    } catch (error) {
      for (const each of received) this.#open.delete(each);
      this.#hasFailed = true;
      throw error;
    }
  }

  #settled(received: Received, isAcknowledged: boolean): void {
    this.#open.delete(received);
    if (isAcknowledged) {
      this.#acknowledged.add(received);
      const next = this.#order.acknowledged(received);
      if (next !== undefined) this.#ready.push(next);
    } else {
      this.#givenBack.add(received);
      this.#order.givenBack(received);
    }
    this.#wake();
  }
}

/** An agent with lanes has two queues, and an event is of either. */
function urlOf({ eventSourceARN = '' }: QueueRecord, { url, urgentUrl }: AwsQueue): string {
  const name = eventSourceARN.split(':').at(-1);
  return urgentUrl?.split('/').at(-1) === name && urgentUrl !== undefined ? urgentUrl : url;
}
