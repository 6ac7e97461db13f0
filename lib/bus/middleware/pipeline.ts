/** @module Several middleware as one. */
import { orAborted } from '../../core/clock.ts';
import { InvalidArgumentError } from '../../core/errors.ts';
import { FilteredError, MiddlewareFailedError } from '../../core/handler-errors.ts';
import {
  createHandling,
  createPublishing,
  type HandleNext,
  type Handling,
  type Middleware,
  middlewareFaults,
  type Published,
  type Publishing,
  type PublishNext,
} from './middleware.ts';

/**
 * One middleware out of several, the first of them outermost. It has the sides that any of them has.
 *
 * @throws InvalidArgumentError with everything that is no middleware.
 * @example
 * const careful = pipeline(logging(), retry({ attempts: 3 }), timeout(5_000));
 */
export function pipeline(...middleware: readonly Middleware[]): Middleware {
  const faults = middlewareFaults(middleware);
  if (middleware.length === 0) faults.push({ field: 'use', problem: 'is empty: name at least one middleware' });
  if (faults.length > 0) throw new InvalidArgumentError(faults);
  const handlers = middleware.filter(({ handle }) => handle !== undefined);
  const publishers = middleware.filter(({ publish }) => publish !== undefined);
  return Object.freeze({
    ...(handlers.length > 0 && {
      handle: (handling: Handling, next: HandleNext) => handleThrough(handlers, 0, handling, next),
    }),
    ...(publishers.length > 0 && {
      publish: (publishing: Publishing, next: PublishNext) => publishThrough(publishers, 0, publishing, next),
    }),
  });
}

async function handleThrough(
  chain: readonly Middleware[],
  index: number,
  handling: Handling,
  innermost: HandleNext,
): Promise<void> {
  const middleware = chain[index];
  if (middleware === undefined) return innermost(handling.payload, { signal: handling.signal });
  let calls = 0;
  let underWay = 0;
  const goOn = async (payload: unknown, signal: AbortSignal | undefined): Promise<void> => {
    underWay++;
    try {
      await within(handling.signal, signal, (inner) =>
        handleThrough(chain, index + 1, further(handling, payload, inner), innermost),
      );
    } finally {
      underWay--;
    }
  };
  await middleware.handle?.(handling, (payload = handling.payload, { signal } = {}) => {
    calls++;
    const done = goOn(payload, signal);
    // Who does not wait for it must not bring the process down with it.
    done.catch(() => {});
    return done;
  });
  if (calls === 0) throw new FilteredError();
  // Otherwise what the handler decides after this would be lost, and nobody would know.
  if (underWay > 0) throw new MiddlewareFailedError('a middleware returned before its next: await what next gives');
}

/** Runs what is further in until one of the signals aborts; what it is given aborts then, and only then. */
async function within(
  outer: AbortSignal,
  given: AbortSignal | undefined,
  run: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  outer.throwIfAborted();
  if (given === undefined || given === outer) return orAborted(run(outer), outer);
  given.throwIfAborted();
  // Whoever gave the signal may abort it when all is done, and that must undo nothing.
  const over = new AbortController();
  const inner = AbortSignal.any([outer, over.signal]);
  return orAborted(orAborted(run(inner), outer), given, () => over.abort(given.reason));
}

/** The handling for what is further in. */
function further(handling: Handling, payload: unknown, signal: AbortSignal): Handling {
  if (signal === handling.signal && payload === handling.payload) return handling;
  return createHandling(handling, payload, signal);
}

async function publishThrough(
  chain: readonly Middleware[],
  index: number,
  publishing: Publishing,
  innermost: PublishNext,
): Promise<Published> {
  const middleware = chain[index];
  if (middleware === undefined) {
    const { topics, format, payload, options } = publishing;
    return innermost({ topics, format, payload, options });
  }
  const published = await middleware.publish?.(publishing, (changes) => {
    const inner = changes === undefined ? publishing : createPublishing(publishing, { ...publishing, ...changes });
    return publishThrough(chain, index + 1, inner, innermost);
  });
  // Otherwise whoever publishes would take for stored what is not.
  if (typeof published?.id === 'string') return published;
  throw new MiddlewareFailedError('a middleware gave no id: return what next gives, or throw');
}
