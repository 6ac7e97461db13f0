/** @module Says what is handled and published, and how long it took; never a payload. */

import { faultOf } from '../../core/fault.ts';
import { FilteredError, Postponed } from '../../core/handler-errors.ts';
import { toReference } from '../../core/message.ts';
import { type Log, unfailing, withFields } from '../log.ts';
import type { Handling, Middleware } from './middleware.ts';

export interface LoggingOptions {
  /** @default - that of the handling or the bus */
  readonly log?: Log;
}

/**
 * Writes when a handling starts, is done, is filtered out or postponed (info), and when it fails (warn), with the time taken in
 * ms; likewise what is published, with topics and id.
 *
 * @example
 * const use = [logging(), timeout(5_000)];
 */
export function logging({ log }: LoggingOptions = {}): Middleware {
  const given = log === undefined ? undefined : unfailing(log);
  return Object.freeze<Middleware>({
    async handle(handling, next) {
      const written = given === undefined ? handling.log : withFields(given, () => fieldsOf(handling));
      const startedAt = handling.now();
      const taken = () => ({ ms: handling.now() - startedAt });
      written.info('handling started', { format: handling.message.format });
      try {
        await next();
      } catch (error) {
        if (error instanceof FilteredError) written.info('filtered out', taken());
        else if (error instanceof Postponed) written.info('postponed', { ...taken(), delayMs: error.delayMs });
        else written.warn('handling failed', { ...taken(), error: shortFault(error) });
        throw error;
      }
      written.info('handled', taken());
    },
    async publish(publishing, next) {
      const { namespace, sender, topics } = publishing;
      const written = withFields(given ?? publishing.log, () => ({ namespace, sender, topics }));
      const startedAt = publishing.now();
      const taken = () => ({ ms: publishing.now() - startedAt });
      try {
        const published = await next();
        written.info('published', { ...published, ...taken() });
        return published;
      } catch (error) {
        if (error instanceof FilteredError) written.info('filtered out', taken());
        else written.warn('publishing failed', { ...taken(), error: shortFault(error) });
        throw error;
      }
    },
  });
}

function fieldsOf({ agent, namespace, message, attempt }: Handling): object {
  return { agent, namespace, message: toReference(message), attempt };
}

/** Without its place: who logs failures of attempts has that once already. */
function shortFault(error: unknown): object {
  const { code, message } = faultOf(error);
  return { code, message };
}
