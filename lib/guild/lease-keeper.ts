/** @module Extends the leases of what still runs or waits to, so that a lease can be short and a handler long (D10). */
import type { Lease } from '../backends/backend.ts';
import { Alarm } from '../core/alarm.ts';
import { faultOf } from '../core/fault.ts';
import type { Closable, OpenList } from '../core/open-list.ts';
import type { Workplace } from './attempt.ts';

/** An attempt, or what waits for one. */
interface Held extends Closable {
  readonly lease: Lease;
}

export class LeaseKeeper<T extends Held> {
  readonly #at: Workplace;
  readonly #held: OpenList<T>;
  readonly #leaseMs: number;
  readonly #onLost: (held: T, error: Error) => void;
  readonly #alarm: Alarm;

  /** @param onLost Called for one whose lease is gone. */
  constructor(at: Workplace, held: OpenList<T>, leaseMs: number, onLost: (held: T, error: Error) => void) {
    this.#at = at;
    this.#held = held;
    this.#leaseMs = leaseMs;
    this.#onLost = onLost;
    this.#alarm = new Alarm(at.clock, () => this.#extendAll());
  }

  /** Looks after one that begins at `now` (Unix ms). */
  keep(now: number): void {
    this.#alarm.set(now + this.#leaseMs / 3);
  }

  stop(): void {
    this.#alarm.cancel();
  }

  #extendAll(): number | undefined {
    if (this.#held.size === 0) return undefined;
    void this.#extend(this.#held.open());
    return this.#at.clock.now() + this.#leaseMs / 3;
  }

  async #extend(all: readonly T[]): Promise<void> {
    const { backend, log, agent } = this.#at;
    try {
      const leases = all.map(({ lease }) => lease);
      const outcomes = await backend.extend(leases, this.#leaseMs);
      for (const [index, held] of all.entries()) {
        const outcome = outcomes[index];
        if (outcome?.ok === false) this.#onLost(held, outcome.error);
      }
    } catch (error) {
      log.error('cannot extend leases, trying again', { agent: agent.name, error: faultOf(error) });
    }
  }
}
