/** @module What a middleware is: something around the handlers of agents, around publishing, or around both. */
import { type Clock, orAborted, parked, sleep } from '../../core/clock.ts';
import type { FieldFault } from '../../core/errors.ts';
import type { Format } from '../../core/format.ts';
import type { GemstoneId } from '../../core/gemstone-id.ts';
import type { Message } from '../../core/message.ts';
import { show } from '../../core/show.ts';
import type { Log } from '../log.ts';
import type { PublishOptions } from '../publish-options.ts';

/** What both sides of a middleware have. */
interface Passage {
  readonly namespace: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Aborted when nobody waits for the outcome any more; its reason says why. */
  readonly signal: AbortSignal;
  /** Unix ms. */
  now(): number;
  /** Resolves after `ms`; rejects with the reason when the signal aborts. Not while `next` is at work: see `waitFor`. */
  sleep(ms: number): Promise<void>;
  /**
   * What `waiting` gives; rejects with the reason when the signal aborts. For what only the clock or other messages can bring:
   * a virtual clock may move meanwhile, so do not wait so for `next`.
   */
  waitFor<T>(waiting: Promise<T>): Promise<T>;
}

/** One attempt at one delivery, as a middleware sees it. */
export interface Handling extends Passage {
  readonly agent: string;
  readonly message: Message;
  /** Of the handler that will run; undefined for the one that takes any. */
  readonly format: Format | undefined;
  /** Decoded, and as the middleware further out passed it on. */
  readonly payload: unknown;
  /** 1 for the first. */
  readonly attempt: number;
  /** The same for every attempt at this delivery. */
  readonly deliveryKey: string;
  /** Unix ms at which the attempt is given up. */
  readonly deadlineAt: number;
  /** Time left until then, in ms. */
  remainingMs(): number;
}

/** What is to be published; nothing of it has been checked yet. */
export interface Publication {
  readonly topics: string | readonly string[];
  readonly format: Format;
  /** A frozen copy of what was given, as far as that is JSON. */
  readonly payload: unknown;
  readonly options: PublishOptions | undefined;
}

/** One message on its way to the store, as a middleware sees it. */
export interface Publishing extends Publication, Passage {
  /** The id of who publishes. */
  readonly sender: string;
}

export interface Published {
  readonly id: GemstoneId;
  /** Whether it had been published before, under the same idempotency key. */
  readonly duplicate: boolean;
}

/**
 * Runs what is further in, and at last the handler; rejects with what that threw. Each call that reaches the handler is a run
 * with a context of its own, in place of the run before: what that one published and wrote is dropped, and if it is still going
 * on it can do no more.
 *
 * @param payload In place of `handling.payload`; not undefined.
 * @param options.signal Gives up what is further in: it can do no more, and `next` rejects with the reason at once.
 */
export type HandleNext = (payload?: unknown, options?: { readonly signal?: AbortSignal }) => Promise<void>;

/** Goes on with what is further in, and at last checks and stores. @param changes What to publish in place of what was given. */
export type PublishNext = (changes?: Partial<Publication>) => Promise<Published>;

/**
 * Something around handlers (`handle`), publishing (`publish`) or both. Both call `next`, and wait for it, or throw.
 *
 * An agent's `use` takes the side `handle`, a bus's the side `publish`, a guild's both: around the handlers of all its agents,
 * and around what the running guild itself publishes. What a handler publishes is part of its attempt and passes no `publish`.
 *
 * @example
 * const timed = pipeline({
 *   async handle(handling, next) {
 *     const startedAt = handling.now();
 *     await next();
 *     handling.log.info('handled', { ms: handling.now() - startedAt });
 *   },
 * });
 */
export interface Middleware {
  /**
   * Without an error the attempt goes on to commit what the last run decided. To end it otherwise throw: `FilteredError`,
   * `Postponed`, `PermanentError`, or anything else for a failure. Who returns without calling `next` has filtered the delivery.
   */
  handle?(handling: Handling, next: HandleNext): void | Promise<void>;
  /** Gives what `next` gave. */
  publish?(publishing: Publishing, next: PublishNext): Promise<Published>;
}

export type Side = 'handle' | 'publish';

const MISSING = {
  handle: 'has no `handle`, and there is nothing else around an agent: its `publish` belongs in `use` of guild or bus',
  publish: 'has no `publish`, and there is nothing else around a bus: its `handle` belongs in `use` of agent or guild',
} as const;

/** What is wrong with a list of middleware. @param side The one that each must have. @default - either of them */
export function middlewareFaults(use: unknown, side?: Side): FieldFault[] {
  if (!Array.isArray(use)) return [{ field: 'use', problem: `got ${show(use)}: allowed is an array of middleware` }];
  return Array.from(use as readonly unknown[], (middleware, index) => {
    const problem = middlewareProblem(middleware, side);
    return problem === undefined ? [] : [{ field: `use[${index}]`, problem }];
  }).flat();
}

function middlewareProblem(middleware: unknown, side: Side | undefined): string | undefined {
  const { handle, publish } = (middleware ?? {}) as { readonly handle?: unknown; readonly publish?: unknown };
  const given = [handle, publish].filter((part) => part !== undefined);
  if (given.length === 0 || given.some((part) => typeof part !== 'function')) {
    return `got ${show(middleware)}: a middleware is an object with the methods handle, publish or both`;
  }
  if (side === undefined || (side === 'handle' ? handle : publish) !== undefined) return undefined;
  return MISSING[side];
}

type HandlingFacts = Omit<Handling, 'payload' | 'signal' | 'now' | 'sleep' | 'waitFor' | 'remainingMs'>;

/** A handling as a middleware sees it. @param signal Aborted when the attempt, or the part of it further in, is over. */
export function createHandling(facts: HandlingFacts, payload: unknown, signal: AbortSignal): Handling {
  const { agent, namespace, message, format, attempt, deliveryKey, deadlineAt, clock, log } = facts;
  return Object.freeze({
    ...{ agent, namespace, message, format, attempt, deliveryKey, deadlineAt, clock, log, payload, signal },
    now: () => clock.now(),
    remainingMs: () => Math.max(0, deadlineAt - clock.now()),
    sleep: (ms: number) => parked(clock, sleep(clock, ms, signal)),
    waitFor: <T>(waiting: Promise<T>) => parked(clock, orAborted(waiting, signal)),
  });
}

type PublishingFacts = Omit<Publishing, keyof Publication | 'now' | 'sleep' | 'waitFor'>;

/** A publication as a middleware sees it. Programs that publish are no work to the clock, so that their waits are none either. */
export function createPublishing(facts: PublishingFacts, publication: Publication): Publishing {
  const { namespace, sender, clock, log, signal } = facts;
  const { topics, format, payload, options } = publication;
  return Object.freeze({
    ...{ namespace, sender, clock, log, signal, topics, format, payload, options },
    now: () => clock.now(),
    sleep: (ms: number) => sleep(clock, ms, signal),
    waitFor: <T>(waiting: Promise<T>) => orAborted(waiting, signal),
  });
}
