/** @module A handler with what stands around it: the hooks of its agent, the middleware of the guild and of the agent. */
import { createHandling, type HandleNext, type Handling, type Middleware } from '../bus/middleware/middleware.ts';
import { pipeline } from '../bus/middleware/pipeline.ts';
import { type Clock, orAborted } from '../core/clock.ts';
import { AttemptEndedError } from '../core/errors.ts';
import { faultOf } from '../core/fault.ts';
import { type Attempt, leaseFields, type Workplace } from './attempt.ts';
import type { Handler } from './define-agent.ts';
import { decodePayload, thrownOf } from './failure.ts';
import type { AnyHooks } from './hooks.ts';

export class HandlerChain {
  readonly #hooks: AnyHooks;
  readonly #middleware: Middleware | undefined;
  readonly #at: Workplace;
  readonly #clock: Clock;
  /** Hooks that were told of an error, and are not yet done. */
  readonly #told = new Set<Promise<void>>();

  /** Undefined where nothing stands around the handlers of the agent, so that it costs nothing. */
  static of(at: Workplace, outer: readonly Middleware[]): HandlerChain | undefined {
    const { use, hooks } = at.agent;
    const all = [...outer, ...use].filter(({ handle }) => handle !== undefined);
    if (all.length === 0 && Object.keys(hooks).length === 0) return undefined;
    return new HandlerChain(at, all.length === 0 ? undefined : pipeline(...all));
  }

  constructor(at: Workplace, middleware: Middleware | undefined) {
    this.#at = at;
    this.#clock = at.clock;
    this.#hooks = at.agent.hooks;
    this.#middleware = middleware;
  }

  /** Resolves when the attempt may complete; rejects with what it failed with, or with why it was ended from outside. */
  async run(attempt: Attempt, handler: Handler): Promise<void> {
    const { before, after } = this.#hooks;
    if (before !== undefined) await orAborted(called(before, attempt), attempt.signal);
    const payload = decoded(handler, attempt);
    if (this.#middleware === undefined) await handler.run(payload as never, attempt as never);
    else await this.#runThrough(this.#middleware, attempt, handler, payload);
    attempt.signal.throwIfAborted();
    if (after !== undefined) await called(after, attempt);
  }

  /** The attempt has ended otherwise. */
  failed(attempt: Attempt, error: unknown): void {
    const { onError } = this.#hooks;
    if (onError === undefined) return;
    this.#clock.beginWork();
    const told = called(onError, attempt, thrownOf(error))
      .catch((thrown: unknown) => {
        this.#at.log.error('the hook onError failed', { ...leaseFields(attempt.lease), error: faultOf(thrown) });
      })
      .finally(() => {
        this.#clock.endWork();
        this.#told.delete(told);
      });
    this.#told.add(told);
  }

  /** Resolves when nobody who was told of an error is still at work. */
  async idle(): Promise<void> {
    while (this.#told.size > 0) await Promise.all(this.#told);
  }

  async #runThrough(middleware: Middleware, attempt: Attempt, handler: Handler, payload: unknown): Promise<void> {
    const over = new AbortController();
    const handling = this.#handlingOf(attempt, handler, payload, over.signal);
    const onAbort = () => over.abort(attempt.signal.reason);
    attempt.signal.addEventListener('abort', onAbort, { once: true });
    let last: Run | undefined;
    const next: HandleNext = (given, { signal = over.signal } = {}) => {
      // A handler may change what it gets, so what was decoded for one run is not for another.
      const fresh = last !== undefined && given === payload ? decoded(handler, attempt) : given;
      last?.abort(new AttemptEndedError(attempt.agent, 'next again'));
      last = new Run(attempt.fork(), signal);
      return last.begin(handler, fresh);
    };
    try {
      await middleware.handle?.(handling, next);
      if (last?.hasSucceeded) attempt.adopt(last.context);
    } finally {
      last?.release();
      attempt.signal.removeEventListener('abort', onAbort);
      over.abort(new AttemptEndedError(attempt.agent, 'what its middleware left behind'));
    }
  }

  #handlingOf(attempt: Attempt, { format }: Handler, payload: unknown, signal: AbortSignal): Handling {
    const { agent, namespace, message, deliveryKey, deadlineAt, log } = attempt;
    const { clock } = this.#at;
    const facts = { agent, namespace, message, format, attempt: attempt.attempt, deliveryKey, deadlineAt, log, clock };
    return createHandling(facts, payload, signal);
  }
}

/** One run of a handler within an attempt. */
class Run {
  readonly context: Attempt;
  hasSucceeded = false;
  readonly #over = new AbortController();
  readonly #signal: AbortSignal;
  readonly #onAbort = () => this.abort(this.#signal.reason);

  /** @param signal Ends it. */
  constructor(context: Attempt, signal: AbortSignal) {
    this.context = context;
    this.#signal = signal;
  }

  /** Rejects if it is ended before; it may be undone until it is released. */
  async begin(handler: Handler, payload: unknown): Promise<void> {
    this.#signal.addEventListener('abort', this.#onAbort, { once: true });
    try {
      await orAborted(called(handler.run, payload, this.context), this.#over.signal);
      this.#over.signal.throwIfAborted();
      this.hasSucceeded = true;
      this.context.end();
    } catch (error) {
      this.abort(error);
      throw error;
    }
  }

  /** It can decide and publish no more, and what it has decided does not count. */
  abort(reason: unknown): void {
    if (this.#over.signal.aborted) return;
    this.hasSucceeded = false;
    this.context.abort(reason);
    this.#over.abort(reason);
  }

  /** What it has decided stands. */
  release(): void {
    if (this.hasSucceeded) this.#signal.removeEventListener('abort', this.#onAbort);
  }
}

function decoded({ format }: Handler, { message }: Attempt): unknown {
  return format === undefined ? message.payload : decodePayload(format, message);
}

/** What it throws at once is thrown later, like the rest. */
async function called(run: (...given: never[]) => void | Promise<void>, ...given: readonly unknown[]): Promise<void> {
  await run(...(given as never[]));
}
