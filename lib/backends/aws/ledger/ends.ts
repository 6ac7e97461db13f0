/**
 * @module How a delivery ends: in one step with all that its attempt decided. At most one such step of a delivery holds,
 * whoever tries, and however often.
 */
import { randomUUID } from 'node:crypto';
import type { TransactWriteItem } from '@aws-sdk/client-dynamodb';
import {
  BackendUnavailableError,
  type GuildwireError,
  LeaseLostError,
  StateConflictError,
  TooManyOutputsError,
} from '../../../core/errors.ts';
import type { GemstoneId } from '../../../core/gemstone-id.ts';
import { jsonBytes } from '../../../core/json.ts';
import type { Draft } from '../../../core/message.ts';
import { outputsOf, outputsOfState, STATE_OUTPUT_BYTES } from '../../../core/outputs.ts';
import type { StateWrite } from '../../backend.ts';
import { type Attributes, textOf } from '../calls/attribute-values.ts';
import type { AwsCalls } from '../calls/aws-calls.ts';
import type { LogWriter } from '../log/log-writer.ts';
import type { AwsLease } from '../queues/aws-lease.ts';
import { type Commits, isUnavailable, MAX_ENTRIES } from './commit.ts';
import { endEntry } from './delivery-rows.ts';
import { Outputs } from './outputs.ts';
import { stateEntries } from './state.ts';

/** What ends the delivery. */
export interface End {
  /** As the ledger calls it. */
  readonly done: string;
  readonly attempts: number;
  readonly outputs: readonly Draft[];
  readonly state: readonly StateWrite[];
  /** More entries of the step, which need no condition. @param ids Of the outputs. */
  readonly more: (ids: readonly GemstoneId[]) => readonly TransactWriteItem[];
}

export type Ended =
  | { readonly ok: true; readonly ids: readonly GemstoneId[] }
  /** `byOther`: somebody else has ended it, so that it can be acknowledged. */
  | { readonly ok: false; readonly error: GuildwireError; readonly byOther: boolean };

/** Beside the end of the delivery, what it spent, and with tracing a row of its trail. */
export const MAX_OUTPUTS = MAX_ENTRIES - 3;
/**
 * Below the 4 MB of a transaction, whose keys and conditions count as well. So many outputs are below it, as long as what is
 * around the payload of a message is no more than its session state and its headers.
 */
const MAX_BYTES = 3_500_000;
/** Ids that are older are minted anew. */
const TRY_MS = 2_000;

export class Ends {
  readonly #calls: AwsCalls;
  readonly #commits: Commits;
  readonly #log: LogWriter;

  constructor(calls: AwsCalls, commits: Commits, log: LogWriter) {
    this.#calls = calls;
    this.#commits = commits;
    this.#log = log;
  }

  /** @throws BackendUnavailableError if nobody knows by the end of the lease, or of the time for a call, what holds. */
  async end(lease: AwsLease, end: End): Promise<Ended> {
    const { clock, settings } = this.#calls;
    const deadlineAt = lease.triedUntil(this.#calls.deadline());
    const values = end.state.map(({ value }) => (value === undefined ? 0 : jsonBytes(value)));
    const count = sumOf(end.outputs.map(outputsOf)) + sumOf(values.map(outputsOfState));
    if (count > MAX_OUTPUTS) return refused(new TooManyOutputsError(count, MAX_OUTPUTS));
    const stateBytes = sumOf(values);
    const outputs = new Outputs(end.outputs, this.#log);
    /** What each try would have stored: one whose outcome was not known may have been done. */
    const tried = new Map<string, readonly GemstoneId[]>();
    for (let tries = 0; ; tries++) {
      await outputs.prepare();
      const token = randomUUID();
      const now = clock.now();
      const { random } = this.#calls;
      const ids = outputs.ids;
      const state = stateEntries(settings.ledgerTable, { ...lease, now, random }, end.state);
      const row = endEntry(
        { table: settings.ledgerTable, name: lease, now },
        { done: end.done, by: token, attempts: end.attempts, started: lease.startedBy },
      );
      const stored = outputs.entries();
      const entries = [row, ...state, ...stored, ...end.more(ids)];
      const bytes = outputs.bytes + stateBytes;
      if (bytes > MAX_BYTES)
        return refused(new TooManyOutputsError(Math.ceil(bytes / STATE_OUTPUT_BYTES), MAX_OUTPUTS));
      tried.set(token, ids);
      const failed = await this.#try(
        entries,
        token,
        Math.min(deadlineAt, stored.length > 0 ? now + TRY_MS : deadlineAt),
      );
      if (failed === undefined) return { ok: true, ids };
      if (failed === 'unknown') {
        if (await this.#calls.waitToRepeat(tries, deadlineAt)) continue;
        throw unknown(lease);
      }
      const { index, found } = failed;
      if (index === 0) return ownOr(found, tried, lease);
      const write = end.state[index - 1];
      if (write !== undefined) return refused(new StateConflictError(lease.agent, write.key));
      outputs.refused(index - 1 - end.state.length, found);
    }
  }

  async #try(entries: readonly TransactWriteItem[], token: string, deadlineAt: number) {
    try {
      return await this.#commits.commit(entries, { token, deadlineAt });
    } catch (error) {
      if (isUnavailable(error) && !this.#calls.closing.aborted) return 'unknown';
      throw error;
    }
  }
}

const sumOf = (numbers: readonly number[]) => numbers.reduce((sum, each) => sum + each, 0);

const refused = (error: GuildwireError): Ended => ({ ok: false, error, byOther: false });

/** The row says that the delivery has ended: by a try of this very step, or by somebody else. */
function ownOr(
  found: Attributes | undefined,
  tried: ReadonlyMap<string, readonly GemstoneId[]>,
  lease: AwsLease,
): Ended {
  const ids = tried.get(textOf(found, 'by') ?? '');
  if (ids !== undefined) return { ok: true, ids };
  return { ok: false, error: new LeaseLostError(lease.agent), byOther: textOf(found, 'done') !== undefined };
}

const unknown = (lease: AwsLease) =>
  new BackendUnavailableError(
    `it is not known whether what "${lease.agent}" decided was stored: the delivery comes again`,
  );
