/** @module So many messages per interval: what comes above that waits for its turn. */
import { Postponed } from '../../core/handler-errors.ts';
import type { Middleware } from './middleware.ts';
import { checkOptions, isCount, isPeriod } from './option-rules.ts';
import { perClock } from './per-clock.ts';
import { Turns } from './turns.ts';

export interface ThrottleOptions {
  /** Messages that pass in any interval. */
  readonly max: number;
  readonly intervalMs: number;
}

/**
 * Lets `max` messages pass in any interval of `intervalMs`, in the order in which they came. What is handled and what is
 * published count apart; whatever has the same object in its `use` shares the counts. They hold for one process.
 *
 * A handling waits as long as more than half of its time is left when its turn comes. Beyond that its delivery comes again
 * later, which is no failed attempt, and this instance of the agent takes nothing new until then.
 *
 * @throws InvalidDefinitionError for options that are none.
 * @example
 * throttle({ max: 10, intervalMs: 1_000 });
 */
export function throttle(options: ThrottleOptions): Middleware {
  checkOptions('throttle', options, { max: isCount, intervalMs: isPeriod });
  const { max, intervalMs } = options;
  const handled = perClock((clock) => new Turns(clock, max, intervalMs));
  const published = perClock((clock) => new Turns(clock, max, intervalMs));
  return Object.freeze<Middleware>({
    async handle({ clock, signal, remainingMs, waitFor }, next) {
      const turns = handled(clock);
      const waitMs = turns.waitMs();
      if (waitMs > remainingMs() / 2) {
        const told = `${max} per ${intervalMs} ms have begun: the next can begin in ${waitMs} ms`;
        throw new Postponed(waitMs, told, { standBack: true });
      }
      await waitFor(turns.take(signal));
      return next();
    },
    async publish({ clock, signal }, next) {
      await published(clock).take(signal);
      return next();
    },
  });
}
