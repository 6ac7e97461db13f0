/**
 * @module Deliveries that may have ended a process. Each runs with nothing of its agent beside it, and one at a time in the
 * process: should it do so again, nothing that ran beside it is counted a start, and becomes a dead letter with it.
 */
import type { Lease } from '../backends/backend.ts';
import { OpenList } from '../core/open-list.ts';
import { leaseFields, type Workplace } from './attempt.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import type { Slots } from './slots.ts';

export interface AloneOptions {
  readonly at: Workplace;
  readonly leaseMs: number;
  /** Of the instance. */
  readonly slots: Slots;
  /** The one slot for such deliveries that the instances of a process share. */
  readonly turn: Slots;
  /** Starts a delivery, which takes a slot of the instance until it is over. */
  readonly begin: (lease: Lease) => void;
}

/** Open while it waits. */
interface Suspect {
  isOpen: boolean;
  readonly lease: Lease;
}

/** It was started before and nobody knows how it ended this time, or one more such start would make it a dead letter. */
export function mayEndProcess({ returned, attemptsBefore }: Lease, attempts: number): boolean {
  return returned && (attemptsBefore > 0 || attempts === 1);
}

export class Alone {
  readonly #options: AloneOptions;
  readonly #waiting = new OpenList<Suspect>();
  readonly #keeper: LeaseKeeper<Suspect>;

  constructor(options: AloneOptions) {
    const { at, leaseMs } = options;
    this.#options = options;
    this.#keeper = new LeaseKeeper(at, this.#waiting, leaseMs, (suspect, error) => {
      if (this.#waiting.close(suspect))
        at.log.warn(`a delivery was not started: ${error.message}`, leaseFields(suspect.lease));
    });
  }

  isFor(lease: Lease): boolean {
    return mayEndProcess(lease, this.#options.at.agent.retry.attempts);
  }

  /** Runs them one after the other; resolves when the last is over. The caller begins nothing else meanwhile. */
  async run(leases: readonly Lease[]): Promise<void> {
    const { at, slots, turn, begin } = this.#options;
    const suspects = leases.map((lease) => ({ isOpen: true, lease }));
    for (const suspect of suspects) this.#waiting.add(suspect);
    this.#keeper.keep(at.clock.now());
    for (const suspect of suspects) {
      while (suspect.isOpen && !(slots.isIdle && turn.free > 0)) await Promise.race([slots.change(), turn.change()]);
      if (!this.#waiting.close(suspect)) continue;
      turn.take();
      begin(suspect.lease);
      await slots.idle();
      turn.release();
    }
  }

  /** Begins all that wait, now. */
  releaseAll(): void {
    for (const suspect of this.#waiting.open()) if (this.#waiting.close(suspect)) this.#options.begin(suspect.lease);
  }

  stop(): void {
    this.#keeper.stop();
  }
}
