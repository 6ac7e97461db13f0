/** @module Extends the leases of attempts that still run, so that a lease can be short and a handler long (D10). */
import { Alarm } from '../core/alarm.ts';
import { faultOf } from '../core/fault.ts';
import type { OpenList } from '../core/open-list.ts';
import type { Attempt, Workplace } from './attempt.ts';

export class LeaseKeeper {
  readonly #at: Workplace;
  readonly #attempts: OpenList<Attempt>;
  readonly #leaseMs: number;
  readonly #onLost: (attempt: Attempt, error: Error) => void;
  readonly #alarm: Alarm;

  /** @param onLost Called for an attempt whose lease is gone. */
  constructor(
    at: Workplace,
    attempts: OpenList<Attempt>,
    leaseMs: number,
    onLost: (attempt: Attempt, error: Error) => void,
  ) {
    this.#at = at;
    this.#attempts = attempts;
    this.#leaseMs = leaseMs;
    this.#onLost = onLost;
    this.#alarm = new Alarm(at.clock, () => this.#extendAll());
  }

  /** Looks after an attempt that begins at `now` (Unix ms). */
  keep(now: number): void {
    this.#alarm.set(now + this.#leaseMs / 3);
  }

  stop(): void {
    this.#alarm.cancel();
  }

  #extendAll(): number | undefined {
    if (this.#attempts.size === 0) return undefined;
    void this.#extend(this.#attempts.open());
    return this.#at.clock.now() + this.#leaseMs / 3;
  }

  async #extend(attempts: readonly Attempt[]): Promise<void> {
    const { backend, log, agent } = this.#at;
    try {
      const leases = attempts.map(({ lease }) => lease);
      const outcomes = await backend.extend(leases, this.#leaseMs);
      for (const [index, attempt] of attempts.entries()) {
        const outcome = outcomes[index];
        if (outcome?.ok === false) this.#onLost(attempt, outcome.error);
      }
    } catch (error) {
      log.error('cannot extend leases, trying again', { agent: agent.name, error: faultOf(error) });
    }
  }
}
