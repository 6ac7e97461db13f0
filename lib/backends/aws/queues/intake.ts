/**
 * @module From what a queue handed out to deliveries for an agent: what is paused goes back, what has ended is acknowledged,
 * what lies in the log is fetched, and the ledger tells of earlier attempts. Without the ledger nothing is handed out.
 */
import { GuildwireError } from '../../../core/errors.ts';
import { faultOf } from '../../../core/fault.ts';
import { HandlerCrashedError } from '../../../core/handler-errors.ts';
import type { ManifestAgent } from '../../../environment/guild-manifest.ts';
import type { Settlement } from '../../backend.ts';
import type { DynamoDBCalls } from '../calls/dynamodb-calls.ts';
import type { Commits } from '../ledger/commit.ts';
import type { Drop, DropCounts } from '../ledger/drop-counts.ts';
import type { Settlements } from '../ledger/settlements.ts';
import type { Switches } from '../ledger/switches.ts';
import type { Trails } from '../ledger/trails.ts';
import type { Acks, GivenBack } from './acks.ts';
import { AwsLease } from './aws-lease.ts';
import { type Content, contentOf, type ReadLog } from './contents.ts';
import type { InHand } from './in-hand.ts';
import { type Candidate, type Known, KnownDeliveries } from './known-deliveries.ts';
import { pauseMs, type Received } from './received.ts';
import { isSuspect, Suspects, type Suspicion } from './suspects.ts';

export interface IntakeOptions {
  readonly dynamodb: DynamoDBCalls;
  readonly commits: Commits;
  readonly acks: Acks;
  readonly inHand: InHand;
  readonly switches: Switches;
  readonly dropCounts: DropCounts;
  readonly settlements: Settlements;
  readonly trails: Trails;
  readonly readLog: ReadLog;
  /** How long what arrives for a paused agent stays in its queue unseen, in ms. */
  readonly pausedMs: number;
}

/** What became of all that was given; the queues know. */
export interface Opened {
  /** May be handled now, in their order. */
  readonly leases: readonly AwsLease[];
  /** Have ended: by an earlier delivery, by their expiry, or by a dead letter that was made of them here. */
  readonly over: readonly Received[];
  /** Come again. */
  readonly back: readonly Received[];
  /** Why some of those could not be opened. */
  readonly problem?: unknown;
}

/** What is to become of one. */
type Verdict =
  | { readonly kind: 'lease'; readonly lease: AwsLease }
  /** It ends here, without its handler. */
  | { readonly kind: 'end'; readonly settlement: Settlement }
  | { readonly kind: 'duplicate' }
  | { readonly kind: 'back'; readonly delayMs: number };

/** What is opened, and what was told of a suspect before. */
type Opening = Candidate & Content & { readonly suspicion: Suspicion | undefined };

/** Behind the end of a lease that somebody else holds. */
const MARGIN_MS = 1_000;
/** Until the ledger is asked once more. */
const UNKNOWN_MS = 5_000;
const DUPLICATE = { kind: 'duplicate' } as const;

