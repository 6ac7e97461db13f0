/**
 * @module The backend port: four roles, sixteen methods, none optional.
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
import type { GuildwireError } from '../core/errors.ts';
import type { Fault } from '../core/fault.ts';
import type { GemstoneId } from '../core/gemstone-id.ts';
import type { Json } from '../core/json.ts';
import type { Draft, Message, MessageKey } from '../core/message.ts';

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };
/** Where a page ended; opaque, and bound to its query, so that a foreign one is refused. */
export type Cursor = Branded<'Cursor'>;
/** Names one handing-out of a delivery, so that a consumer that lost it cannot settle it. */
export type LeaseToken = Branded<'LeaseToken'>;
export type PlanId = Branded<'PlanId'>;

/** What became of one entry of a batch. */
export type Outcome<T = unknown> = ({ readonly ok: true } & T) | { readonly ok: false; readonly error: GuildwireError };

/**
 * What a backend can do. A capability that is missing throws `UnsupportedFeatureError` when it is asked for; a number is a
 * degree that tests use and docs print, and going beyond a maximum has an error of its own.
 */
export interface Features {
  /** Whether `subscribe` creates subscriptions; where a deployment declares them it only checks. */
  readonly runtimeSubscriptions: boolean;
  readonly startFrom: readonly ('now' | 'beginning' | 'id')[]; // D3
  readonly orderingByKey: boolean; // D4
  readonly priorities: 'strict' | 'lanes' | 'none'; // D5
  readonly plans: boolean; // D7
  readonly guarantees: readonly ('at-least-once' | 'at-most-once' | 'exactly-once')[]; // D8
  /** Longest delay, and how late a delayed message may come. */
  readonly maxDelayMs: number; // D11
  readonly delayPrecisionMs: number; // D11
  readonly pausing: boolean; // D17
  /** How far back a tail must read again; 0 where the order of arrival is the order of ids. */
  readonly tailHorizonMs: number; // H2
  readonly tailing: boolean; // H2
  readonly progress: boolean; // G3, G4
  readonly minLeaseMs: number;
  /** How long after its lease ran out a delivery may wait for the next consumer. */
  readonly takeoverMs: number; // D10
  readonly pauseDelayMs: number; // D17
  /** How long a subscription may be away without losing anything. */
  readonly maxAwayMs: number; // D2
  /** Messages that one attempt may publish. */
  readonly maxOutputs: number; // D9
  /** Payloads above it are set aside as attachments; above this port a message always has its payload. */
  readonly maxInlineBytes: number;
  readonly maxPayloadBytes: number;
  /** Whether virtual time reaches leases and delays. */
  readonly clock: 'injected' | 'store';
}

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

export interface Progress {
  readonly waiting: number;
  readonly running: number;
  readonly retrying: number;
  readonly delayed: number;
  readonly timers: number;
  readonly handled: number;
  readonly failed: number;
  readonly halted: number;
}

/** What became of one delivery. */
export interface Fate {
  readonly agent: string;
  readonly topic: string;
  readonly epoch: number;
  readonly attempts: number;
  readonly state:
    | 'waiting'
    | 'running'
    | 'retrying'
    | 'handled'
    | 'dead'
    | 'halted'
    | 'expired'
    | 'duplicate'
    | 'no-handler'
    | 'unsubscribed';
}

export type PlanRequest = { readonly namespace: string; readonly agent: string } & (
  | {
      readonly action: 'redrive' | 'discard';
      readonly ids?: readonly GemstoneId[];
      readonly filter?: ReadFilter & { readonly errorName?: string };
    }
  | { readonly action: 'replay'; readonly where: Where; readonly from: GemstoneId; readonly to: GemstoneId }
);

export interface Plan {
  readonly id: PlanId;
  readonly action: 'redrive' | 'discard' | 'replay';
  readonly total: number;
  readonly done: number;
  readonly finished: boolean;
}

export interface AgentStats {
  readonly agent: string;
  /** Deliveries that wait, delayed ones and retries included. */
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
  /** While paused nothing is handed out, and everything is kept (D17). */
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
  plan(request: PlanRequest): Promise<Plan>;
  /** Works off up to `max` entries. May be repeated after a crash: no entry is done twice. */
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
  /** Counts over everything that descends from the root; waits up to `waitMs` for a change (G3). */
  progress(namespace: string, root: GemstoneId, waitMs: number): Promise<Progress>;
  fates(namespace: string, key: MessageKey): Promise<readonly Fate[]>; // G4
  /** One entry for each agent that has a subscription. */
  stats(namespace: string): Promise<readonly AgentStats[]>;
}

export interface Backend extends MessageLog, Deliveries, Recovery, Ledger, AsyncDisposable {
  /** As errors and docs call it. */
  readonly name: string;
  readonly features: Features;
}
