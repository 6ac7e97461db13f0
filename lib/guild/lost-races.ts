/**
 * @module Deliveries whose attempt lost a race for a key of the agent's state (S1). They are run again, which is no failure:
 * those that lost at one key one after the other, and one that loses again after a while, since another process is at it too.
 */
import type { Lease, Spend } from '../backends/backend.ts';
import { pause } from '../core/clock.ts';
import { OpenList } from '../core/open-list.ts';
import { leaseFields, type Workplace } from './attempt.ts';
import { LeaseKeeper } from './lease-keeper.ts';

export interface LostRacesOptions {
  readonly at: Workplace;
  readonly leaseMs: number;
  /** In [0, 1), for jitter. */
  readonly random: () => number;
  /** Runs the delivery again. @param spent What its attempts spent so far. */
  readonly again: (lease: Lease, spent: Spend | undefined) => void;
  /** Told of a delivery that somebody else has by now. */
  readonly onLost: (lease: Lease) => void;
}

/** A delivery that lost; open while it waits. */
interface Loser {
  isOpen: boolean;
  readonly lease: Lease;
  readonly key: string;
  readonly losses: number;
  readonly spent: Spend | undefined;
}

/** The longest wait after the second loss; doubled with each further one, up to the maximum. */
const [FIRST_MS, MAX_MS] = [50, 1_000];

export class LostRaces {
  readonly #options: LostRacesOptions;
  /** By key, those that lost at it and are not over: it is the first one's turn. */
  readonly #lines = new Map<string, Loser[]>();
  readonly #losers = new Map<Lease, Loser>();
  readonly #waiting = new OpenList<Loser>();
  readonly #keeper: LeaseKeeper<Loser>;
  readonly #over = new AbortController();

  constructor(options: LostRacesOptions) {
    const { at, leaseMs } = options;
    this.#options = options;
    this.#keeper = new LeaseKeeper(at, this.#waiting, leaseMs, (loser, error) => this.#onLeaseLost(loser, error));
  }

  /** Runs the delivery again when it is its turn. Until then it is not at work. */
  lost(lease: Lease, key: string, spent: Spend | undefined): void {
    const { clock } = this.#options.at;
    const before = this.#losers.get(lease);
    const loser = { isOpen: true, lease, key, losses: 1 + (before?.losses ?? 0), spent };
    clock.endWork();
    this.#waiting.add(loser);
    this.#keeper.keep(clock.now());
    this.#losers.set(lease, loser);
    const line = this.#lines.get(key);
    if (line === undefined) this.#lines.set(key, [loser]);
    else if (before?.key === key) line[0] = loser;
    else line.push(loser);
    if (before !== undefined && before.key !== key) this.#leave(before);
    if (this.#lines.get(key)?.[0] === loser) void this.#giveTurn(loser);
  }

  /** The delivery is over, however it ended: the next one of its line has its turn. */
  ended(lease: Lease): void {
    const loser = this.#losers.get(lease);
    if (loser === undefined) return;
    this.#losers.delete(lease);
    this.#leave(loser);
  }

  /** Runs all that wait, now. */
  releaseAll(): void {
    this.#over.abort();
    for (const loser of this.#waiting.open()) this.#run(loser);
  }

  stop(): void {
    this.#keeper.stop();
  }

  async #giveTurn(loser: Loser): Promise<void> {
    const { at, random } = this.#options;
    const { losses } = loser;
    if (losses > 1) await pause(at.clock, random() * Math.min(MAX_MS, FIRST_MS * 2 ** (losses - 2)), this.#over.signal);
    this.#run(loser);
  }

  #run(loser: Loser): void {
    if (!this.#waiting.close(loser)) return;
    this.#options.at.clock.beginWork();
    this.#options.again(loser.lease, loser.spent);
  }

  #leave(loser: Loser): void {
    const line = this.#lines.get(loser.key) ?? [];
    const wasFirst = line[0] === loser;
    line.splice(line.indexOf(loser), 1);
    const [next] = line;
    if (next === undefined) this.#lines.delete(loser.key);
    else if (wasFirst) void this.#giveTurn(next);
  }

  #onLeaseLost(loser: Loser, error: Error): void {
    const { at, onLost } = this.#options;
    if (!this.#waiting.close(loser)) return;
    at.clock.beginWork();
    at.log.warn(`an attempt was not run again: ${error.message}`, leaseFields(loser.lease));
    onLost(loser.lease);
  }
}
