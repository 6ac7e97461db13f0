/**
 * @module Large deliveries that came back without an outcome: fetching and parsing them may be what ended the process. They are
 * marked as started before that, so that they end like those whose handler ends it (D6), and not by a thousand receipts.
 */
import { randomUUID } from 'node:crypto';
import type { TransactWriteItem } from '@aws-sdk/client-dynamodb';
import { GuildwireError } from '../../../core/errors.ts';
import type { DynamoDBCalls } from '../calls/dynamodb-calls.ts';
import type { Commits } from '../ledger/commit.ts';
import { type DeliveryName, readRow, rowKey, startEntry, unstartEntry } from '../ledger/delivery-rows.ts';
import type { Received } from './received.ts';

/** As JSON. Less leaves the smallest function alive, however it is parsed. */
const LARGE_BYTES = 1024 * 1024;

/** It lies in the log, is large or of a size that is not known, and was handed out before. */
export function isSuspect({ receiveCount, entry: { content, bytes = LARGE_BYTES } }: Received): boolean {
  return receiveCount > 1 && content === 'log' && bytes >= LARGE_BYTES;
}

/** `spent` has no attempt left; `ended` may not be started any more. */
export type Suspicion = 'marked' | 'spent' | 'ended';

export class Suspects {
  readonly #dynamodb: DynamoDBCalls;
  readonly #commits: Commits;

  constructor(dynamodb: DynamoDBCalls, commits: Commits) {
    this.#dynamodb = dynamodb;
    this.#commits = commits;
  }

  /**
   * Marks its start, unless that would be one more than its attempts.
   *
   * @throws BackendUnavailableError
   */
  async begin(name: DeliveryName, received: Received, attempts: number): Promise<Suspicion> {
    const { clock } = this.#dynamodb.calls;
    const [found] = await this.#dynamodb.batchGet(this.#table, [rowKey(name)]);
    const { faults, starts } = readRow(found, clock.now());
    if (faults.length + starts.length >= attempts) return 'spent';
    const failed = await this.#write(startEntry(this.#step(name), received.receiveCount), received);
    return failed === undefined ? 'marked' : 'ended';
  }

  /** It was not started after all. What cannot be told counts as a start. */
  async undo(name: DeliveryName, received: Received): Promise<void> {
    try {
      await this.#write(unstartEntry(this.#step(name), received.receiveCount), received);
    } catch (error) {
      if (!(error instanceof GuildwireError)) throw error;
    }
  }

  #write(entry: TransactWriteItem, { until }: Received) {
    const deadlineAt = Math.min(this.#dynamodb.calls.deadline(), until);
    return this.#commits.commit([entry], { token: randomUUID(), deadlineAt });
  }

  #step(name: DeliveryName) {
    return { table: this.#table, name, now: this.#dynamodb.calls.clock.now() };
  }

  get #table(): string {
    return this.#dynamodb.calls.settings.ledgerTable;
  }
}
