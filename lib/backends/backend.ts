/**
 * @module The backend port: four roles, sixteen methods, none optional; and `uploads`, which most refuse.
 *
 * A backend stores messages, hands out deliveries and keeps what attempts decide. The numbers in the comments are the lines
 * of the delivery contract as the conformance suite of `guildwire/testing` states them.
 *
 * What a backend need not do, because it is done above this port: validating and freezing (a `Draft` is valid and frozen),
 * decoding payloads, drain, throttling, the hop guard. What it may do early, and the layer above repeats: leaving out
 * deliveries that `admission` would refuse.
 *
 * Every method may be called concurrently. A method that a backend cannot fulfil throws `UnsupportedFeatureError`; it is
 * never a silent no-op. While the store cannot be reached, methods reject with `BackendUnavailableError`.
 */
import type { GuildwireError, UndecodableError } from '../core/errors.ts';
import type { Fault } from '../core/fault.ts';
import type { GemstoneId } from '../core/gemstone-id.ts';
import type { Json } from '../core/json.ts';
import type { Draft, Message, MessageKey } from '../core/message.ts';
import type { Features } from './features.ts';
import type { Uploads } from './uploads.ts';

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };
/** Where a page ended; opaque, and bound to its query, so that a foreign one is refused. */
export type Cursor = Branded<'Cursor'>;
/** Names one handing-out of a delivery, so that a consumer that lost it cannot settle it. */
export type LeaseToken = Branded<'LeaseToken'>;
export type PlanId = Branded<'PlanId'>;

/** What became of one entry of a batch. */
export type Outcome<T = unknown> = ({ readonly ok: true } & T) | { readonly ok: false; readonly error: GuildwireError };

/** One agent's interest in topics, in one namespace. Its instances compete for the deliveries. */
export interface Subscription {
  readonly namespace: string;
  readonly agent: string;
  readonly patterns: readonly string[];
  readonly onlyWhenTagged: boolean;
  readonly ordering: 'none' | 'key';
  readonly guarantee: 'at-least-once' | 'at-most-once' | 'exactly-once';
  readonly from: 'now' | 'beginning' | GemstoneId;
}

/** One delivery, held by one consumer until `until` (Unix ms). */
export interface Lease {
  readonly token: LeaseToken;
  readonly agent: string;
  readonly namespace: string;
  readonly until: number;
  /** Undefined if the stored bytes are no message; then `raw` holds them. */
  readonly message: Message | undefined;
  readonly raw: Uint8Array | undefined;
  /** Why there is no message, if the store knows more than that its bytes are none. */
  readonly undecodable?: UndecodableError;
  /** Undefined only if the bytes do not even tell it. */
  readonly key: MessageKey | undefined;
  /** Failed attempts, and start marks without an outcome (D6). */
  readonly attemptsBefore: number;
  readonly firstAttemptAt: number;
  /** Came back without an outcome: `start` it first (D6). */
  readonly returned: boolean;
  /** 0 at first, one more per redrive or replay; part of the delivery's identity. */
  readonly epoch: number;
  readonly cause: 'published' | 'redriven' | 'replayed';
  /** What the root's descendants have spent so far (G2). */
  readonly spent: Spend;
}

export interface Spend {
  readonly usd: number;
  readonly tokens: number;
}

export interface StateWrite {
  readonly key: string;
  /** Undefined deletes. */
  readonly value: Json | undefined;
  /** The version that was read; 0 if there was none. */
  readonly ifVersion: number;
}

/** Why a delivery became a dead letter. */
export type DeadReason =
  | 'failed'
  | 'permanent'
  | 'crashed'
  | 'undecodable'
  | 'hops'
  | 'deadline'
  | 'budget'
  | 'safety-net';
/** Why a delivery ended without its handler. */
export type DropReason = 'expired' | 'duplicate' | 'no-handler' | 'filtered' | 'own' | 'not-tagged';

/**
 * Everything that an attempt decides, in one step: all of it holds or none. If the lease was lost the outcome is a
 * `LeaseLostError` and nothing holds; if a state version moved it is a `StateConflictError`, the lease stays, and the attempt
 * is run again.
 *
 * - `completed`: acknowledges, stores the outputs and writes the state. Outputs are never held back for lack of room.
 * - `retry`: records the fault, counts an attempt, and delivers again after `delayMs`.
 * - `dead`: records the fault, acknowledges, and stores the dead letter with every fault so far (D7).
 * - `dropped`: acknowledges.
 * - `released`: delivers again after `delayMs`, without counting an attempt.
 */
