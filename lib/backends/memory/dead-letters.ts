/** @module The dead letters of one namespace that were neither redriven nor discarded, by agent (D7). */
import type { GemstoneId } from '../../core/gemstone-id.ts';
import type { Message } from '../../core/message.ts';
import type { DeadReason } from '../backend.ts';
import type { Delivery } from './delivery.ts';

/** A dead letter, and the delivery that it was. */
export interface Buried {
  readonly letter: Message;
  readonly delivery: Delivery;
  readonly reason: DeadReason;
  /** The class of the last error. */
  readonly errorName: string | undefined;
}

export class DeadLetters {
  readonly #byAgent = new Map<string, Map<GemstoneId, Buried>>();
  readonly #isKept: (letter: Message) => boolean;

  /** @param isKept Whether the store still has the letter. */
  constructor(isKept: (letter: Message) => boolean) {
    this.#isKept = isKept;
  }

  add(agent: string, buried: Buried): void {
    const letters = this.#byAgent.get(agent);
    if (letters === undefined) this.#byAgent.set(agent, new Map([[buried.letter.id, buried]]));
    else letters.set(buried.letter.id, buried);
  }

  /** Takes a letter off the list; false if it was no longer on it. */
  take(agent: string, id: GemstoneId): boolean {
    return this.#byAgent.get(agent)?.delete(id) ?? false;
  }

  /** In the order of their ids. */
  of(agent: string): readonly Buried[] {
    const letters = this.#byAgent.get(agent);
    if (letters === undefined) return [];
    for (const { letter } of letters.values()) {
      // Retention takes the oldest first.
      if (this.#isKept(letter)) break;
      letters.delete(letter.id);
    }
    return [...letters.values()];
  }
}