export class Intake {
  readonly #options: IntakeOptions;
  readonly #known: KnownDeliveries;
  readonly #suspects: Suspects;

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#suspects = new Suspects(options.dynamodb, options.commits);
    this.#known = new KnownDeliveries(options.dynamodb, options.commits);
  }

  /**
   * Deliveries of those that may be handled now. What becomes of the others is told to their queue. One that cannot be opened
   * comes again later and later, and holds up none of the others.
   *
   * @param toBury They are for no handler, whose pause then does not matter, and whose large payloads are not fetched.
   * @throws BackendUnavailableError if the ledger cannot be reached, or for each of them the log; the queue then hands all out
   *   once more.
   */
  async open(agent: ManifestAgent, received: readonly Received[], { toBury = false } = {}): Promise<Opened> {
    const verdicts = new Map<Received, Verdict>();
    const paused = toBury ? [] : await this.#paused(agent.name, received);
    const putOff: Verdict = { kind: 'back', delayMs: this.#options.pausedMs };
    const reserved: Received[] = [];
    for (const each of received) {
      const verdict = paused.includes(each.entry.namespace) ? putOff : this.#repeated(agent.name, each);
      if (verdict === undefined) reserved.push(each);
      else verdicts.set(each, verdict);
    }
    try {
      const tried = await Promise.allSettled(reserved.map((each) => this.#opening(agent, each, toBury)));
      const failed = tried.find((each) => each.status === 'rejected');
      if (failed !== undefined && !isRefused(failed.reason) && tried.every(({ status }) => status === 'rejected'))
        throw failed.reason;
      for (const each of reserved) verdicts.set(each, { kind: 'back', delayMs: pauseMs(each) });
      const openings = tried.flatMap((each) => (each.status === 'fulfilled' ? each.value : []));
      for (const [each, verdict] of await this.#verdicts(agent, openings)) verdicts.set(each, verdict);
      const opened = await this.#tell(agent.name, received, verdicts);
      return failed === undefined ? opened : { ...opened, problem: failed.reason };
    } finally {
      for (const { entry } of reserved) this.#options.inHand.unreserve({ ...entry, agent: agent.name });
    }
  }

  /** The namespaces in which the agent is paused. */
  async #paused(agent: string, received: readonly Received[]): Promise<readonly string[]> {
    const namespaces = [...new Set(received.map(({ entry }) => entry.namespace))];
    const states = await Promise.all(namespaces.map((namespace) => this.#options.switches.isPaused(namespace, agent)));
    return namespaces.filter((_, index) => states[index]);
  }

  /** If this process has just ended it, or has it in hand by another entry of the queue; if not, it is reserved. */
  #repeated(agent: string, { entry }: Received): Verdict | undefined {
    const { inHand, dynamodb } = this.#options;
    const name = { ...entry, agent };
    if (inHand.hasEnded(name)) return DUPLICATE;
    const now = dynamodb.calls.clock.now();
    const lease = inHand.leaseOf(name);
    if (lease?.holdsAt(now)) return backAt(lease.until, now);
    return inHand.reserve(name) ? undefined : backAt(now, now);
  }

  async #opening(agent: ManifestAgent, received: Received, toBury: boolean): Promise<Opening> {
    const { namespace, key, epoch } = received.entry;
    const name = { namespace, agent: agent.name, key, epoch };
    const suspicion =
      isSuspect(received) && !toBury ? await this.#suspects.begin(name, received, agent.retry.attempts) : undefined;
    try {
      const withPayload = !toBury && (suspicion === undefined || suspicion === 'marked');
      const content = await contentOf(received.entry, this.#options.readLog, withPayload);
      return { ...content, received, name, suspicion };
    } catch (error) {
      if (suspicion === 'marked') await this.#suspects.undo(name, received);
      throw error;
    }
  }

  async #verdicts(agent: ManifestAgent, openings: readonly Opening[]): Promise<ReadonlyMap<Received, Verdict>> {
    const verdicts = new Map<Received, Verdict>();
    try {
      const known = await this.#known.of(agent, openings);
      for (const [index, each] of openings.entries())
        verdicts.set(each.received, this.#verdict(agent, each, known[index]));
      return verdicts;
    } finally {
      const isBack = ({ received }: Opening) => (verdicts.get(received)?.kind ?? 'back') === 'back';
      const unstarted = openings.filter((each) => each.suspicion === 'marked' && isBack(each));
      await Promise.all(unstarted.map(({ name, received }) => this.#suspects.undo(name, received)));
    }
  }

  #verdict(agent: ManifestAgent, opening: Opening, known: Known | undefined): Verdict {
    if (known === undefined) return { kind: 'back', delayMs: UNKNOWN_MS };
    const { row: found, spent, token } = known;
    const { received, content, undecodable, hasExpired, suspicion } = opening;
    const isOwn = (start: number) => suspicion === 'marked' && start === received.receiveCount;
    const row = { ...found, starts: found.starts.filter((start) => !isOwn(start)) };
    const now = this.#options.dynamodb.calls.clock.now();
    if (row.done !== undefined) return DUPLICATE;
    if (agent.lease && row.lease !== undefined && row.lease !== token) return backAt(row.leaseUntil, now);
    // At most once: its consumer may be at it, and nobody else may have it.
    if (row.started !== undefined && row.startedUntil > now) return backAt(row.startedUntil, now);
    const [message, raw] = content instanceof Uint8Array ? [undefined, content] : [content, undefined];
    const { guarantee, lease: isHeldInLedger } = agent;
    const terms = { agent: agent.name, guarantee, isHeldInLedger, token, until: received.until };
    const lease = new AwsLease(received, { message, raw, row, spent, ...(undecodable && { undecodable }) }, terms);
    if (row.started !== undefined) {
      // Whoever started it is gone.
      lease.startedBy = row.started;
      return crashed(lease, 1);
    }
    if (hasExpired) return { kind: 'end', settlement: { kind: 'dropped', lease, reason: 'expired' } };
    if (suspicion === 'spent') return crashed(lease, lease.attemptsBefore + 1);
    // It ended between two looks: when it comes again the ledger says how.
    if (suspicion === 'ended') return backAt(now, now);
    return { kind: 'lease', lease };
  }

  /** Does what the verdicts say. */
  async #tell(agent: string, received: readonly Received[], verdicts: ReadonlyMap<Received, Verdict>): Promise<Opened> {
    const { acks, dropCounts, inHand, settlements, trails } = this.#options;
    const leases: AwsLease[] = [];
    const ends: Settlement[] = [];
    const over: Received[] = [];
    const delayed: GivenBack[] = [];
    for (const each of received) {
      const verdict = verdicts.get(each) as Verdict;
      if (verdict.kind === 'lease') leases.push(verdict.lease);
      else if (verdict.kind === 'end') ends.push(verdict.settlement);
      else if (verdict.kind === 'duplicate') over.push(each);
      else delayed.push({ received: each, delayMs: verdict.delayMs });
    }
    const drops = over.map(({ entry: { namespace } }): Drop => ({ namespace, agent, reason: 'duplicate' }));
    for (const lease of leases) inHand.take(lease);
    const [outcomes] = await Promise.all([
      settlements.settle(ends),
      acks.acknowledge(over),
      acks.giveBack(delayed),
      dropCounts.add(drops),
      trails.running(leases),
    ]);
    const back = delayed.map((each) => each.received);
    for (const [index, { lease }] of ends.entries())
      (outcomes[index]?.ok ? over : back).push(AwsLease.of(lease).received);
    return { leases, over, back };
  }
}

/** What will not go away by itself is wrong with one message; else nothing may be within reach, and more need not be tried. */
const isRefused = (error: unknown) => error instanceof GuildwireError && !error.retryable;

function crashed(lease: AwsLease, attempt: number): Verdict {
  const fault = faultOf(new HandlerCrashedError(lease.agent, attempt));
  return { kind: 'end', settlement: { kind: 'dead', lease, reason: 'crashed', fault } };
}

const backAt = (at: number, now: number): Verdict => ({ kind: 'back', delayMs: Math.max(0, at - now) + MARGIN_MS });