export type Settlement = { readonly lease: Lease; readonly spent?: Spend } & (
  | { readonly kind: 'completed'; readonly outputs: readonly Draft[]; readonly state: readonly StateWrite[] }
  | { readonly kind: 'retry'; readonly delayMs: number; readonly fault: Fault }
  | { readonly kind: 'dead'; readonly reason: DeadReason; readonly fault: Fault }
  | { readonly kind: 'dropped'; readonly reason: DropReason }
  | { readonly kind: 'released'; readonly delayMs: number }
);

/** Which messages: `deadLettersOf` lists those neither redriven nor discarded, while the topic `$dead.<agent>` keeps all. */
export type Where =
  | { readonly topic: string }
  | { readonly pattern: string }
  | { readonly references: readonly MessageKey[] }
  | { readonly thread: GemstoneId }
  | { readonly conversation: string }
  | { readonly agent: string }
  | { readonly deadLettersOf: string };

export interface ReadFilter {
  readonly format?: string;
  /** The sender's id. */
  readonly sender?: string;
  readonly priority?: number;
}

export interface ReadQuery {
  readonly namespace: string;
  readonly where: Where;
  /** `id` and `id-desc` page by id (H1). `arrival` follows the store, skips nothing and waits `waitMs` for more (H2). */
  readonly order: 'id' | 'id-desc' | 'arrival';
  /** The smallest and the greatest id, both inclusive, whatever the order. A point in time is such a boundary as well. */
  readonly from?: GemstoneId;
  readonly to?: GemstoneId;
  /** Goes on behind it, in the direction of reading. */
  readonly after?: Cursor | GemstoneId;
  readonly filter?: ReadFilter;
  readonly limit: number;
  readonly waitMs?: number;
  readonly signal?: AbortSignal;
}

/** `next` is undefined at the end; a page may be short, or empty, and not the last. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next: Cursor | undefined;
}

/** Deliveries of a root and of all that descends from it, each counted once, as it is now. */
export interface Progress {
  /** May be handed out. */
  readonly waiting: number;
  /** In a consumer's hands. */
  readonly running: number;
  /** Failed before, and not in a consumer's hands. */
  readonly retrying: number;
  /** Not yet due, timers aside. */
  readonly delayed: number;
  /** Messages of agents to themselves that are not yet due. */
  readonly timers: number;
  readonly handled: number;
  /** Dead letters that were not redriven, but those that are `halted`. */
  readonly failed: number;
  /** Dead letters for a reason of the root's: too many generations, its deadline, its budget. */
  readonly halted: number;
}

export interface ProgressWait {
  /** 0 answers at once. */
  readonly waitMs: number;
  /** Whether timers are waited for as well. */
  readonly timers: boolean;
}

/** What became of one delivery. */
export interface Fate {
  readonly agent: string;
  readonly topic: string;
  readonly epoch: number;
  /** Handler runs that were begun and counted. */
  readonly attempts: number;
  readonly state: 'waiting' | 'running' | 'retrying' | 'handled' | 'dead' | 'halted' | 'unsubscribed' | DropReason;
}

/**
 * - `redrive`, `discard`: open dead letters of the agent, those of `ids` (their own ids) that pass `filter`, which looks at
 *   the original message and at the last error.
 * - `replay`: messages of the log from `from` to `to`, both inclusive, that the agent's subscription admits.
 */
export type PlanRequest = { readonly namespace: string; readonly agent: string } & (
  | {
      readonly action: 'redrive' | 'discard';
      readonly ids?: readonly GemstoneId[];
      readonly filter?: ReadFilter & { readonly errorName?: string };
    }
  | {
      readonly action: 'replay';
      readonly where: Where;
      readonly from: GemstoneId;
      readonly to: GemstoneId;
      readonly filter?: ReadFilter;
    }
);

export interface Plan {
  readonly id: PlanId;
  readonly namespace: string;
  readonly agent: string;
  readonly action: 'redrive' | 'discard' | 'replay';
  readonly total: number;
  /** Entries that were worked off, the skipped ones included. */
  readonly done: number;
  /** Entries that another plan had redriven or discarded by then, or whose message was no longer kept. */
  readonly skipped: number;
  readonly finished: boolean;
}

export interface AgentStats {
  readonly agent: string;
  /** Deliveries that wait, delayed ones and retries included; where a store cannot tell them apart, those in hand as well. */
  readonly waiting: number;
  /** Dead letters neither redriven nor discarded. */
  readonly dead: number;
  /** Deliveries that ended without their handler, by reason; reasons that never occurred are left out. */
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>;
  /** Unix ms of the oldest message that waits. */
  readonly oldestAt: number | undefined;
  readonly paused: boolean;
}

export interface LeaseRequest {
  readonly agent: string;
  readonly namespaces: readonly string[];
  readonly max: number;
  readonly leaseMs: number;
  /** How long to wait for a first delivery. */
  readonly waitMs: number;
  /** Ends the wait; what was not yet handed out stays. */
  readonly signal?: AbortSignal;
}

