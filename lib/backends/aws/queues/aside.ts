/** @module What a queue handed out and no handler gets: to be acknowledged, or given back. */
import type { DropReason } from '../../backend.ts';
import type { Drop, DropCounts } from '../ledger/drop-counts.ts';
import type { Acks, GivenBack } from './acks.ts';
import type { Received } from './received.ts';

export class Aside {
  readonly #agent: string;
  readonly #over: Received[] = [];
  readonly #back: GivenBack[] = [];
  readonly #drops: Drop[] = [];

  constructor(agent: string) {
    this.#agent = agent;
  }

  /** It has ended without its handler, and that is counted. */
  drop(received: Received, reason: DropReason): void {
    this.#over.push(received);
    this.#drops.push({ namespace: received.entry.namespace, agent: this.#agent, reason });
  }

  giveBack(received: Received, delayMs: number): void {
    this.#back.push({ received, delayMs });
  }

  /** Tells the queues, and then `onSettled` of each whether it was acknowledged. */
  async settle(
    acks: Acks,
    dropCounts: DropCounts,
    onSettled: (received: Received, isAcknowledged: boolean) => void,
  ): Promise<void> {
    await Promise.all([acks.acknowledge(this.#over), acks.giveBack(this.#back), dropCounts.add(this.#drops)]);
    for (const received of this.#over) onSettled(received, true);
    for (const { received } of this.#back) onSettled(received, false);
  }
}
