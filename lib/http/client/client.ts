/** @module The bus over HTTP: publishes to and reads from a server, with the calls that a bus has. */

import type * as z from 'zod/mini';
import type { AgentStats, Cursor, Page, Plan, PlanId } from '../../backends/backend.ts';
import type { PublishEntry, PublishOutcome, Topics } from '../../bus/bus.ts';
import type { Explanation } from '../../bus/explain.ts';
import type { HistoryQuery, TailQuery } from '../../bus/history-query.ts';
import type { PublishOptions } from '../../bus/publish-options.ts';
import type { DeadLetterPlan, ReplayPlan, RunPlanOptions } from '../../bus/recovery.ts';
import { type Clock, pause } from '../../core/clock.ts';
import { GuildwireError, InvalidArgumentError } from '../../core/errors.ts';
import type { Format, InputOf } from '../../core/format.ts';
import type { GemstoneId } from '../../core/gemstone-id.ts';
import { type Message, type MessageKey, parseReference, type Reference } from '../../core/message.ts';
import { show } from '../../core/show.ts';
import type { Agents, Health } from '../schemas/answers.ts';
import { ProblemError } from './client-errors.ts';
import { followStream } from './follow-stream.ts';
import { type Body, carrying, type Entries, toBody } from './message-body.ts';
import { type BatchAnswer, PublishQueue } from './publish-queue.ts';
import { toHistory, toPlanBody, toStream } from './queries.ts';
import type { Sending, Transport } from './transport.ts';
import { type Putting, Uploader } from './uploader.ts';
import { MAX_REQUEST_BYTES, weightOf } from './weight.ts';

/** The agents of a namespace as a server tells them. */
export type GuildView = z.output<typeof Agents>;

export interface ClientParts {
  readonly namespace: string;
  readonly transport: Transport;
  readonly putting: Putting;
  readonly clock: Clock;
  readonly random: () => number;
  readonly lingerMs: number;
  readonly idleMs: number;
}

export interface ClientTailOptions {
  readonly signal?: AbortSignal;
  /** Told when the connection was lost, and when it is back. */
  readonly onConnection?: (state: 'lost' | 'back', error?: Error) => void;
}

const PAGE = 1_000;
const AT_ONCE = 10;
const NEVER = new AbortController().signal;

/** Made by `createClient`. Calls reject with `ProblemError` where the server refuses, and `UnreachableError` where none answers. */
export class Client implements AsyncDisposable {
  readonly namespace: string;
  readonly #parts: ClientParts;
  readonly #base: string;
  readonly #queue: PublishQueue;
  readonly #uploader: Uploader;

