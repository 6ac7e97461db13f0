/**
 * @module Entries on their way to SNS: in batches, and for ordered families in rounds, so that no message of a group passes
 * another of it.
 */
import { BackendUnavailableError, GuildwireError } from '../../../core/errors.ts';
import { messageAttributes } from '../../../environment/aws-names.ts';
import type { EncodedEntry } from '../queues/queue-entry.ts';
import { isOwnFault } from './own-fault.ts';
import type { Destination } from './routes.ts';

/** One entry for one topic of SNS. */
export interface Publication extends Destination {
  readonly entry: EncodedEntry;
}

/** What SNS said to each entry of a batch, in their order; undefined where it took it. Rejects if it took none. */
export type PublishBatch = (
  destination: Destination,
  entries: readonly EncodedEntry[],
) => Promise<readonly (GuildwireError | undefined)[]>;

/** https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html: entries, and their bytes with all attributes. */
export const MAX_BATCH = 10;
export const MAX_BATCH_BYTES = 256 * 1024;
/** Batches for one topic that are under way at once. */
export const IN_FLIGHT = 8;
const TYPE = 'String';

/** What the entry weighs in a batch: its body, and name, type and value of each attribute. */
export function entryBytes({ body, attributes }: EncodedEntry): number {
  const named = messageAttributes.map((name) => name.length + TYPE.length + Buffer.byteLength(attributes[name]));
  return named.reduce((sum, bytes) => sum + bytes, Buffer.byteLength(body));
}

export class Publisher {
  readonly #publishBatch: PublishBatch;

  constructor(publishBatch: PublishBatch) {
    this.#publishBatch = publishBatch;
  }

  /** Those that SNS has not confirmed, each with why. Never rejects. */
  async publish(publications: readonly Publication[]): Promise<ReadonlyMap<Publication, GuildwireError>> {
    const failed = new Map<Publication, GuildwireError>();
    const byTopic = Map.groupBy(publications, ({ topicArn }) => topicArn);
    await Promise.all(
      [...byTopic.values()].map((own) =>
        own[0]?.isOrdered ? this.#publishInRounds(own, failed) : this.#publishAll(own, failed),
      ),
    );
    return failed;
  }

  /** One message of each group in a round. A group goes on only when its last one is confirmed, or will never be. */
  async #publishInRounds(publications: readonly Publication[], failed: Map<Publication, GuildwireError>) {
    let groups = [...Map.groupBy(publications, ({ entry }) => entry.groupId).values()];
    for (let round = 0; groups.length > 0; round++) {
      await this.#publishAll(
        groups.map((group) => group[round] as Publication),
        failed,
      );
      groups = groups.filter((group) => {
        const error = failed.get(group[round] as Publication);
        const isHeld = error !== undefined && !isOwnFault(error);
        if (isHeld) for (const later of group.slice(round + 1)) failed.set(later, error);
        return !isHeld && group.length > round + 1;
      });
    }
  }

  async #publishAll(publications: readonly Publication[], failed: Map<Publication, GuildwireError>): Promise<void> {
    const batches = inBatches(publications);
    for (let first = 0; first < batches.length; first += IN_FLIGHT) {
      const inFlight = batches.slice(first, first + IN_FLIGHT);
      await Promise.all(inFlight.map((batch) => this.#publishOnce(batch, failed)));
    }
  }

  async #publishOnce(batch: readonly Publication[], failed: Map<Publication, GuildwireError>): Promise<void> {
    const fail = (publication: Publication, error: GuildwireError) => failed.set(publication, error);
    try {
      const entries = batch.map(({ entry }) => entry);
      const outcomes = await this.#publishBatch(batch[0] as Publication, entries);
      for (const [index, publication] of batch.entries()) {
        const error = index < outcomes.length ? outcomes[index] : new BackendUnavailableError(NO_OUTCOME);
        if (error !== undefined) fail(publication, error);
      }
    } catch (cause) {
      const error = asGuildwireError(cause);
      // Of a call as a whole it is not known whose fault it is.
      if (isOwnFault(error) && batch.length > 1) for (const each of batch) await this.#publishOnce([each], failed);
      else for (const publication of batch) fail(publication, error);
    }
  }
}

const NO_OUTCOME = 'SNS gave no outcome for an entry of a batch: it is published again';

const asGuildwireError = (cause: unknown): GuildwireError =>
  cause instanceof GuildwireError ? cause : new BackendUnavailableError('publishing to SNS failed', { cause });

/** Up to 10 entries each, and no more bytes than SNS takes; in order. */
function inBatches(publications: readonly Publication[]): readonly (readonly Publication[])[] {
  const batches: Publication[][] = [];
  let bytes = 0;
  for (const publication of publications) {
    const own = entryBytes(publication.entry);
    const last = batches.at(-1);
    if (last !== undefined && last.length < MAX_BATCH && bytes + own <= MAX_BATCH_BYTES) {
      last.push(publication);
      bytes += own;
    } else {
      batches.push([publication]);
      bytes = own;
    }
  }
  return batches;
}
