/** @module What a middleware remembers from one message to the next. */
import type { Clock } from '../../core/clock.ts';

/**
 * One value for each clock, made when it is first asked for. In a process all share the system's clock; a test with a clock of
 * its own finds nothing of the tests before, though the middleware is part of an agent that is defined once.
 */
export function perClock<T>(make: (clock: Clock) => T): (clock: Clock) => T {
  const made = new WeakMap<Clock, T>();
  return (clock) => {
    const known = made.get(clock);
    if (known !== undefined) return known;
    const value = make(clock);
    made.set(clock, value);
    return value;
  };
}