/** What was said, readable for good. */
export interface MessageLog {
  /**
   * Stores each draft under all of its topics, or not at all, and queues it for every matching subscription, in one step
   * per draft; the outcomes are in the order of the drafts, and one that fails does not touch the others. IDs are minted in
   * that step. A draft with an idempotency key used within 24 hours (an effect: with its delivery and ordinal) stores nothing
   * and gives the first id, `duplicate: true` (P1-P5). Rejects with `BackendFullError` if there was no room in time.
   *
   * @param nonce Names this call: the backend's own repeats under it (reconnects, SDK retries) store nothing twice.
   */
  append(
    drafts: readonly Draft[],
    nonce: string,
  ): Promise<Outcome<{ readonly id: GemstoneId; readonly duplicate: boolean }>[]>;
  /** Messages with their payloads; what has expired is left out. Never consumes, and what it returns is frozen (H1-H7). */
  read(query: ReadQuery): Promise<Page<Message>>;
  /** The topics in use, in alphabetical order; reserved ones are left out. */
  topics(namespace: string, after?: Cursor): Promise<Page<{ readonly topic: string; readonly lastId: GemstoneId }>>;
}

/** Who gets what, and what became of it. */
export interface Deliveries {
  /** Creates the subscription or, if the agent has one, replaces its patterns and goes on where it was (D3). Idempotent. */
  subscribe(subscription: Subscription): Promise<void>;
  /** Ends the subscription and forgets what waits for it (D18). Idempotent. */
  unsubscribe(namespace: string, agent: string): Promise<void>;
  /** While paused nothing is handed out, and everything is kept (D17). Rejects with `NotFoundError` for who has no subscription. */
  pause(namespace: string, agent: string, paused: boolean): Promise<void>;
  /** Hands out up to `max` deliveries for `leaseMs`, the most urgent first (D5); empty if none came in time. */
  lease(request: LeaseRequest): Promise<readonly Lease[]>;
  /**
   * Right before the handler, only for leases that need it: `returned` ones (writes the start mark, D6), at-most-once ones
   * (acknowledges now; a later `settle` stores only outputs or the dead letter). Refused: the handler is not started.
   */
  start(leases: readonly Lease[]): Promise<Outcome[]>;
  /** Holds the leases for `leaseMs` more from now (D10). */
  extend(leases: readonly Lease[], leaseMs: number): Promise<Outcome<{ readonly until: number }>[]>;
  /** One step for each settlement; the outcomes are in their order. `ids` are those of the outputs (D6-D9). */
  settle(settlements: readonly Settlement[]): Promise<Outcome<{ readonly ids: readonly GemstoneId[] }>[]>;
}

/** Lists of deliveries that are frozen when they are made, and worked off at a chosen pace (D7). */
export interface Recovery {
  /**
   * Freezes what the request names now; nothing is done yet, and what arrives later is not in it. Rejects with
   * `EmptyPlanError` if that is nothing, with `InvalidArgumentError` for an id that is no open dead letter of the agent, and
   * with `NotFoundError` if there is a delivery to come and the agent has no subscription.
   */
  plan(request: PlanRequest): Promise<Plan>;
  /**
   * Works off up to `max` entries, 0 to see how far it is; may be repeated after a crash: no entry is done twice. What is
   * redriven or replayed is a delivery of an epoch of its own: its attempts start again, and it joins its key at the end (D4).
   * Rejects with `NotFoundError` for a plan that is not known.
   */
  runPlan(id: PlanId, options: { readonly max: number }): Promise<Plan>;
}

/** What is known about agents and their work. */
export interface Ledger {
  /** The values of `keys` in their order; version 0 where there is none (S1). */
  state(
    namespace: string,
    agent: string,
    keys: readonly string[],
  ): Promise<readonly { readonly value: Json | undefined; readonly version: number }[]>;
  /**
   * Counts over everything that descends from the root (G3). While something is left to do (timers only if they are waited
   * for) it waits up to `waitMs` for that to end; a backend that cannot tell answers earlier. Rejects with `NotFoundError` if
   * no message of the root is kept.
   */
  progress(namespace: string, root: GemstoneId, wait: ProgressWait): Promise<Progress>;
  /** One entry for each delivery of the message under that topic, by agent and epoch (G4). Rejects with `NotFoundError`. */
  fates(namespace: string, key: MessageKey): Promise<readonly Fate[]>;
  /** One entry for each agent that has a subscription. */
  stats(namespace: string): Promise<readonly AgentStats[]>;
}

export interface Backend extends MessageLog, Deliveries, Recovery, Ledger, AsyncDisposable {
  /** As errors and docs call it. */
  readonly name: string;
  readonly features: Features;
  readonly uploads: Uploads;
}
