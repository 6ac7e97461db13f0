/** @module The time of AWS, from the `Date` header of its answers: ids are minted by it, whatever this machine's clock says. */
import type { Clock } from '../../../core/clock.ts';
import { GuildwireError } from '../../../core/errors.ts';

/** How far this machine's clock may be off; up to it, it is corrected. */
export const MAX_SKEW_MS = 2_000;
/** Until when a look is trusted: clocks drift, and are set. */
const TRUSTED_MS = 300_000;
/** What a header cannot tell, since it counts whole seconds. */
const PRECISION_MS = 1_000;

/** This machine's clock is so far off that what it publishes could be skipped by who follows the log. */
export class ClockSkewError extends GuildwireError {
  readonly code = 'CLOCK_SKEW';
  readonly retryable = false;
  /** Ms to add to this machine's clock. */
  readonly offsetMs: number;

  constructor(offsetMs: number) {
    const direction = offsetMs > 0 ? 'behind' : 'ahead of';
    super(
      `the clock of this machine is at least ${Math.abs(offsetMs)} ms ${direction} the clock of AWS, ` +
        `${MAX_SKEW_MS} are allowed: set it, with NTP or Amazon Time Sync`,
    );
    this.offsetMs = offsetMs;
  }
}

export class ServerClock {
  readonly #clock: Clock;
  #seenAt: number | undefined;
  /** What has to be added to this machine's time lies between them. */
  #least = Number.NEGATIVE_INFINITY;
  #most = Number.POSITIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether an answer has told the time, not too long ago; nor yet to come, as it is when this machine was set back since. */
  get isKnown(): boolean {
    if (this.#seenAt === undefined) return false;
    const age = this.#clock.now() - this.#seenAt;
    return age >= 0 && age < TRUSTED_MS;
  }

  /** The least correction that fits all that was seen; 0 if this machine's clock may be right. */
  get offsetMs(): number {
    return Math.min(Math.max(0, this.#least), this.#most);
  }

  /** Unix ms, corrected. */
  now(): number {
    return this.#clock.now() + this.offsetMs;
  }

  /**
   * Unix ms to mint ids by.
   *
   * @throws ClockSkewError, and then the time has to be asked for anew: somebody may set this machine's clock, as it says.
   */
  nowForIds(): number {
    const { offsetMs } = this;
    if (Math.abs(offsetMs) > MAX_SKEW_MS) {
      this.#seenAt = undefined;
      throw new ClockSkewError(offsetMs);
    }
    return this.#clock.now() + offsetMs;
  }

  /**
   * An answer said `date`, between the two times of this machine at which it was asked for and came.
   *
   * @param date A `Date` header; anything else is passed over.
   */
  saw(date: string | undefined, askedAt: number, cameAt: number): void {
    const seconds = Date.parse(date ?? '');
    if (Number.isNaN(seconds)) return;
    const least = seconds - cameAt;
    const most = seconds + PRECISION_MS - askedAt;
    const fits = this.isKnown && least <= this.#most && most >= this.#least;
    this.#least = fits ? Math.max(this.#least, least) : least;
    this.#most = fits ? Math.min(this.#most, most) : most;
    this.#seenAt = cameAt;
  }
}
