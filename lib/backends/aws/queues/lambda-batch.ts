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
import { fromRecord, type QueueRecord, type Received } from './received.ts';

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
}

/** After a failure: doubled with each receipt, so that 1,000 receipts outlast any outage. */
const [FIRST_PAUSE_MS, MAX_PAUSE_MS] = [5_000, 900_000];
/** What is of a namespace that is not served comes to the dead letter queue in a week, within the retention of the queue. */
const FOREIGN_MS = 600_000;

export class LambdaBatch implements LeaseOwner {
  readonly #options: LambdaBatchOptions;
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
  #wake: () => void = () => {};

  constructor(event: QueueEvent, options: LambdaBatchOptions) {
    const { agent, queue, until, clock, namespaces } = options;
    const receivedAt = clock.now();
    const [namespace = ''] = namespaces ?? [];
    const receipt = { agent: agent.name, namespace, receivedAt, until, isOrdered: queue.isOrdered };
    this.#options = options;
    this.#all = event.Records.map((record) => fromRecord(record, { ...receipt, queueUrl: urlOf(record, queue) }));
    this.#ready = [...this.#order.enter(this.#all, receivedAt)];
  }

  /** Up to `max` deliveries that may go now; waits while others may make some, and is empty when there will be no more. */
  async lease(max: number): Promise<readonly AwsLease[]> {
    for (;;) {
      const next = this.#isOver ? [] : this.#ready.splice(0, max);
      const leases = next.length === 0 ? [] : await this.#openAll(next);
      if (leases.length > 0) return leases;
      if (this.#isOver || max < 1) return [];
      if (this.#ready.length > 0) continue;
      if (this.#open.size === 0) return [];
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

  async #openAll(received: readonly Received[]): Promise<readonly AwsLease[]> {
    const { agent, intake, namespaces, acks } = this.#options;
    const isForeign = ({ entry }: Received) => namespaces !== undefined && !namespaces.includes(entry.namespace);
    const foreign = received.filter(isForeign);
    for (const each of received) this.#open.add(each);
    await acks.giveBack(foreign.map((each) => ({ received: each, delayMs: FOREIGN_MS })));
    for (const each of foreign) this.#settled(each, false);
    try {
      const own = received.filter((each) => !isForeign(each));
      const leases = await intake.open(agent, own, (each, isAcknowledged) => this.#settled(each, isAcknowledged));
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

const pauseMs = ({ receiveCount }: Received) => Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (receiveCount - 1));

/** An agent with lanes has two queues, and an event is of either. */
function urlOf({ eventSourceARN = '' }: QueueRecord, { url, urgentUrl }: AwsQueue): string {
  const name = eventSourceARN.split(':').at(-1);
  return urgentUrl?.split('/').at(-1) === name && urgentUrl !== undefined ? urgentUrl : url;
}
