/** @module Publishing through middleware: what is given goes from the outermost to the store, each message by itself. */
import type { Backend, Outcome } from '../backends/backend.ts';
import type { Clock } from '../core/clock.ts';
import { BackendUnavailableError, GuildwireError } from '../core/errors.ts';
import { MiddlewareFailedError } from '../core/handler-errors.ts';
import { copyJson } from '../core/json.ts';
import type { Draft } from '../core/message.ts';
import type { Drafts } from './drafts.ts';
import type { Log } from './log.ts';
import { createPublishing, type Middleware, type Publication, type Published } from './middleware/middleware.ts';
import { pipeline } from './middleware/pipeline.ts';

export interface PublishChainOptions {
  readonly publish: NonNullable<Middleware['publish']>;
  readonly backend: Backend;
  readonly drafts: Drafts;
  readonly namespace: string;
  readonly sender: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly nonce: () => string;
}

/** A draft on its way to the store. */
interface Waiting {
  readonly draft: Draft;
  readonly settle: (outcome: Outcome<Published>) => void;
  readonly fail: (error: unknown) => void;
}

type PublicationLike = Omit<Publication, 'options'> & Partial<Publication>;

/** In place of an entry that is not there, for publishing to refuse. */
const NO_ENTRY = {} as Publication;

export class PublishChain {
  readonly #options: PublishChainOptions;
  #waiting: Waiting[] = [];
  #closing = new AbortController();

  /** Undefined where nothing stands around publishing, so that it costs nothing. */
  static of(use: readonly Middleware[], options: Omit<PublishChainOptions, 'publish'>): PublishChain | undefined {
    if (use.length === 0) return undefined;
    const { publish } = pipeline(...use);
    return publish === undefined ? undefined : new PublishChain({ ...options, publish });
  }

  constructor(options: PublishChainOptions) {
    this.#options = options;
  }

  /** Copied first: whoever publishes may change what it gave while a middleware waits. */
  async publish(given: Publication, signal?: AbortSignal): Promise<Published> {
    const { publish, namespace, sender, clock, log } = this.#options;
    const closing = this.#closing.signal;
    const over = signal === undefined ? closing : AbortSignal.any([closing, signal]);
    const publication = {
      topics: frozen(given.topics),
      format: given.format,
      payload: frozen(given.payload),
      options: frozen(given.options),
    };
    const publishing = createPublishing({ namespace, sender, clock, log, signal: over }, publication);
    const store = (changes: Partial<Publication> = publication) => this.#store({ ...publication, ...changes });
    return publish(publishing, store);
  }

  /** One outcome each, in their order. */
  publishMany(entries: readonly (PublicationLike | undefined)[]): Promise<Outcome<Published>[]> {
    return Promise.all(
      entries.map(async (entry): Promise<Outcome<Published>> => {
        try {
          const { topics, format, payload, options } = entry ?? NO_ENTRY;
          return { ok: true, ...(await this.publish({ topics, format, payload, options })) };
        } catch (cause) {
          if (cause instanceof GuildwireError) return { ok: false, error: cause };
          const problem = 'a middleware threw, and whether the message was stored is not known: see the cause';
          return { ok: false, error: new MiddlewareFailedError(problem, { cause }) };
        }
      }),
    );
  }

  /** Gives up what waits in a middleware. */
  close(): void {
    this.#closing.abort(new BackendUnavailableError('the bus was closed before the message was stored'));
    this.#closing = new AbortController();
  }

  async #store({ topics, format, payload, options }: Publication): Promise<Published> {
    const draft = this.#options.drafts.create(topics, format, payload, options);
    const { promise, resolve, reject } = Promise.withResolvers<Outcome<Published>>();
    // Those of one microtask go in one call, in their order, as without middleware.
    if (this.#waiting.length === 0) queueMicrotask(() => void this.#append());
    this.#waiting.push({ draft, settle: resolve, fail: reject });
    const outcome = await promise;
    if (!outcome.ok) throw outcome.error;
    return { id: outcome.id, duplicate: outcome.duplicate };
  }

  async #append(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    try {
      const drafts = waiting.map(({ draft }) => draft);
      const outcomes = await this.#options.backend.append(drafts, this.#options.nonce());
      for (const [index, { settle, fail }] of waiting.entries()) {
        const outcome = outcomes[index];
        if (outcome === undefined) fail(new Error('the backend gave no outcome'));
        else settle(outcome);
      }
    } catch (error) {
      for (const { fail } of waiting) fail(error);
    }
  }
}

/** A frozen copy if it is JSON; what is not is left for publishing to refuse, or for a format of the user's own. */
function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  try {
    const faults: never[] = [];
    const copied = copyJson(value, '', faults);
    return faults.length === 0 ? (copied as T) : value;
  } catch {
    return value;
  }
}
