/** @module The attempts of one instance that are under way: runs the handlers, and ends what is out of time. */
import type { Lease, Settlement, Spend } from '../backends/backend.ts';
import type { Middleware } from '../bus/middleware/middleware.ts';
import { Alarm } from '../core/alarm.ts';
import { Postponed } from '../core/handler-errors.ts';
import type { Message } from '../core/message.ts';
import { OpenList } from '../core/open-list.ts';
import { Attempt, leaseFields, type Workplace } from './attempt.ts';
import type { Handler } from './define-agent.ts';
import { decodePayload, type Failures, readable } from './failure.ts';
import { HandlerChain } from './handler-chain.ts';
import { LeaseKeeper } from './lease-keeper.ts';

export interface AttemptsOptions {
  readonly at: Workplace;
  /** The guild's, around the handlers of all its agents. */
  readonly use: readonly Middleware[];
  readonly leaseMs: number;
  readonly failures: Failures;
  /** Takes what came of an attempt. @param deadlineAt Unix ms after which it may not take effect as it is. */
  readonly settle: (settlement: Settlement, deadlineAt: number) => void;
  /** Told of an attempt that somebody else has by now, so that there is nothing to settle. */
  readonly onLost: (lease: Lease) => void;
  /** Told that no more deliveries should be taken for a while. */
  readonly onPostponed: (error: Postponed) => void;
}

const NOTHING: readonly never[] = Object.freeze([]);

export class Attempts {
  readonly #options: AttemptsOptions;
  readonly #handlers: ReadonlyMap<string | undefined, Handler>;
  readonly #chain: HandlerChain | undefined;
  readonly #deadlines: Alarm;
  readonly #keeper: LeaseKeeper<Attempt>;
  /** In the order of their deadlines, since all attempts of an agent may take the same time. */
  readonly #open = new OpenList<Attempt>();
  /** Whether the last handler was done when it returned, or nobody knows when it was; whoever looks resets it. */
  hasHandledAtOnce = false;

  constructor(options: AttemptsOptions) {
    const { at, leaseMs } = options;
    this.#options = options;
    this.#handlers = new Map(at.agent.handlers.map((handler) => [handler.format?.name, handler]));
    this.#chain = HandlerChain.of(at, options.use);
    this.#deadlines = new Alarm(at.clock, () => this.#giveUpLate());
    this.#keeper = new LeaseKeeper(at, this.#open, leaseMs, (attempt, error) => this.#onLeaseLost(attempt, error));
  }

  /** Whether there is a handler for messages of the format. */
  handles(format: string): boolean {
    return this.#handlers.has(format) || this.#handlers.has(undefined);
  }

  /** Runs the handler; a handler that does not wait, and has nothing around it, is settled without a promise. */
  run(lease: Lease, history: readonly Message[], now: number, spent: Spend | undefined): void {
    const { at } = this.#options;
    const message = lease.message as Message;
    const handler = (this.#handlers.get(message.format) ?? this.#handlers.get(undefined)) as Handler;
    const deadlineAt = now + at.agent.timeoutMs;
    const attempt = new Attempt(at, lease, message, history, deadlineAt, spent);
    this.#open.add(attempt);
    this.#deadlines.set(deadlineAt);
    this.#keeper.keep(now);
    if (this.#chain !== undefined) {
      this.hasHandledAtOnce = true;
      this.#await(this.#chain.run(attempt, handler), attempt);
      return;
    }
    try {
      const payload = handler.format === undefined ? message.payload : decodePayload(handler.format, message);
      const result = handler.run(payload as never, attempt as never);
      if (isThenable(result)) {
        this.#await(result, attempt);
      } else {
        this.hasHandledAtOnce = true;
        this.#complete(attempt);
      }
    } catch (error) {
      this.#fail(attempt, error);
    }
  }

  /** Hands back what still runs; the handler, if it ever ends, finds that its attempt is over. */
  releaseAll(): void {
    const { failures } = this.#options;
    for (const attempt of this.#open.open()) {
      this.#end(attempt, new Postponed(0, 'the guild stops'), () => failures.handBack(attempt.lease, true));
    }
  }

  /** Resolves when no hook is at work that was told of an error. */
  async idle(): Promise<void> {
    await this.#chain?.idle();
  }

  stop(): void {
    this.#deadlines.cancel();
    this.#keeper.stop();
  }

  #await(result: PromiseLike<void>, attempt: Attempt): void {
    result.then(
      () => this.#complete(attempt),
      (error: unknown) => this.#fail(attempt, error),
    );
  }

  #complete(attempt: Attempt): void {
    if (!attempt.isOpen) return;
    if (attempt.hasState) {
      void this.#completeWithState(attempt);
      return;
    }
    this.#open.close(attempt);
    this.#settle(attempt, { kind: 'completed', lease: attempt.lease, outputs: attempt.end(), state: NOTHING });
  }

  async #completeWithState(attempt: Attempt): Promise<void> {
    try {
      const state = await attempt.state.writes();
      if (!this.#open.close(attempt)) return;
      this.#settle(attempt, { kind: 'completed', lease: attempt.lease, outputs: attempt.end(), state });
    } catch (error) {
      this.#fail(attempt, error);
    }
  }

  #fail(attempt: Attempt, thrown: unknown): void {
    const { failures, onPostponed } = this.#options;
    const error = readable(thrown);
    const reason = error ?? new Error('the attempt failed');
    const isEnded = this.#end(attempt, reason, () => failures.settlement(attempt.lease, error));
    if (isEnded && error instanceof Postponed) onPostponed(error);
  }

  /** False, and nothing happens, if the attempt was ended before. */
  #end(attempt: Attempt, reason: unknown, settlement: () => Settlement): boolean {
    if (!this.#open.close(attempt)) return false;
    attempt.abort(reason);
    this.#settle(attempt, settlement());
    this.#chain?.failed(attempt, reason);
    return true;
  }

  #settle({ spent, deadlineAt }: Attempt, settlement: Settlement): void {
    this.#options.settle(spent === undefined ? settlement : { ...settlement, spent }, deadlineAt);
  }

  /** Ends the attempts that are out of time; when the next one will be. */
  #giveUpLate(): number | undefined {
    const now = this.#options.at.clock.now();
    for (let attempt = this.#open.first(); attempt !== undefined; attempt = this.#open.first()) {
      if (attempt.deadlineAt > now) return attempt.deadlineAt;
      this.#fail(attempt, attempt.timeoutError());
    }
    return undefined;
  }

  /** Somebody else has the delivery by now. */
  #onLeaseLost(attempt: Attempt, error: Error): void {
    if (!this.#open.close(attempt)) return;
    attempt.abort(error);
    this.#options.at.log.warn(`an attempt was ended: ${error.message}`, leaseFields(attempt.lease));
    this.#options.onLost(attempt.lease);
    this.#chain?.failed(attempt, error);
  }
}

function isThenable(value: unknown): value is PromiseLike<void> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
