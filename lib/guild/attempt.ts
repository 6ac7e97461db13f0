/** @module One attempt: the context that a handler gets, and what it collected when the handler is done. */
import { createHash } from 'node:crypto';
import type { Backend, Lease, Page, Spend } from '../backends/backend.ts';
import type { Topics } from '../bus/bus.ts';
import type { Drafts } from '../bus/drafts.ts';
import { type HistoryQuery, toReadQuery } from '../bus/history-query.ts';
import { type Log, withFields } from '../bus/log.ts';
import type { PublishOptions } from '../bus/publish-options.ts';
import { awaitReply, type RequestOptions, splitOptions } from '../bus/request-reply.ts';
import { type Clock, Parking, sleep } from '../core/clock.ts';
import { deliveryKey } from '../core/delivery-key.ts';
import { AttemptEndedError, InvalidArgumentError, NoReplyAddressError } from '../core/errors.ts';
import { type Format, genericJson, type InputOf, type OutputOf } from '../core/format.ts';
import type { GemstoneId } from '../core/gemstone-id.ts';
import { HandlerTimeoutError } from '../core/handler-errors.ts';
import type { JsonObject } from '../core/json.ts';
import { childThread, type Draft, type Message, type Reference, toReference } from '../core/message.ts';
import type { Closable } from '../core/open-list.ts';
import { outputsOf } from '../core/outputs.ts';
import { MAX_AGENT_NAME, nameProblem } from '../core/topic.ts';
import type { Context } from './context.ts';
import type { Agent } from './define-agent.ts';
import { OutputCount } from './output-count.ts';
import { addSpending } from './spending.ts';
import { StateSession } from './state-session.ts';

/** What all attempts of one agent in one namespace share. */
export interface Workplace {
  readonly agent: Agent;
  readonly namespace: string;
  readonly backend: Backend;
  readonly clock: Clock;
  /** For what the handler publishes, which the agent must declare. */
  readonly drafts: Drafts;
  readonly log: Log;
}

export const FAILURE_FORMAT = 'guildwire.failure';
const Failure: Format = { ...genericJson, name: FAILURE_FORMAT };

const NO_OUTPUTS: readonly Draft[] = Object.freeze([]);

export class Attempt implements Context<string, Format>, Closable {
  /** Until it is settled, by itself or from outside. */
  isOpen = true;
  readonly message: Message;
  readonly history: readonly Message[];
  readonly lease: Lease;
  readonly deadlineAt: number;
  /** What the handler says that it spent. */
  spent: Spend | undefined;
  readonly #at: Workplace;
  #outputs: Draft[] | undefined;
  /** Of outputs and state. */
  #count: OutputCount;
  #effects = 0;
  #state: StateSession | undefined;
  #controller: AbortController | undefined;
  #abortReason: unknown;
  #hasEnded = false;
  #parking: Parking | undefined;
  /** What this is one run of. */
  #whole: Attempt | undefined;

  /** @param spent What runs of the same attempt spent that had no effect otherwise. */
  constructor(
    at: Workplace,
    lease: Lease,
    message: Message,
    history: readonly Message[],
    deadlineAt: number,
    spent: Spend | undefined,
  ) {
    this.spent = spent;
    this.#at = at;
    this.#count = new OutputCount(at.backend.features.maxOutputs);
    this.lease = lease;
    this.message = message;
    this.history = history;
    this.deadlineAt = deadlineAt;
  }

  get agent(): string {
    return this.#at.agent.name;
  }

  get namespace(): string {
    return this.#at.namespace;
  }

  get attempt(): number {
    return this.lease.attemptsBefore + 1;
  }

  get isReplay(): boolean {
    return this.lease.cause === 'replayed';
  }

  get deliveryKey(): string {
    return deliveryKey(this.namespace, this.agent, this.message, this.lease.epoch);
  }

  get thread(): readonly Reference[] {
    return childThread(this.message);
  }

