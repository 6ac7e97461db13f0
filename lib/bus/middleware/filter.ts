/** @module Lets only some messages pass. */

import type { Format, InputOf, OutputOf } from '../../core/format.ts';
import { FilteredError } from '../../core/handler-errors.ts';
import type { Handling, Middleware, Publishing } from './middleware.ts';
import { checkSides, type Of, sidesOf } from './sides.ts';

type Answer = boolean | Promise<boolean>;

/** Which messages pass, on the one side and the other; a side that is left out lets all pass. */
export interface FilterSides<In = unknown, Out = unknown> {
  /** A delivery that does not pass is acknowledged as `filtered`, without its handler; `stats` counts it, `explain` shows it. */
  readonly handle?: (payload: Out, handling: Handling) => Answer;
  /** What does not pass is not published: `publish` rejects with `FilteredError`. */
  readonly publish?: (payload: In, publishing: Publishing) => Answer;
}

/**
 * Lets pass what `sides` say yes to; with a format only messages of it are asked about, and all others pass.
 *
 * On the side `handle` a format is that of the handler, so what a handler for any format takes passes.
 *
 * @throws InvalidDefinitionError if it has no side.
 * @example
 * filter(Task, { handle: ({ text }) => text !== '' });
 * filter({ publish: (_, { topics }) => topics !== 'audit' });
 */
export function filter(sides: FilterSides): Middleware;
export function filter<F extends Format>(format: F, sides: FilterSides<InputOf<F>, OutputOf<F>>): Middleware;
export function filter(...given: Of<FilterSides>): Middleware {
  const { format, sides } = sidesOf(given);
  checkSides('filter', format, sides);
  const { handle, publish } = sides;
  const concerns = (other: Format | undefined) => format === undefined || format.name === other?.name;
  return Object.freeze({
    ...(handle !== undefined && {
      handle: async (handling, next) => {
        if (concerns(handling.format) && !(await handle(handling.payload, handling))) throw new FilteredError();
        return next();
      },
    }),
    ...(publish !== undefined && {
      publish: async (publishing, next) => {
        if (concerns(publishing.format) && !(await publish(publishing.payload, publishing))) throw new FilteredError();
        return next();
      },
    }),
  } satisfies Middleware);
}
