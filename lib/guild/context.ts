/** @module What a handler is given besides its payload. */
import type { Page } from '../backends/backend.ts';
import type { Topics } from '../bus/bus.ts';
import type { HistoryQuery } from '../bus/history-query.ts';
import type { Log } from '../bus/log.ts';
import type { PublishOptions } from '../bus/publish-options.ts';
import type { RequestOptions } from '../bus/request-reply.ts';
import type { Format, InputOf, OutputOf } from '../core/format.ts';
import type { GemstoneId } from '../core/gemstone-id.ts';
import type { JsonObject } from '../core/json.ts';
import type { Message, Reference } from '../core/message.ts';

/** The topics that a pattern names, as far as types can say: `doc.*` admits every topic below it, `string` admits all. */
export type TopicOf<Pattern extends string> = string extends Pattern
  ? string
  : Pattern extends '*' | '**'
    ? string
    : Pattern extends `${infer Head}.**`
      ? `${TopicOf<Head>}.${string}`
      : Pattern extends `*.${infer Tail}`
        ? `${string}.${TopicOf<Tail>}`
        : Pattern extends `${infer Head}.*.${infer Tail}`
          ? `${TopicOf<Head>}.${string}.${TopicOf<Tail>}`
          : Pattern extends `${infer Head}.*`
            ? `${TopicOf<Head>}.${string}`
            : Pattern;

/** What an agent may publish to: what it declares, and everybody's inbox. */
type Target<Out extends string> = Topics<TopicOf<Out> | `$inbox.${string}`>;

/** Stands for an agent without state. */
export type NoState = Format<'none', never, never>;

/**
 * One attempt at one delivery. It ends when the handler returns, throws or runs out of time; what it was used for after that
 * throws `AttemptEndedError`.
 *
 * `publish`, `reply`, `fail`, `forward` and `later` check at once and only collect: their messages are stored, with the
 * acknowledgement and the state, when the handler has returned. If it throws, runs out of time or loses its lease, none is.
 */
export interface Context<Out extends string = string, State extends Format = NoState> {
  readonly agent: string;
  readonly namespace: string;
  readonly message: Message;
  /** 1 for the first. */
  readonly attempt: number;
  /** Whether the delivery comes from a replay of history. */
  readonly isReplay: boolean;
  /** The same for every attempt at this delivery: use it as the idempotency key of effects outside. */
  readonly deliveryKey: string;
  /** Aborted when the attempt is out of time, or the guild stops. */
  readonly signal: AbortSignal;
  readonly log: Log;
  /** References from the root to this message: the root, its nearest seven ancestors at most, and itself. */
  readonly thread: readonly Reference[];
  /** What travels along; `sessionState` of publish options is merged over it. */
  readonly sessionState: JsonObject;
  /** The last messages on the way here, oldest first, if the message asked for them (`enrichWithHistory`). */
  readonly history: readonly Message[];
  /** Time left until the attempt is given up, in ms. */
  remainingMs(): number;
  /** Unix ms. */
  now(): number;
  /** Resolves after `ms`; rejects when the attempt is out of time. */
  sleep(ms: number): Promise<void>;
  /** @throws InvalidMessageError, PayloadTooLargeError, AsyncFormatError, DelayTooLongError, TooManyOutputsError; so do those below. */
  publish<F extends Format>(
    topics: Target<Out>,
    format: F,
    payload: NoInfer<InputOf<F>>,
    options?: PublishOptions,
  ): void;
  /**
   * Answers: on the message's `replyTo`, else in the inbox of its sender.
   *
   * @throws NoReplyAddressError if there is neither.
   */
  reply<F extends Format>(format: F, payload: NoInfer<InputOf<F>>, options?: PublishOptions): void;
  /** Answers that it cannot be done; the attempt itself completes. To fail the attempt, throw. */
  fail(code: string, text: string): void;
  /** Sends the message on as it is, with its payload, headers and return address, and where it came from. */
  forward(topics: Target<Out>, options?: PublishOptions): void;
  /** To this agent itself, `delayMs` from now: a timer that survives whatever happens to the process. */
  later<F extends Format>(delayMs: number, format: F, payload: NoInfer<InputOf<F>>): void;
  /**
   * Stored at once, and not undone if the attempt fails; the same call of the next attempt finds the same message. Make
   * such calls in the same order in every attempt.
   */
  publishNow<F extends Format>(
    topics: Target<Out>,
    format: F,
    payload: NoInfer<InputOf<F>>,
    options?: PublishOptions,
  ): Promise<GemstoneId>;
  /**
   * Asks and gives the answer, decoded. Like `publishNow`: the next attempt finds the same request, and its answer if it has
   * come; make such calls in the same order in every attempt.
   *
   * @throws RequestTimeoutError, RemoteError, PayloadInvalidError
   */
  request<F extends Format, R extends Format>(
    topic: TopicOf<Out> | `$inbox.${string}`,
    format: F,
    payload: NoInfer<InputOf<F>>,
    options: RequestOptions<R>,
  ): Promise<OutputOf<R>>;
  /** Counts against the budget of the root, also if the attempt fails. @throws InvalidArgumentError for what is no number from 0. */
  spend(amount: { readonly usd?: number; readonly tokens?: number }): void;
  /** A page of the history. */
  read(query: HistoryQuery): Promise<Page<Message>>;
  /** What the agent remembers, in this namespace. */
  readonly state: StateAccess<InputOf<State>, OutputOf<State>>;
}

/**
 * Values by key, written with the acknowledgement. If another attempt changed what this one read, this one is run again, and
 * that does not count as a failure.
 */
export interface StateAccess<In, Out> {
  /** What was set in this attempt, else what is stored. */
  get(key: string): Promise<Out | undefined>;
  /**
   * @throws StateTooLargeError above 64 KB as JSON; PayloadInvalidError if it does not fit the state's format;
   *   TooManyOutputsError if the attempt then decides more than one step holds.
   */
  set(key: string, value: In): void;
  /** @throws TooManyOutputsError as `set`. */
  delete(key: string): void;
}
