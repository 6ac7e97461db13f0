/** @module Looks at virtual time from outside, so that a handler that hangs ends a test with words and not with silence. */
import type { Clock, Timer } from '../core/clock.ts';
import { StandstillError } from './testing-errors.ts';

/**
 * What the promise gives, or a `StandstillError` once `virtual` has stood still for `patienceMs` on the clock `wall`.
 * Whatever the promise does after that is lost.
 */
export async function unlessStandstill<T>(
  promise: Promise<T>,
  { virtual, wall, patienceMs }: { readonly virtual: Clock; readonly wall: Clock; readonly patienceMs: number },
): Promise<T> {
  const standstill = Promise.withResolvers<never>();
  let timer: Timer;
  const look = (before: number) => {
    timer = wall.setTimer(patienceMs, () => {
      if (virtual.now() === before) standstill.reject(new StandstillError(patienceMs));
      else look(virtual.now());
    });
    return timer;
  };
  timer = look(virtual.now());
  try {
    return await Promise.race([promise, standstill.promise]);
  } finally {
    timer.cancel();
    promise.catch(() => {});
  }
}
