/** @module Changes payloads on their way. */

import type { Format, InputOf, OutputOf } from '../../core/format.ts';
import { MiddlewareFailedError } from '../../core/handler-errors.ts';
import type { Handling, Middleware, Publishing } from './middleware.ts';
import { checkSides, type Of, sidesOf } from './sides.ts';

/** What becomes of payloads, on the one side and the other; a side that is left out changes nothing. */
export interface TransformSides<In = unknown, Out = unknown> {
  /** From what was decoded to what the handler gets, which is not checked again. */
  readonly handle?: (payload: Out, handling: Handling) => Out | Promise<Out>;
  /** From what was given, frozen and not yet checked, to what is checked and stored. */
  readonly publish?: (payload: In, publishing: Publishing) => In | Promise<In>;
}

/**
 * Passes on what `sides` make of a payload; with a format only messages of it are changed.
 *
 * On the side `handle` a format is that of the handler, so what a handler for any format takes is left as it is.
 *
 * @throws InvalidDefinitionError if it has no side.
 * @example
 * transform(Task, { publish: (task) => ({ ...task, text: task.text.trim() }) });
 */
export function transform(sides: TransformSides): Middleware;
export function transform<F extends Format>(format: F, sides: TransformSides<InputOf<F>, OutputOf<F>>): Middleware;
export function transform(...given: Of<TransformSides>): Middleware {
  const { format, sides } = sidesOf(given);
  checkSides('transform', format, sides);
  const { handle, publish } = sides;
  const concerns = (other: Format | undefined) => format === undefined || format.name === other?.name;
  return Object.freeze({
    ...(handle !== undefined && {
      handle: async (handling, next) => {
        if (!concerns(handling.format)) return next();
        return next(mustGive(await handle(handling.payload, handling)));
      },
    }),
    ...(publish !== undefined && {
      publish: async (publishing, next) => {
        if (!concerns(publishing.format)) return next();
        return next({ payload: mustGive(await publish(publishing.payload, publishing)) });
      },
    }),
  } satisfies Middleware);
}

/** A function without a return is the likeliest mistake, and the handler would be run with what there was before. */
function mustGive(payload: unknown): unknown {
  if (payload !== undefined) return payload;
  throw new MiddlewareFailedError('a transform gave undefined: return the payload');
}
