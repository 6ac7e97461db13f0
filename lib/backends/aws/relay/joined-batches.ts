/**
 * @module Publications that come one by one, on their way to SNS in few calls: what comes while a call is under way goes
 * together when it is back, and ten go at once.
 */
import type { GuildwireError } from '../../../core/errors.ts';
import { IN_FLIGHT, MAX_BATCH, type Publication, type Publisher } from './publisher.ts';

interface Waiting {
  readonly publication: Publication;
  readonly resolve: (error: GuildwireError | undefined) => void;
}

/** One topic of SNS. */
interface Lane {
  readonly waiting: Waiting[];
  inFlight: number;
  isDue: boolean;
}

export class JoinedBatches {
  readonly #publisher: Publisher;
  readonly #lanes = new Map<string, Lane>();
  #isClosed = false;

  constructor(publisher: Publisher) {
    this.#publisher = publisher;
  }

  /** Why SNS has not confirmed it; undefined if it has. Never rejects. */
  publish(publication: Publication): Promise<GuildwireError | undefined> {
    const { topicArn } = publication;
    const lane = this.#lanes.get(topicArn) ?? { waiting: [], inFlight: 0, isDue: false };
    this.#lanes.set(topicArn, lane);
    return new Promise((resolve) => {
      lane.waiting.push({ publication, resolve });
      this.#sendSoon(lane);
    });
  }

  /** What waits has nothing to wait for: no more will come. */
  close(): void {
    this.#isClosed = true;
    for (const lane of this.#lanes.values()) this.#sendSoon(lane);
  }

  /** When all that is answered by now has come. */
  #sendSoon(lane: Lane): void {
    if (lane.isDue) return;
    lane.isDue = true;
    setImmediate(() => {
      lane.isDue = false;
      this.#send(lane);
    });
  }

  #send(lane: Lane): void {
    const { waiting } = lane;
    const most = () => (this.#isClosed || waiting.length >= MAX_BATCH ? IN_FLIGHT : 1);
    while (waiting.length > 0 && lane.inFlight < most()) void this.#sendOnce(lane, waiting.splice(0, MAX_BATCH));
  }

  async #sendOnce(lane: Lane, batch: readonly Waiting[]): Promise<void> {
    lane.inFlight++;
    const failed = await this.#publisher.publish(batch.map(({ publication }) => publication));
    lane.inFlight--;
    for (const { publication, resolve } of batch) resolve(failed.get(publication));
    this.#send(lane);
  }
}
