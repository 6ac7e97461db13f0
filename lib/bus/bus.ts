/** @module The bus: what a program publishes and reads with, in one namespace of a backend. */
import { randomUUID } from 'node:crypto';
import type { AgentStats, Backend, Outcome, Page, Plan, PlanId } from '../backends/backend.ts';
import type { Interest } from '../core/admission.ts';
import { type Clock, systemClock } from '../core/clock.ts';
import { type FieldFault, GuildwireError, InvalidArgumentError, RequestTimeoutError } from '../core/errors.ts';
import type { Format, InputOf, OutputOf } from '../core/format.ts';
import type { GemstoneId } from '../core/gemstone-id.ts';
import {
  type Draft,
  type Message,
  type MessageKey,
  parseReference,
  type Reference,
  type Sender,
} from '../core/message.ts';
import { messageRules } from '../core/message-rules.ts';
import { show } from '../core/show.ts';
import { TopicFamilies } from '../core/topic-family.ts';
import { Drafts } from './drafts.ts';
import { type Explanation, explain } from './explain.ts';
import { type HistoryQuery, type TailQuery, toReadQuery } from './history-query.ts';
import { IgnoredReplies } from './ignored-replies.ts';
import { type Log, stderrLog, unfailing } from './log.ts';
import { type Middleware, middlewareFaults } from './middleware/middleware.ts';
import { PublishChain } from './publish-chain.ts';
import type { PublishOptions } from './publish-options.ts';
import { type DeadLetterPlan, type ReplayPlan, type RunPlanOptions, runPlan, toPlanRequest } from './recovery.ts';
import { awaitReply, type RequestOptions, splitOptions } from './request-reply.ts';
import { type Settled, type SettledOptions, settled } from './settled.ts';
import { tail } from './tail.ts';

/** One topic, or several: one message with one id, stored under each. */
export type Topics<Topic extends string = string> = Topic | readonly [Topic, ...Topic[]];

/** One message of `publishMany`. */
export interface PublishEntry<F extends Format = Format> {
  readonly topics: Topics;
  readonly format: F;
  readonly payload: InputOf<F>;
  readonly options?: PublishOptions;
}

export type PublishOutcome = Outcome<{ readonly id: GemstoneId; readonly duplicate: boolean }>;

export interface BusOptions {
  /** The running instance of the guild; namespaces never see each other. @default 'default' */
  readonly namespace?: string;
  /** Who publishes: `user:<principal>`, or an id of your own. */
  readonly sender: string;
  /** Which topics there are. @default - any topic */
  readonly families?: TopicFamilies;
  /** Subscriptions that `explain` tells of. @default - those that had a delivery */
  readonly interests?: readonly Interest[];
  /** @default - the system's */
  readonly clock?: Clock;
  /** What stands around publishing, also that of requests; the first is outermost. @default - nothing */
  readonly use?: readonly Middleware[];
  /** What middleware writes to. @default - JSON lines on standard error */
  readonly log?: Log;
}

export const DEFAULT_NAMESPACE = 'default';
const MAX_BATCH = 100;
let buses = 0;

export class Bus implements AsyncDisposable {
  readonly namespace: string;
  readonly #backend: Backend;
  readonly #drafts: Drafts;
  readonly #clock: Clock;
  readonly #name = `${Date.now().toString(36)}-${process.pid}-${++buses}`;
  #calls = 0;
  readonly #interests: readonly Interest[];
  readonly #chain: PublishChain | undefined;
  readonly #ignoredReplies = new IgnoredReplies();

  constructor(backend: Backend, options: BusOptions) {
    const { namespace = DEFAULT_NAMESPACE, sender, clock = systemClock, use = [], log = stderrLog } = options;
    const { families = new TopicFamilies([], true) } = options;
    const from: Sender = Object.freeze({ id: sender });
    const faults: FieldFault[] = middlewareFaults(use, 'publish');
    for (const [field, problem] of [
      ['namespace', messageRules.namespace(namespace)],
      ['sender', messageRules.sender(from) ?? platformProblem(sender)],
    ] as const) {
      if (problem !== undefined) faults.push({ field, problem });
    }
    if (faults.length > 0) throw new InvalidArgumentError(faults);
    this.namespace = namespace;
    this.#backend = backend;
    this.#clock = clock;
    this.#interests = options.interests ?? [];
    const { features } = backend;
    const drafts = new Drafts({ namespace, sender: from, families, features, now: () => clock.now() });
    this.#drafts = drafts;
    const nonce = () => this.#nonce();
    this.#chain = PublishChain.of(use, { backend, drafts, namespace, sender, clock, log: unfailing(log), nonce });
  }

