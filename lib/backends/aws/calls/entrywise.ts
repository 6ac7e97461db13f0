/** @module Batches whose entries succeed and fail each for themselves, under an answer that says 200. */
import type { GuildwireError } from '../../../core/errors.ts';
import type { Outcome } from '../../backend.ts';
import type { AwsCalls } from './aws-calls.ts';
import { AwsRefusedError, unavailable } from './aws-errors.ts';

/** What SQS and SNS answer to a batch. */
export interface BatchAnswer {
  readonly Successful?: readonly { readonly Id?: string | undefined }[] | undefined;
  readonly Failed?:
    | readonly {
        readonly Id?: string | undefined;
        readonly Code?: string | undefined;
        readonly Message?: string | undefined;
        readonly SenderFault?: boolean | undefined;
      }[]
    | undefined;
}

export interface BatchOptions<Entry> {
  readonly action: string;
  readonly resource: string;
  readonly deadlineAt: number;
  /** What an entry counts of `maxBytes`. */
  readonly bytesOf: (entry: Entry) => number;
  readonly maxBytes: number;
}

const MAX_ENTRIES = 10;
/** Going too fast may be called a fault of the sender, and is none of the entry: it passes. */
const THROTTLED = /throttl/i;

/**
 * The outcome of each entry, in their order. They go in calls of at most ten, one call after the other. An entry that the answer
 * names as throttled or as failed for no fault of ours, or does not name at all, is sent again until the deadline; so is a whole
 * call that failed. Whether such an entry was done before is unknown: only for what may be done twice. Never rejects.
 *
 * @param call Sends entries under the ids given; what it rejects with is the outcome of all of them.
 */
export async function entrywise<Entry>(
  calls: AwsCalls,
  entries: readonly Entry[],
  options: BatchOptions<Entry>,
  call: (batch: readonly (Entry & { readonly Id: string })[]) => Promise<BatchAnswer>,
): Promise<Outcome[]> {
  const { action, resource, deadlineAt } = options;
  const outcomes = new Map<number, Outcome>();
  const why = new Map<number, string>();
  for (let tries = 0; outcomes.size < entries.length; tries++) {
    const open = [...entries.keys()].filter((index) => !outcomes.has(index));
    const goesOn = tries === 0 || (await calls.waitToRepeat(tries, deadlineAt).catch((error: GuildwireError) => error));
    if (goesOn !== true) {
      const told = (index: number) => goesOn || unavailable(new Error(why.get(index)), action, resource);
      for (const index of open) outcomes.set(index, failed(told(index)));
      break;
    }
    for (const batch of batches(open, (index) => options.bytesOf(entries[index] as Entry), options.maxBytes)) {
      const named = batch.map((index) => ({ ...(entries[index] as Entry), Id: `${index}` }));
      const answer = await call(named).catch((error: GuildwireError) => error);
      if (answer instanceof Error) {
        for (const index of batch) outcomes.set(index, failed(answer));
        continue;
      }
      const indexOf = (Id: string | undefined) => batch.find((index) => `${index}` === Id);
      const settle = (Id: string | undefined, outcome: Outcome) => {
        const index = indexOf(Id);
        if (index !== undefined) outcomes.set(index, outcome);
      };
      for (const index of batch) why.set(index, 'the answer did not name the entry');
      for (const { Id } of answer.Successful ?? []) settle(Id, { ok: true });
      for (const { Id, Code, Message, SenderFault } of answer.Failed ?? []) {
        const reason = `${Code}: ${Message}`;
        const index = indexOf(Id);
        if (SenderFault && !THROTTLED.test(Code ?? ''))
          settle(Id, failed(new AwsRefusedError(`${action} on ${resource}`, reason)));
        else if (index !== undefined) why.set(index, reason);
      }
    }
  }
  return [...entries.keys()].map((index) => outcomes.get(index) as Outcome);
}

const failed = (error: GuildwireError): Outcome => ({ ok: false, error });

function batches(
  indexes: readonly number[],
  bytesOf: (index: number) => number,
  maxBytes: number,
): readonly (readonly number[])[] {
  const found: number[][] = [];
  let bytes = 0;
  for (const index of indexes) {
    const size = bytesOf(index);
    const last = found.at(-1);
    if (last === undefined || last.length === MAX_ENTRIES || bytes + size > maxBytes) {
      found.push([index]);
      bytes = size;
    } else {
      last.push(index);
      bytes += size;
    }
  }
  return found;
}
