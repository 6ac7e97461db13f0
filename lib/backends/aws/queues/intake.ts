/**
 * @module From what a queue handed out to deliveries for an agent: what is paused goes back, what has ended is acknowledged,
 * what lies in the log is fetched, and the ledger tells of earlier attempts. Without the ledger nothing is handed out.
 */
import { randomUUID } from 'node:crypto';
import { UndecodableError } from '../../../core/errors.ts';
import { faultOf } from '../../../core/fault.ts';
import { HandlerCrashedError } from '../../../core/handler-errors.ts';
import { type Message, type MessageKey, rootIdOf, toReference } from '../../../core/message.ts';
import { tableAttributes } from '../../../environment/aws-keys.ts';
import type { ManifestAgent } from '../../../environment/guild-manifest.ts';
import { type Attributes, textOf } from '../calls/attribute-values.ts';
import type { DynamoDBCalls } from '../calls/dynamodb-calls.ts';
import type { Commits } from '../ledger/commit.ts';
import { type DeliveryName, leaseEntry, readRow, rowKey } from '../ledger/delivery-rows.ts';
import type { DropCounts } from '../ledger/drop-counts.ts';
import type { Settlements } from '../ledger/settlements.ts';
import { readSpend, spendKey } from '../ledger/spend.ts';
import type { Switches } from '../ledger/switches.ts';
import type { Trails } from '../ledger/trails.ts';
import type { Acks } from './acks.ts';
import { Aside } from './aside.ts';
import { AwsLease } from './aws-lease.ts';
import type { InHand } from './in-hand.ts';
import type { IncomingEntry } from './queue-entry.ts';
import type { Received } from './received.ts';

/** Reads messages of the log by reference; those that are kept, with their payloads. */
export type ReadLog = (namespace: string, keys: readonly MessageKey[]) => Promise<readonly Message[]>;
/** Told of what is not handed out: whether it was acknowledged. */
export type OnSettled = (received: Received, isAcknowledged: boolean) => void;

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

/** One delivery on its way to the agent. */
interface Candidate {
  readonly received: Received;
  readonly name: DeliveryName;
  readonly message: Message | undefined;
  readonly raw: Uint8Array | undefined;
}

/** Behind the end of a lease that somebody else holds. */
const MARGIN_MS = 1_000;

export class Intake {
  readonly #options: IntakeOptions;

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  /**
   * Deliveries of those that may be handled now, in their order. What becomes of the others is told to their queue.
   *
   * @throws BackendUnavailableError if the ledger or the log cannot be reached; the queue then hands all out once more.
   */
  async open(agent: ManifestAgent, received: readonly Received[], onSettled: OnSettled): Promise<readonly AwsLease[]> {
    const aside = new Aside(agent.name);
    const { acks, dropCounts, inHand, trails } = this.#options;
    const unpaused = await this.#unpaused(agent.name, received, aside);
    const fresh = unpaused.filter((each) => !this.#isRepeated(agent.name, each, aside));
    try {
      const candidates = await this.#fetch(agent.name, fresh, aside);
      const leases: AwsLease[] = [];
      for (const lease of await this.#lookUp(agent, candidates, aside)) {
        if (!lease.isAcknowledged) leases.push(lease);
        else onSettled(lease.received, await this.#bury(lease));
      }
      for (const lease of leases) inHand.take(lease);
      await Promise.all([aside.settle(acks, dropCounts, onSettled), trails.running(leases)]);
      return leases;
    } finally {
      for (const { entry } of fresh) inHand.unreserve({ ...entry, agent: agent.name });
    }
  }

  async #unpaused(agent: string, received: readonly Received[], aside: Aside): Promise<readonly Received[]> {
    const { switches, pausedMs } = this.#options;
    const namespaces = [...new Set(received.map(({ entry }) => entry.namespace))];
    const states = await Promise.all(namespaces.map((namespace) => switches.isPaused(namespace, agent)));
    const paused = new Set(namespaces.filter((_, index) => states[index]));
    return received.filter((each) => {
      const isPaused = paused.has(each.entry.namespace);
      if (isPaused) aside.giveBack(each, pausedMs);
      return !isPaused;
    });
  }

  /** Whether this process has just ended it, or has it in hand by another entry of the queue; if not, it is reserved. */
  #isRepeated(agent: string, received: Received, aside: Aside): boolean {
    const { inHand, dynamodb } = this.#options;
    const name = { ...received.entry, agent };
    if (inHand.hasEnded(name)) {
      aside.drop(received, 'duplicate');
      return true;
    }
    const now = dynamodb.calls.clock.now();
    const lease = inHand.leaseOf(name);
    const isHeld = lease?.holdsAt(now) === true;
    if (!isHeld && inHand.reserve(name)) return false;
    aside.giveBack(received, isHeld ? lease.until - now + MARGIN_MS : MARGIN_MS);
    return true;
  }