  /**
   * The id of the message, once it is stored: from then on it reaches every active subscription that matches.
   *
   * @throws InvalidMessageError with every fault, and then nothing is stored; likewise PayloadTooLargeError,
   *   AsyncFormatError, DelayTooLongError and IdempotencyConflictError.
   * @throws BackendFullError, BackendUnavailableError: repeat the call, under the same idempotency key if it must not be
   *   stored twice.
   * @example
   * const id = await bus.publish('doc.tasks', Task, { text: 'Hello' }, { priority: Priority.HIGH });
   */
  async publish<F extends Format>(
    topics: Topics,
    format: F,
    payload: NoInfer<InputOf<F>>,
    options?: PublishOptions,
  ): Promise<GemstoneId> {
    if (this.#chain !== undefined) return (await this.#chain.publish({ topics, format, payload, options })).id;
    const draft = this.#drafts.create(topics, format, payload, options);
    const outcome = (await this.#backend.append([draft], this.#nonce()))[0];
    if (outcome?.ok) return outcome.id;
    throw outcome?.error ?? new Error('the backend gave no outcome');
  }

  /**
   * Publishes up to 100 messages; one outcome each, in their order. One that is refused does not keep the others back.
   *
   * @throws InvalidArgumentError if `entries` is no array or has more than 100, and then nothing is stored.
   */
  async publishMany(entries: readonly PublishEntry[]): Promise<readonly PublishOutcome[]> {
    if (!Array.isArray(entries) || entries.length > MAX_BATCH) {
      const problem = `got ${show(entries)}: allowed is an array of at most ${MAX_BATCH}`;
      throw new InvalidArgumentError([{ field: 'entries', problem }]);
    }
    if (this.#chain !== undefined) return this.#chain.publishMany(entries);
    const drafts = (entries as readonly PublishEntry[]).map((entry) => this.#draftOf(entry));
    const valid = drafts.filter((draft): draft is Draft => !(draft instanceof GuildwireError));
    const outcomes = valid.length === 0 ? [] : await this.#backend.append(valid, this.#nonce());
    let stored = 0;
    return drafts.map((draft) =>
      draft instanceof GuildwireError ? { ok: false, error: draft } : (outcomes[stored++] as PublishOutcome),
    );
  }

  /**
   * Publishes and gives the answer, decoded. Any instance may wait: the answer lies in the log, so one that comes early is
   * found, and one that comes late, twice or to something else changes nothing.
   *
   * @throws RequestTimeoutError when none came within `timeoutMs`; the request may still be handled.
   * @throws RemoteError when the agent answered with `context.fail`.
   * @throws PayloadInvalidError when the answer does not fit its format; and what `publish` throws.
   * @example
   * const answer = await bus.request('quotes.get', Text, { text: 'ACME' }, { reply: Text, timeoutMs: 500 });
   */
  async request<F extends Format, R extends Format>(
    topic: string,
    format: F,
    payload: NoInfer<InputOf<F>>,
    options: RequestOptions<R>,
  ): Promise<OutputOf<R>> {
    const [wait, publish] = splitOptions(options);
    const replyTo = `$reply.${randomUUID().replaceAll('-', '')}`;
    const given = { ...publish, replyTo };
    const id =
      this.#chain === undefined
        ? await this.publish(topic, format, payload, given)
        : (await this.#chain.publish({ topics: topic, format, payload, options: given }, wait.signal)).id;
    const onForeign = () => this.#ignoredReplies.foreign();
    const where = { backend: this.#backend, clock: this.#clock, namespace: this.namespace, topic: replyTo };
    try {
      return await awaitReply({ ...wait, ...where, id, onForeign });
    } catch (error) {
      if (error instanceof RequestTimeoutError) this.#ignoredReplies.gaveUp(replyTo, id);
      throw error;
    }
  }

  /**
   * Answers to requests of this bus that changed nothing: those that answered something else, and those that came after the
   * request was given up (of its newest 1,000 such requests).
   */
  ignoredReplies(): Promise<number> {
    return this.#ignoredReplies.count(this.#backend, this.namespace);
  }

  /** A page of the history, in the order of ids. Reading never consumes. */
  async read(query: HistoryQuery): Promise<Page<Message>> {
    return this.#backend.read(toReadQuery(this.namespace, query));
  }

  /**
   * Every message that the query names, as it is stored: from `since` on, else from now on. None is skipped, and none comes
   * twice. Ends when `signal` aborts.
   *
   * @throws InvalidArgumentError with every fault of the query.
   * @throws UnsupportedFeatureError if the backend cannot follow its log.
   * @example
   * for await (const message of bus.tail({ pattern: 'doc.**' })) console.log(message.topic, message.payload);
   */
  async *tail(
    query: TailQuery,
    options: { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<Message, void, undefined> {
    yield* tail(this.#backend, this.#clock, this.namespace, query, options.signal);
  }

  /** The messages at these places, in the order asked; those that are not there are left out. */
  async get(references: readonly (Reference | MessageKey)[]): Promise<readonly Message[]> {
    const keys = references.map((reference) => (typeof reference === 'string' ? parseReference(reference) : reference));
    if (keys.length === 0) return [];
    const query = { namespace: this.namespace, where: { references: keys }, order: 'id', limit: keys.length } as const;
    return (await this.#backend.read(query)).items;
  }

  /** The topics in use, with the last id on each. */
  async topics(): Promise<readonly { readonly topic: string; readonly lastId: GemstoneId }[]> {
    const topics: { readonly topic: string; readonly lastId: GemstoneId }[] = [];
    for (
      let page = await this.#backend.topics(this.namespace);
      ;
      page = await this.#backend.topics(this.namespace, page.next)
    ) {
      topics.push(...page.items);
      if (page.next === undefined) return topics;
    }
  }

  /** What waits, and what is dead, by agent. */
  stats(): Promise<readonly AgentStats[]> {
    return this.#backend.stats(this.namespace);
  }

  /**
   * Resolves when nothing that descends from the root, itself included, is waiting, running, delayed or due for retry. What
   * waits for a paused or stopped agent counts.
   *
   * @param root The id that `publish` gave.
   * @throws NotFoundError if no message of the root is kept; InvalidArgumentError; the reason of the signal.
   * @throws UnsupportedFeatureError if the backend does not count (`features.progress`).
   * @example
   * const { handled, failed } = await bus.settled(await bus.publish('doc.tasks', Task, { text: 'Hello' }));
   */
  async settled(root: GemstoneId, options?: SettledOptions): Promise<Settled> {
    return settled(this.#backend, this.#clock, this.namespace, root, options);
  }

  /**
   * What became of a message for each agent, in alphabetical order, and why.
   *
   * @throws NotFoundError if there is no such message; UnsupportedFeatureError as for `settled`.
   */
  async explain(reference: Reference | MessageKey): Promise<readonly Explanation[]> {
    const key = typeof reference === 'string' ? parseReference(reference) : reference;
    return explain(this.#backend, this.namespace, key, this.#interests);
  }

  /**
   * A frozen list of dead letters to redrive or discard, or of messages to hand to one agent again; nothing is done before
   * `runPlan`.
   *
   * @throws EmptyPlanError if that is nothing; InvalidArgumentError with every fault.
   * @example
   * const plan = await bus.plan({ action: 'redrive', agent: 'grammar', errorName: 'TypeError' });
   * await bus.runPlan(plan.id, { perSecond: 50 });
   */
  async plan(plan: DeadLetterPlan | ReplayPlan): Promise<Plan> {
    return this.#backend.plan(toPlanRequest(this.namespace, plan));
  }

  /**
   * Works a plan off; what was done before, also by another process, is not done again.
   *
   * @throws NotFoundError for a plan that is not known.
   */
  async runPlan(id: PlanId, options: RunPlanOptions = {}): Promise<Plan> {
    return runPlan(this.#backend, this.#clock, id, options);
  }

  /** Ends the agent's subscription: its deliveries stop at once, and what waited for it is forgotten. */
  unsubscribe(agent: string): Promise<void> {
    return this.#backend.unsubscribe(this.namespace, agent);
  }

  /** Nothing is handed to the agent's instances until `resume`; everything is kept. @throws NotFoundError for an unknown agent. */
  pause(agent: string): Promise<void> {
    return this.#backend.pause(this.namespace, agent, true);
  }

  resume(agent: string): Promise<void> {
    return this.#backend.pause(this.namespace, agent, false);
  }

  /** Gives up what still waits in a middleware; the backend is closed by whoever opened it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#chain?.close();
  }

  #draftOf(entry: PublishEntry): Draft | GuildwireError {
    try {
      return this.#drafts.create(entry?.topics, entry?.format, entry?.payload, entry?.options);
    } catch (error) {
      if (error instanceof GuildwireError) return error;
      throw error;
    }
  }

  #nonce(): string {
    return `${this.#name}-${++this.#calls}`;
  }
}

const platformProblem = (sender: string) =>
  sender.startsWith('platform:') ? `got ${show(sender)}: that is the platform's own` : undefined;

/**
 * A bus on an open backend, for programs that run no agents.
 *
 * @throws InvalidArgumentError for a namespace or sender that is none.
 * @example
 * const bus = openBus(backend, { namespace: 'guild-123', sender: 'user:ada' });
 */
export function openBus(backend: Backend, options: BusOptions): Bus {
  return new Bus(backend, options);
}