  get sessionState(): JsonObject {
    return this.message.sessionState;
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#abortReason !== undefined) this.#controller.abort(this.#abortReason);
    return this.#controller.signal;
  }

  get log(): Log {
    const { agent, namespace, attempt } = this;
    return withFields(this.#at.log, () => ({ agent, namespace, message: toReference(this.message), attempt }));
  }

  get state(): StateSession {
    const { agent, backend, namespace } = this.#at;
    this.#mustRun('context.state');
    if (agent.state === undefined) {
      const problem = `agent "${agent.name}" declares no state: add \`state: Format\` to its definition`;
      throw new InvalidArgumentError([{ field: 'state', problem }]);
    }
    this.#state ??= new StateSession(backend, namespace, agent.name, agent.state, this.#stateHolder);
    return this.#state;
  }

  remainingMs(): number {
    return Math.max(0, this.deadlineAt - this.now());
  }

  now(): number {
    return this.#at.clock.now();
  }

  sleep(ms: number): Promise<void> {
    this.#mustRun('context.sleep');
    return this.#park(sleep(this.#at.clock, ms, this.signal));
  }

  publish<F extends Format>(topics: Topics, format: F, payload: NoInfer<InputOf<F>>, options?: PublishOptions): void {
    this.#mustRun('context.publish');
    this.#collect(this.#at.drafts.create(topics, format, payload, options, this.message));
  }

  reply<F extends Format>(format: F, payload: NoInfer<InputOf<F>>, options: PublishOptions = {}): void {
    this.#mustRun('context.reply');
    this.#answer(format, payload, options);
  }

  fail(code: string, text: string): void {
    this.#mustRun('context.fail');
    this.#answer(Failure, { code: String(code), message: String(text) }, { status: 'error' });
  }

  forward(topics: Topics, options: PublishOptions = {}): void {
    this.#mustRun('context.forward');
    const { message } = this;
    const { correlationId, replyTo, headers } = message;
    const kept = {
      headers,
      ...(correlationId !== undefined && { correlationId }),
      ...(replyTo !== undefined && { replyTo }),
    };
    const draft = this.#at.drafts.forward(topics, { ...kept, ...options }, message);
    const forwardHeader =
      message.forwardHeader ?? Object.freeze({ origin: toReference(message), onBehalfOf: message.sender });
    this.#collect({ ...draft, message: { ...draft.message, forwardHeader } });
  }

  later<F extends Format>(delayMs: number, format: F, payload: NoInfer<InputOf<F>>): void {
    this.#mustRun('context.later');
    this.#collect(this.#at.drafts.toSelf(format, payload, delayMs, this.message));
  }

  async publishNow<F extends Format>(
    topics: Topics,
    format: F,
    payload: NoInfer<InputOf<F>>,
    options?: PublishOptions,
  ): Promise<GemstoneId> {
    this.#mustRun('context.publishNow');
    return this.#storeNow(this.#effects++, topics, format, payload, options);
  }

  async request<F extends Format, R extends Format>(
    topic: string,
    format: F,
    payload: NoInfer<InputOf<F>>,
    options: RequestOptions<R>,
  ): Promise<OutputOf<R>> {
    this.#mustRun('context.request');
    const [wait, publish] = splitOptions(options);
    const ordinal = this.#effects++;
    // The same in every attempt, so that a later one reads the answer that an earlier one asked for.
    const name = createHash('sha256').update(`${this.deliveryKey}#${ordinal}`).digest('hex').slice(0, 32);
    const replyTo = `$reply.${name}`;
    const id = await this.#storeNow(ordinal, topic, format, payload, { ...publish, replyTo });
    const { backend, clock, namespace } = this.#at;
    const onForeign = () => this.log.warn('a reply to something else was ignored');
    const where = { backend, clock, namespace, topic: replyTo, id };
    // Whatever the handler waits with of its own: when its attempt is over, nobody can use the answer.
    const signal = wait.signal === undefined ? this.signal : AbortSignal.any([this.signal, wait.signal]);
    return this.#park(awaitReply({ ...wait, ...where, signal, onForeign }));
  }

  async #storeNow(
    ordinal: number,
    topics: Topics,
    format: Format,
    payload: unknown,
    options?: PublishOptions,
  ): Promise<GemstoneId> {
    const draft = this.#at.drafts.create(topics, format, payload, options, this.message);
    const effect = { delivery: this.deliveryKey, ordinal };
    const nonce = `${effect.delivery}#${ordinal}/${this.attempt}`;
    const [outcome] = await this.#at.backend.append([{ ...draft, effect }], nonce);
    if (outcome?.ok) return outcome.id;
    throw outcome?.error ?? new Error('the backend gave no outcome');
  }

