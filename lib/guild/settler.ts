/** @module Settlements on their way to the backend: those of one microtask go in one call. */
import type { Backend, Outcome, Settlement } from '../backends/backend.ts';
import type { Clock } from '../core/clock.ts';
import { BackendUnavailableError, GuildwireError } from '../core/errors.ts';

/** Its `then` costs a third of `queueMicrotask`, which Node wraps in an async resource. */
const NOW = Promise.resolve();

export class Settler {
  readonly #backend: Backend;
  readonly #clock: Clock;
  readonly #onLate: (settlement: Settlement) => Settlement;
  readonly #onOutcome: (settlement: Settlement, outcome: Outcome) => void;
  #settlements: Settlement[] = [];
  #deadlines: number[] = [];

  /**
   * @param onLate What takes the place of a settlement that comes after its deadline.
   * @param onOutcome What the backend says to each; told also where the backend cannot be reached.
   */
  constructor(
    backend: Backend,
    clock: Clock,
    onLate: (settlement: Settlement) => Settlement,
    onOutcome: (settlement: Settlement, outcome: Outcome) => void,
  ) {
    this.#backend = backend;
    this.#clock = clock;
    this.#onLate = onLate;
    this.#onOutcome = onOutcome;
  }

  /** @param deadlineAt Unix ms after which it may not take effect as it is. */
  settle(settlement: Settlement, deadlineAt = Number.POSITIVE_INFINITY): void {
    if (this.#settlements.length === 0) void NOW.then(this.#flush);
    this.#settlements.push(settlement);
    this.#deadlines.push(deadlineAt);
  }

  readonly #flush = async (): Promise<void> => {
    const settlements = this.#settlements;
    const deadlines = this.#deadlines;
    this.#settlements = [];
    this.#deadlines = [];
    const now = this.#clock.now();
    for (let index = 0; index < settlements.length; index++) {
      if ((deadlines[index] as number) < now) settlements[index] = this.#onLate(settlements[index] as Settlement);
    }
    let outcomes: readonly Outcome[];
    try {
      outcomes = await this.#backend.settle(settlements);
    } catch (cause) {
      const error = cause instanceof GuildwireError ? cause : new BackendUnavailableError('settling failed', { cause });
      outcomes = settlements.map(() => ({ ok: false, error }));
    }
    for (let index = 0; index < settlements.length; index++) {
      this.#onOutcome(settlements[index] as Settlement, outcomes[index] ?? NO_OUTCOME);
    }
  };
}

const NO_OUTCOME: Outcome = {
  ok: false,
  error: new BackendUnavailableError('the backend gave no outcome for a settlement'),
};