  constructor(parts: ClientParts) {
    const { namespace, transport, clock, lingerMs } = parts;
    this.namespace = namespace;
    this.#parts = parts;
    this.#base = `/v1/namespaces/${encodeURIComponent(namespace)}`;
    const send = (topic: string, body: string) =>
      transport.json<BatchAnswer>(this.#messagesOf(topic), { method: 'POST', body });
    this.#queue = new PublishQueue({ clock, lingerMs, send });
    this.#uploader = new Uploader(transport, `${this.#base}/attachments`, parts.putting);
  }

  /**
   * The id of the message, once the server has stored it. The payload is checked here before it is sent. One of more than
   * 4 MB is uploaded first, where the server has a place for it.
   *
   * @throws InvalidMessageError with every fault of topics and payload; ProblemError with those that only the server sees;
   *   UploadFailedError.
   * @example
   * const id = await client.publish('doc.tasks', Task, { text: 'Hello' }, { priority: Priority.HIGH });
   */
  async publish<F extends Format>(
    topics: Topics,
    format: F,
    payload: NoInfer<InputOf<F>>,
    options: PublishOptions = {},
  ): Promise<GemstoneId> {
    const { topic, json } = this.#sent(toBody({ topics, format: format as Format, payload, options } as PublishEntry));
    const body = await json();
    const { id } = await this.#json<{ id: GemstoneId }>(this.#messagesOf(topic), { method: 'POST', body });
    return id;
  }

  /**
   * One outcome for each message, in their order; one that is refused does not keep the others back. What is published
   * within a few ms, by any number of calls, travels in batches of up to 100. Messages of one topic stay in their order.
   */
  async publishMany<const Formats extends readonly Format[]>(
    entries: Entries<Formats>,
  ): Promise<readonly PublishOutcome[]> {
    if (!Array.isArray(entries))
      throw new InvalidArgumentError([{ field: 'entries', problem: `got ${show(entries)}: allowed is an array` }]);
    return Promise.all(
      entries.map((entry: PublishEntry): PublishOutcome | Promise<PublishOutcome> => {
        try {
          const { topic, bytes, json } = this.#sent(toBody(entry));
          return this.#queue.add(topic, bytes, json);
        } catch (error) {
          if (error instanceof GuildwireError) return { ok: false, error };
          throw error;
        }
      }),
    );
  }

  /** Sends at once what waits for others, and resolves when all of it was answered. */
  flush(): Promise<void> {
    return this.#queue.flush();
  }

  /** A page of the history, in the order of ids. @throws InvalidArgumentError with every fault of the query. */
  async read(query: HistoryQuery): Promise<Page<Message>> {
    const { path, query: asked } = toHistory(this.namespace, query);
    const { items, next } = await this.#json<{ items: Message[]; next?: Cursor }>(`${this.#base}${path}`, {
      query: asked,
    });
    return { items, next };
  }

  /**
   * The whole history that the query names, page by page as it is read; `limit` is the size of a page.
   *
   * @example
   * for await (const message of client.history({ topic: 'doc.tasks', order: 'desc' })) console.log(message.payload);
   */
  async *history(query: Omit<HistoryQuery, 'after'>): AsyncGenerator<Message, void, undefined> {
    let after: Cursor | undefined;
    do {
      const page = await this.read({ limit: PAGE, ...query, ...(after !== undefined && { after }) });
      yield* page.items;
      after = page.next;
    } while (after !== undefined);
  }

  /** Everything that descends from a root, the root included. */
  thread(root: GemstoneId, query: Pick<HistoryQuery, 'order'> = {}): AsyncGenerator<Message, void, undefined> {
    return this.history({ ...query, thread: root });
  }

  conversation(id: string, query: Pick<HistoryQuery, 'order'> = {}): AsyncGenerator<Message, void, undefined> {
    return this.history({ ...query, conversation: id });
  }

  /** The agent's dead letters that were neither redriven nor discarded. */
  deadLetters(agent: string, query: Pick<HistoryQuery, 'order'> = {}): AsyncGenerator<Message, void, undefined> {
    return this.history({ ...query, deadLettersOf: agent });
  }

  /**
   * Every message that the query names, as it is stored: from `since` on, else from now on. When the connection is lost it
   * comes back by itself, and goes on where it was: none is skipped, and none comes twice.
   *
   * @throws UnreachableError if the first connection fails; ProblemError if the server refuses.
   * @example
   * for await (const message of client.tail({ pattern: 'doc.**' })) console.log(message.topic, message.payload);
   */
  tail(query: TailQuery, options: ClientTailOptions = {}): AsyncGenerator<Message, void, undefined> {
    const { transport, clock, random, idleMs } = this.#parts;
    const { path, query: asked } = toStream(this.namespace, query);
    const { signal, onConnection } = options;
    return followStream({
      transport,
      path: `${this.#base}${path}`,
      query: asked,
      clock,
      random,
      idleMs,
      signal,
      onConnection,
    });
  }

  /** The messages at these places, in the order asked; those that are not there are left out. */
  async get(references: readonly (Reference | MessageKey)[]): Promise<readonly Message[]> {
    const keys = references.map((reference) => (typeof reference === 'string' ? parseReference(reference) : reference));
    const found: Message[] = [];
    for (let first = 0; first < keys.length; first += AT_ONCE) {
      const some = await Promise.all(keys.slice(first, first + AT_ONCE).map((key) => this.#message(key)));
      found.push(...some.filter((message) => message !== undefined));
    }
    return found;
  }

  /** The topics in use, with the last id on each. */
  async topics(): Promise<readonly { readonly topic: string; readonly lastId: GemstoneId }[]> {
    const topics: { readonly topic: string; readonly lastId: GemstoneId }[] = [];
    for (let cursor: string | undefined, isFirst = true; isFirst || cursor !== undefined; isFirst = false) {
      const page: Page<{ topic: string; lastId: GemstoneId }> = await this.#json(`${this.#base}/topics`, {
        query: { cursor },
      });
      topics.push(...page.items);
      cursor = page.next;
    }
    return topics;
  }

  /** The agents that the server knows of, what waits for each, and who reaches whom if it knows the guild. */
  agents(): Promise<GuildView> {
    return this.#json(`${this.#base}/agents`);
  }

  /** What waits, and what is dead, by agent. */
  async stats(): Promise<readonly AgentStats[]> {
    const { items } = await this.agents();
    return items
      .filter(({ subscribed }) => subscribed)
      .map(({ agent, waiting, dead, dropped, oldestAt, paused }) => ({
        agent,
        waiting,
        dead,
        dropped,
        oldestAt,
        paused,
      }));
  }

  /** Nothing is handed to the agent's instances until `resume`; everything is kept. */
  async pause(agent: string): Promise<void> {
    await this.#json(`${this.#base}/agents/${encodeURIComponent(agent)}/pause`, { method: 'POST' });
  }

  async resume(agent: string): Promise<void> {
    await this.#json(`${this.#base}/agents/${encodeURIComponent(agent)}/resume`, { method: 'POST' });
  }

  /** What became of a message for each agent, in alphabetical order, and why. */
  async explain(reference: Reference | MessageKey): Promise<readonly Explanation[]> {
    const { topic, id } = typeof reference === 'string' ? parseReference(reference) : reference;
    const path = `${this.#base}/explain/${encodeURIComponent(topic)}/${encodeURIComponent(id)}`;
    return (await this.#json<{ agents: Explanation[] }>(path)).agents;
  }

  /**
   * A frozen list of dead letters to redrive or discard, or of messages to hand to one agent again; nothing is done before
   * `runPlan`.
   *
   * @example
   * const plan = await client.plan({ action: 'redrive', agent: 'grammar', errorName: 'TypeError' });
   * await client.runPlan(plan.id, { perSecond: 50 });
   */
  async plan(plan: DeadLetterPlan | ReplayPlan): Promise<Plan> {
    return this.#json(`${this.#base}/plans`, { method: 'POST', body: JSON.stringify(toPlanBody(plan)) });
  }

  /** How far a plan is. */
  planOf(id: PlanId): Promise<Plan> {
    return this.#json(`${this.#base}/plans/${encodeURIComponent(id)}`);
  }

  /** Works a plan off; what was done before, also by another process, is not done again. */
  async runPlan(id: PlanId, { perSecond, onProgress, signal = NEVER }: RunPlanOptions = {}): Promise<Plan> {
    const { clock } = this.#parts;
    const path = `${this.#base}/plans/${encodeURIComponent(id)}/run`;
    const max = stepOf(perSecond);
    const body = JSON.stringify({ ...(perSecond !== undefined && { perSecond }), max });
    for (;;) {
      const startedAt = clock.now();
      const plan = await this.#json<Plan>(path, { method: 'POST', body });
      onProgress?.(plan);
      if (plan.finished || signal.aborted) return plan;
      // The server keeps the pace for as long as it answers; what is slower than that is kept here.
      const dueMs = perSecond === undefined ? 0 : (max * 1_000) / perSecond;
      await pause(clock, Math.max(0, startedAt + dueMs - clock.now()), signal);
      if (signal.aborted) return plan;
    }
  }

  /** Whether everything that the server needs can be reached; a server that is not ready says so without an error. */
  health(): Promise<Health> {
    return this.#json('/health/ready', { accept: [503] });
  }

  /** Sends what waits for others. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.flush();
  }

  async #message({ topic, id }: MessageKey): Promise<Message | undefined> {
    try {
      const path = `${this.#base}/messages/${encodeURIComponent(topic)}/${encodeURIComponent(id)}`;
      return await this.#json<Message>(path);
    } catch (error) {
      if (error instanceof ProblemError && error.code === 'NOT_FOUND') return undefined;
      throw error;
    }
  }

  /** What a message weighs, and how it travels: what is too heavy for a server in a function is uploaded beside it. */
  #sent(body: Body) {
    const text = carrying(body);
    const bytes = weightOf(text);
    const json = bytes <= MAX_REQUEST_BYTES ? () => text : () => this.#uploader.uploaded(body);
    return { topic: body.topic, bytes, json };
  }

  #messagesOf(topic: string): string {
    return `${this.#base}/topics/${encodeURIComponent(topic)}/messages`;
  }

  #json<T>(path: string, sending?: Sending): Promise<T> {
    return this.#parts.transport.json(path, sending);
  }
}

/** Entries to ask for at once: what a server does in about a second, so that progress is seen. */
const stepOf = (perSecond: number | undefined) =>
  perSecond === undefined ? PAGE : Math.max(1, Math.min(PAGE, Math.floor(perSecond)));
