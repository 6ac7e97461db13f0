/** @module What the descendants of each root have spent (G2). */
import type { GemstoneId } from '../../core/gemstone-id.ts';
import { type Message, rootIdOf } from '../../core/message.ts';
import type { Spend } from '../backend.ts';

const NOTHING: Spend = Object.freeze({ usd: 0, tokens: 0 });

export class Spending {
  readonly #byRoot = new Map<GemstoneId, Spend>();

  /** Nothing for a message without a budget, which nobody will compare it with. */
  of(message: Message | undefined): Spend {
    if (message?.budget === undefined) return NOTHING;
    return this.#byRoot.get(rootIdOf(message)) ?? NOTHING;
  }

  add(message: Message | undefined, { usd, tokens }: Spend): void {
    if (message?.budget === undefined) return;
    const before = this.of(message);
    this.#byRoot.set(rootIdOf(message), Object.freeze({ usd: before.usd + usd, tokens: before.tokens + tokens }));
  }
}