  async read(query: HistoryQuery): Promise<Page<Message>> {
    this.#mustRun('context.read');
    return this.#at.backend.read(toReadQuery(this.namespace, query));
  }

  spend(amount: Partial<Spend>): void {
    this.#mustRun('context.spend');
    const whole = this.#whole ?? this;
    whole.spent = addSpending(whole.spent, amount);
  }

  /**
   * A context for one run of the handler within this attempt: it begins with what the attempt has decided so far, and decides
   * nothing for the attempt until that adopts it. What it spends is spent at once.
   */
  fork(): Attempt {
    const run = new Attempt(this.#at, this.lease, this.message, this.history, this.deadlineAt, undefined);
    run.#whole = this;
    run.#take(this);
    return run;
  }

  /** Takes over what a run decided. */
  adopt(run: Attempt): void {
    this.#take(run);
  }

  #take(from: Attempt): void {
    this.#outputs = from.#outputs === undefined ? undefined : [...from.#outputs];
    // The next effect is the same in each run, so that it finds the same message.
    this.#effects = from.#effects;
    this.#count = from.#count.copy();
    this.#state = from.#state?.copy(this.#stateHolder);
  }

  /** Whether the handler looked at the agent's state. */
  get hasState(): boolean {
    return this.#state !== undefined;
  }

  /** What the attempt publishes; it can decide no more. */
  end(): readonly Draft[] {
    this.#hasEnded = true;
    this.#parking?.end();
    return this.#outputs ?? NO_OUTPUTS;
  }

  /** Ends the attempt from outside: it can neither commit nor publish. */
  abort(reason: unknown): void {
    this.end();
    this.#abortReason = reason;
    this.#controller?.abort(reason);
  }

  /** The error of an attempt that did not finish in time. */
  timeoutError(): HandlerTimeoutError {
    return new HandlerTimeoutError(this.agent, this.#at.agent.timeoutMs);
  }

  #answer(format: Format, payload: unknown, options: PublishOptions): void {
    const { message } = this;
    const isAgent = nameProblem(message.sender.id, MAX_AGENT_NAME) === undefined;
    const address = message.replyTo ?? (isAgent ? `$inbox.${message.sender.id}` : undefined);
    if (address === undefined) throw new NoReplyAddressError(message.sender.id);
    const { correlationId } = message;
    const answer = {
      inReplyTo: toReference(message),
      ...(correlationId !== undefined && { correlationId }),
      ...options,
    };
    this.#collect(this.#at.drafts.answer(address, format, payload, answer, message));
  }

  #collect(draft: Draft): void {
    this.#count.add(outputsOf(draft));
    this.#outputs ??= [];
    this.#outputs.push(draft);
  }

  #park<T>(waiting: Promise<T>): Promise<T> {
    this.#parking ??= new Parking(this.#at.clock);
    return this.#parking.park(waiting);
  }

  get #stateHolder() {
    return { count: this.#count, mustRun: () => this.#mustRun('context.state') };
  }

  #mustRun(call: string): void {
    if (this.#hasEnded) throw new AttemptEndedError(this.agent, call);
  }
}

/** What a log line says of a delivery. */
export function leaseFields({ agent, namespace, key }: Lease): object {
  return { agent, namespace, ...(key !== undefined && { message: toReference(key) }) };
}
