/** @module Settlements on their way to the backend: those of one microtask go in one call. */
import type { Backend, Outcome, Settlement } from '../backends/backend.ts';
import { BackendUnavailableError, GuildwireError } from '../core/errors.ts';

/** Its `then` costs a third of `queueMicrotask`, which Node wraps in an async resource. */
const NOW = Promise.resolve();

export class Settler {
  readonly #backend: Backend;
  readonly #onOutcome: (settlement: Settlement, outcome: Outcome) => void;
  #settlements: Settlement[] = [];

  /** @param onOutcome What the backend says to each; told also where the backend cannot be reached. */
  constructor(backend: Backend, onOutcome: (settlement: Settlement, outcome: Outcome) => void) {
    this.#backend = backend;
    this.#onOutcome = onOutcome;
  }

  settle(settlement: Settlement): void {
    if (this.#settlements.length === 0) void NOW.then(this.#flush);
    this.#settlements.push(settlement);
  }

  readonly #flush = async (): Promise<void> => {
    const settlements = this.#settlements;
    this.#settlements = [];
    let outcomes: readonly Outcome[];
    try {
      outcomes = await this.#backend.settle(settlements);
    } catch (cause) {
      const error = cause instanceof GuildwireError ? cause : new BackendUnavailableError('settling failed', { cause });
      outcomes = settlements.map(() => ({ ok: false, error }));
    }
    for (let index = 0; index < settlements.length; index++) {
      this.#onOutcome(settlements[index] as Settlement, outcomes[index] as Outcome);
    }
  };
}
