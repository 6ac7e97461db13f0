/** @module What the ledger knows of deliveries that are about to be opened; for agents that have one, their lease is taken in it. */
import { randomUUID } from 'node:crypto';
import { type Message, rootIdOf } from '../../../core/message.ts';
import { tableAttributes } from '../../../environment/aws-keys.ts';
import type { ManifestAgent } from '../../../environment/guild-manifest.ts';
import type { Spend } from '../../backend.ts';
import { type Attributes, textOf } from '../calls/attribute-values.ts';
import type { DynamoDBCalls } from '../calls/dynamodb-calls.ts';
import type { Commits } from '../ledger/commit.ts';
import {
  type DeliveryName,
  type DeliveryRow,
  hasExpired,
  leaseEntry,
  readRow,
  renewEntry,
  rowKey,
} from '../ledger/delivery-rows.ts';
import { readSpend, spendKey } from '../ledger/spend.ts';
import type { Received } from './received.ts';

/** One delivery on its way to the agent. */
export interface Candidate {
  readonly received: Received;
  readonly name: DeliveryName;
  readonly content: Message | Uint8Array;
}

export interface Known {
  readonly row: DeliveryRow;
  /** By the descendants of the message's root. */
  readonly spent: Spend;
  /** Names the lease, in the ledger as well if it was taken there: then the row has it. */
  readonly token: string;
}

type Rows = ReadonlyMap<string, Attributes>;

export class KnownDeliveries {
  readonly #dynamodb: DynamoDBCalls;
  readonly #commits: Commits;

  constructor(dynamodb: DynamoDBCalls, commits: Commits) {
    this.#dynamodb = dynamodb;
    this.#commits = commits;
  }

  /**
   * In the order of the candidates, undefined for those whose lease the ledger could not be asked for. A delivery that is
   * received for the first time is looked up only if its guarantee needs it, or a plan may have delivered it twice.
   *
   * @throws BackendUnavailableError if nothing is known of any.
   */
  async of(agent: ManifestAgent, candidates: readonly Candidate[]): Promise<readonly (Known | undefined)[]> {
    const isAsked = ({ received, name }: Candidate) =>
      !agent.lease && (agent.guarantee !== 'at-least-once' || name.epoch > 0 || received.receiveCount > 1);
    const rowKeys = candidates.filter(isAsked).map(({ name }) => rowKey(name));
    const spendKeys = candidates.flatMap(({ content }) => (hasBudget(content) ? [spendKeyOf(content)] : []));
    const keys = [...byPartition([...rowKeys, ...spendKeys]).values()];
    const rows = byPartition(await this.#dynamodb.batchGet(this.#table, keys));
    const known = await Promise.allSettled(candidates.map((candidate) => this.#known(agent, candidate, rows)));
    const failed = known.find((each) => each.status === 'rejected');
    // Those whose lease was taken in the ledger could not be had again before it ends.
    if (failed !== undefined && known.every(({ status }) => status === 'rejected')) throw failed.reason;
    return known.map((each) => (each.status === 'fulfilled' ? each.value : undefined));
  }

  async #known(agent: ManifestAgent, { received, name, content }: Candidate, rows: Rows): Promise<Known> {
    const { clock } = this.#dynamodb.calls;
    const token = randomUUID();
    const found = agent.lease ? await this.#take(name, token, received) : rows.get(partitionOf(rowKey(name)));
    if (hasExpired(found, clock.now())) await this.#renew(name, received);
    const spent = readSpend(hasBudget(content) ? rows.get(partitionOf(spendKeyOf(content))) : undefined);
    return { row: readRow(found, clock.now()), spent, token };
  }

  /** Takes the lease in the ledger; the row as it then is, or as whoever has it left it. */
  async #take(name: DeliveryName, token: string, received: Received): Promise<Attributes | undefined> {
    const now = this.#dynamodb.calls.clock.now();
    const entry = leaseEntry({ table: this.#table, name, now }, token, received.until);
    const failed = await this.#commits.commit([entry], { token, deadlineAt: this.#deadline(received) });
    if (hasExpired(failed?.found, now)) {
      await this.#renew(name, received);
      return this.#take(name, token, received);
    }
    if (failed !== undefined) return failed.found;
    if (received.receiveCount === 1) return undefined;
    const [row] = await this.#dynamodb.batchGet(this.#table, [rowKey(name)]);
    return row;
  }

  /** What a row said that has expired must not count again once something is added to it. */
  async #renew(name: DeliveryName, received: Received): Promise<void> {
    const entry = renewEntry({ table: this.#table, name, now: this.#dynamodb.calls.clock.now() });
    await this.#commits.commit([entry], { token: randomUUID(), deadlineAt: this.#deadline(received) });
  }

  #deadline({ until }: Received): number {
    return Math.min(this.#dynamodb.calls.deadline(), until);
  }

  get #table(): string {
    return this.#dynamodb.calls.settings.ledgerTable;
  }
}

const spendKeyOf = (message: Message) => spendKey(message.namespace, rootIdOf(message));
const hasBudget = (content: Message | Uint8Array): content is Message =>
  !(content instanceof Uint8Array) && content.budget !== undefined;
const partitionOf = (row: Attributes) => textOf(row, tableAttributes.partition) ?? '';
const byPartition = (rows: readonly Attributes[]) => new Map(rows.map((row) => [partitionOf(row), row]));
