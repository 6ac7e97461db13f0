/**
 * @module What became of the deliveries of one subscription (G4). That a delivery was handled at its first attempt is not
 * written down: it follows from who was subscribed when, which makes the usual case free.
 */
import { admissionOf, follows } from '../../core/admission.ts';
import type { GemstoneId } from '../../core/gemstone-id.ts';
import type { Message, MessageKey } from '../../core/message.ts';
import type { Fate, Subscription } from '../backend.ts';
import type { Delivery } from './delivery.ts';

/** While it was in force, messages after `after` and up to `until` were queued for whom it admits. */
interface Period {
  readonly subscription: Subscription;
  readonly after: GemstoneId | undefined;
  until: GemstoneId | undefined;
  isOver: boolean;
}

const FIRST_PRUNING = 1_024;
const nameOf = ({ topic, id }: MessageKey) => `${topic}/${id}`;

export class Fates {
  readonly #agent: string;
  readonly #isKept: (key: MessageKey) => boolean;
  readonly #periods: Period[] = [];
  #ended = new Map<string, Fate[]>();
  #epochs = new Map<string, number>();
  #pruneAt = FIRST_PRUNING;

  /** @param isKept Whether a message is still stored; of others nothing is remembered. */
  constructor(agent: string, isKept: (key: MessageKey) => boolean) {
    this.#agent = agent;
    this.#isKept = isKept;
  }

  /** @param last The newest id of the store. @param after Where the subscription begins, if that is earlier. */
  subscribed(subscription: Subscription, last: GemstoneId | undefined, after = last): void {
    this.unsubscribed(last);
    this.#periods.push({ subscription, after, until: undefined, isOver: false });
  }

  unsubscribed(last: GemstoneId | undefined): void {
    const period = this.#periods.at(-1);
    if (period === undefined || period.isOver) return;
    period.until = last;
    period.isOver = true;
  }

  /** What the next redrive or replay of a message is numbered. */
  nextEpoch(key: MessageKey): number {
    const epoch = (this.#epochs.get(nameOf(key)) ?? 0) + 1;
    this.#epochs.set(nameOf(key), epoch);
    return epoch;
  }

  /** Writes down how a delivery ended, unless it goes without saying. */
  record(delivery: Delivery, state: Fate['state'], attempts: number): void {
    if (delivery.message === undefined) return;
    if (state === 'handled' && attempts === 1 && delivery.epoch === 0) return;
    const name = nameOf(delivery.key);
    const { topic } = delivery.key;
    const fate: Fate = Object.freeze({ agent: this.#agent, topic, epoch: delivery.epoch, attempts, state });
    const fates = this.#ended.get(name);
    if (fates === undefined) this.#ended.set(name, [fate]);
    else fates.push(fate);
    if (this.#ended.size + this.#epochs.size >= this.#pruneAt) this.#prune();
  }

  /** @param open Deliveries of the message that have not ended. */
  of(message: Message, open: readonly Fate[]): readonly Fate[] {
    const known = [...(this.#ended.get(nameOf(message)) ?? []), ...open];
    const isMissing = !known.some(({ epoch }) => epoch === 0) && this.#wasQueued(message);
    const handled: Fate = { agent: this.#agent, topic: message.topic, epoch: 0, attempts: 1, state: 'handled' };
    return (isMissing ? [handled, ...known] : known).toSorted((one, other) => one.epoch - other.epoch);
  }

  #wasQueued(message: Message): boolean {
    return this.#periods.some(
      ({ subscription, after, until, isOver }) =>
        (after === undefined || message.id > after) &&
        (!isOver || (until !== undefined && message.id <= until)) &&
        follows(subscription, message.topic) &&
        admissionOf(subscription, message) === 'admitted',
    );
  }

  #prune(): void {
    this.#ended = this.#keptOf(this.#ended);
    this.#epochs = this.#keptOf(this.#epochs);
    this.#pruneAt = Math.max(FIRST_PRUNING, 2 * (this.#ended.size + this.#epochs.size));
  }

  #keptOf<T>(byName: ReadonlyMap<string, T>): Map<string, T> {
    const kept = [...byName].filter(([name]) => {
      const slash = name.indexOf('/');
      return this.#isKept({ topic: name.slice(0, slash), id: name.slice(slash + 1) as GemstoneId });
    });
    return new Map(kept);
  }
}
