/** @module What queues are told of the messages in a consumer's hands: that they are done with, held for longer, or back. */
import type { GuildwireError } from '../../../core/errors.ts';
import type { Outcome } from '../../backend.ts';
import type { SqsCalls } from '../calls/sqs-calls.ts';
import type { Received } from './received.ts';

export interface GivenBack {
  readonly received: Received;
  /** Until it is handed out again, in ms. */
  readonly delayMs: number;
}

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html: from its receipt. */
const MAX_HELD_MS = 12 * 3_600_000;
const MARGIN_MS = 60_000;
/** A function is started some time after its messages were received: batches fill, and starts are throttled. */
const EVENT_MARGIN_MS = 30 * 60_000;
/** SQS counts whole seconds, and the answer to a receipt takes its time. */
export const HOLD_MARGIN_S = 1;

export class Acks {
  readonly #sqs: SqsCalls;

  constructor(sqs: SqsCalls) {
    this.#sqs = sqs;
  }

  /** What the queue said to each, in their order; undefined where it is done with. A function says so by its answer. */
  acknowledge(received: readonly Received[]): Promise<readonly (GuildwireError | undefined)[]> {
    const told = received.map((each) => (each.isEvent ? undefined : each));
    return this.#byQueue(told, (url, own) =>
      this.#sqs.deleteBatch(
        url,
        own.map(({ receiptHandle }) => receiptHandle),
      ),
    );
  }

  /** Best effort: what a queue cannot be told it does by itself, when its time is over. */
  async giveBack(given: readonly GivenBack[]): Promise<void> {
    const now = this.#sqs.calls.clock.now();
    const seconds = new Map(given.map(({ received, delayMs }) => [received, secondsOf(received, delayMs, now)]));
    await this.#setVisibility(
      given.map(({ received }) => received),
      (received) => seconds.get(received) ?? 0,
    );
  }

  /** Holds them for `ms` from now; `until` of each then says until when it is held, which for a lost one is now. */
  async hold(received: readonly Received[], ms: number): Promise<void> {
    const now = this.#sqs.calls.clock.now();
    const workers = received.filter(({ isEvent }) => !isEvent);
    const errors = await this.#setVisibility(workers, (each) => secondsOf(each, ms, now) + HOLD_MARGIN_S);
    for (const [index, each] of workers.entries()) {
      const error = errors[index];
      if (error === undefined) each.until = now + ms;
      else if (!error.retryable) each.until = Math.min(each.until, now);
    }
  }

  #setVisibility(received: readonly Received[], secondsFor: (each: Received) => number) {
    const deadlineAt = this.#sqs.calls.deadline();
    return this.#byQueue(received, (url, own) => {
      const ends = own.map(({ isEvent, until }) => (isEvent ? until : deadlineAt));
      return this.#sqs.changeVisibilityBatch(
        url,
        own.map((each) => ({ receiptHandle: each.receiptHandle, timeoutS: secondsFor(each) })),
        Math.min(deadlineAt, ...ends),
      );
    });
  }

  async #byQueue(
    received: readonly (Received | undefined)[],
    tell: (url: string, own: readonly Received[]) => Promise<readonly Outcome[]>,
  ): Promise<readonly (GuildwireError | undefined)[]> {
    const errors: (GuildwireError | undefined)[] = received.map(() => undefined);
    const indexed = received.flatMap((each, index) => (each === undefined ? [] : [{ each, index }]));
    await Promise.all(
      [...Map.groupBy(indexed, ({ each }) => each.queueUrl)].map(async ([url, own]) => {
        const said = await tell(
          url,
          own.map(({ each }) => each),
        );
        for (const [at, { index }] of own.entries()) {
          const outcome = said[at];
          errors[index] = outcome?.ok === false ? outcome.error : undefined;
        }
      }),
    );
    return errors;
  }
}

/** A queue hides a message for 12 hours from its receipt at most. */
function secondsOf({ receivedAt, isEvent }: Received, ms: number, now: number): number {
  const left = Math.max(0, receivedAt + MAX_HELD_MS - (isEvent ? EVENT_MARGIN_MS : MARGIN_MS) - now);
  return Math.ceil(Math.min(ms, left) / 1_000);
}
