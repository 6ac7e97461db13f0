/** @module What is known of one root and all that descends from it: its messages, its work (G3), what it has spent (G2). */
import type { Message } from '../../core/message.ts';
import type { DeadReason, Fate, Spend } from '../backend.ts';

const NOTHING: Spend = Object.freeze({ usd: 0, tokens: 0 });
/** Of a thread that was not entered. */
const NONE: Message[] = [];
const HALTING: ReadonlySet<DeadReason> = new Set(['hops', 'deadline', 'budget']);

export const isHalted = (reason: DeadReason) => HALTING.has(reason);

export class Thread {
  /** Whether it can be found by the id of its root. */
  isEntered = false;
  /** Of the root message, which may lie under several topics. */
  copies = 0;
  /** In the order of their ids. */
  descendants: Message[] = NONE;
  spent: Spend = NOTHING;
  /** Deliveries that have not ended, timers included. */
  open = 0;
  /** Messages to oneself that are not yet due. */
  timers = 0;
  handled = 0;
  failed = 0;
  halted = 0;
  #watchers: Set<() => void> | undefined;

  /** Nothing of it is stored or under way. */
  get isGone(): boolean {
    return this.copies === 0 && this.open === 0 && this.descendants.length === 0;
  }

  /** @param timers Whether those are waited for as well. */
  isSettled(timers: boolean): boolean {
    return this.open === (timers ? 0 : this.timers);
  }

  add(descendant: Message): void {
    if (this.descendants === NONE) this.descendants = [descendant];
    else this.descendants.push(descendant);
  }

  /** A delivery has ended. */
  end(state: Fate['state']): void {
    this.open--;
    this.count(state);
    if (this.#watchers !== undefined && this.isSettled(false)) for (const watcher of this.#watchers) watcher();
  }

  /** Counts a delivery by how it ended; most ends are neither a success nor a failure. */
  count(state: Fate['state']): void {
    if (state === 'handled') this.handled++;
    else if (state === 'dead') this.failed++;
    else if (state === 'halted') this.halted++;
  }

  /** A dead letter is taken up again. */
  revive(reason: DeadReason): void {
    if (isHalted(reason)) this.halted = Math.max(0, this.halted - 1);
    else this.failed = Math.max(0, this.failed - 1);
  }

  /** Calls `watcher` when the work may be done; it may find more that was queued in the same step. */
  watch(watcher: () => void): () => void {
    this.#watchers ??= new Set();
    this.#watchers.add(watcher);
    return () => {
      this.#watchers?.delete(watcher);
      if (this.#watchers?.size === 0) this.#watchers = undefined;
    };
  }

  spend({ usd, tokens }: Spend): void {
    this.spent = Object.freeze({ usd: this.spent.usd + usd, tokens: this.spent.tokens + tokens });
  }
}
