/** @module Gives a handler less time than its attempt has. */
import { HandlerTimeoutError } from '../../core/handler-errors.ts';
import type { Middleware } from './middleware.ts';
import { checkOptions, isPeriod } from './option-rules.ts';

/**
 * Ends what is further in after `ms`: it can publish and write no more, its signal is aborted, and it fails with
 * `HandlerTimeoutError`, which a `retry` further out tries again. Of this and the agent's `timeoutMs` the shorter counts.
 *
 * @throws InvalidDefinitionError for a time that is none.
 * @example
 * const twoTries = pipeline(retry({ attempts: 2 }), timeout(5_000));
 */
export function timeout(ms: number): Middleware {
  checkOptions('timeout', { ms }, { ms: isPeriod });
  return Object.freeze<Middleware>({
    async handle({ agent, clock, payload }, next) {
      const over = new AbortController();
      const giveUp = () => over.abort(new HandlerTimeoutError(agent, ms, 'the ms of its timeout middleware'));
      const timer = clock.setTimer(ms, giveUp);
      try {
        await next(payload, { signal: over.signal });
      } finally {
        timer.cancel();
      }
    },
  });
}