  /** With the messages that were too large for the queue. Those that are kept no longer have expired. */
  async #fetch(agent: string, received: readonly Received[], aside: Aside): Promise<readonly Candidate[]> {
    const inLog = received.filter(({ entry }) => entry.content === 'log');
    const found = new Map<Received, Message | Uint8Array | undefined>();
    await Promise.all(inLog.map(async (each) => found.set(each, await this.#read(each.entry))));
    return received.flatMap((each): readonly Candidate[] => {
      const { namespace, key, epoch } = each.entry;
      const name = { namespace, agent, key, epoch };
      const content = each.entry.content === 'log' ? found.get(each) : each.entry.content;
      if (content instanceof Uint8Array) return [{ received: each, name, message: undefined, raw: content }];
      if (content !== undefined) return [{ received: each, name, message: content, raw: undefined }];
      aside.drop(each, 'expired');
      return [];
    });
  }

  /** One whose payload is gone, or is not what was set aside, can never be handled: all that is left of it is its name. */
  async #read({ namespace, key }: IncomingEntry): Promise<Message | Uint8Array | undefined> {
    try {
      const [message] = await this.#options.readLog(namespace, [key]);
      return message;
    } catch (error) {
      if (error instanceof UndecodableError) return Buffer.from(toReference(key));
      throw error;
    }
  }

  /** What the ledger knows of them. Those that have ended are over; at most once, so are those that were started. */
  async #lookUp(agent: ManifestAgent, candidates: readonly Candidate[], aside: Aside): Promise<readonly AwsLease[]> {
    const { dynamodb } = this.#options;
    const isAsked = ({ received }: Candidate) =>
      !agent.lease && (agent.guarantee !== 'at-least-once' || received.receiveCount > 1);
    const rowKeys = candidates.filter(isAsked).map(({ name }) => rowKey(name));
    const spendKeys = candidates.flatMap(({ message }) => (message?.budget === undefined ? [] : [spendKeyOf(message)]));
    const keys = [...byPartition([...rowKeys, ...spendKeys]).values()];
    const rows = byPartition(await dynamodb.batchGet(dynamodb.calls.settings.ledgerTable, keys));
    const leases = await Promise.all(candidates.map((candidate) => this.#leaseOf(agent, candidate, rows, aside)));
    return leases.filter((lease) => lease !== undefined);
  }

  async #leaseOf(
    agent: ManifestAgent,
    { received, name, message, raw }: Candidate,
    rows: ReadonlyMap<string, Attributes>,
    aside: Aside,
  ): Promise<AwsLease | undefined> {
    const { clock } = this.#options.dynamodb.calls;
    const token = randomUUID();
    const { until } = received;
    const found = agent.lease ? await this.#take(name, token, received) : rows.get(partitionOf(rowKey(name)));
    const row = readRow(found, clock.now());
    if (row.done !== undefined) {
      aside.drop(received, 'duplicate');
      return undefined;
    }
    if (agent.lease && row.lease !== undefined && row.lease !== token) {
      aside.giveBack(received, Math.max(0, row.leaseUntil - clock.now()) + MARGIN_MS);
      return undefined;
    }
    const spent = readSpend(message?.budget === undefined ? undefined : rows.get(partitionOf(spendKeyOf(message))));
    const terms = { agent: agent.name, guarantee: agent.guarantee, isHeldInLedger: agent.lease, token, until };
    const lease = new AwsLease(received, { message, raw, row, spent }, terms);
    lease.startedBy = row.started;
    return lease;
  }

  /** Takes the lease in the ledger; the row as it then is, or as whoever has it left it. */
  async #take(name: DeliveryName, token: string, received: Received): Promise<Attributes | undefined> {
    const { commits, dynamodb } = this.#options;
    const { calls } = dynamodb;
    const { ledgerTable } = calls.settings;
    const entry = leaseEntry({ table: ledgerTable, name, now: calls.clock.now() }, token, received.until);
    const failed = await commits.commit([entry], { token, deadlineAt: Math.min(calls.deadline(), received.until) });
    if (failed !== undefined) return failed.found;
    if (received.receiveCount === 1) return undefined;
    const [row] = await dynamodb.batchGet(ledgerTable, [rowKey(name)]);
    return row;
  }

  /** At most once: whoever started it is gone, and nobody may have it again. */
  #bury(lease: AwsLease): Promise<boolean> {
    return this.#options.settlements.bury(lease, 'crashed', faultOf(new HandlerCrashedError(lease.agent, 1)));
  }
}

const spendKeyOf = (message: Message) => spendKey(message.namespace, rootIdOf(message));
const partitionOf = (row: Attributes) => textOf(row, tableAttributes.partition) ?? '';
const byPartition = (rows: readonly Attributes[]) => new Map(rows.map((row) => [partitionOf(row), row]));
