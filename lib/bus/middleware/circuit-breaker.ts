/** @module Stops trying what fails again and again, and then tries it with one message at a time. */
import { GuildwireError } from '../../core/errors.ts';
import { CircuitOpenError, FilteredError, Postponed } from '../../core/handler-errors.ts';
import { Circuit, type CircuitOptions, type CircuitResult, type Passed } from './circuit.ts';
import type { Handling, Middleware } from './middleware.ts';
import { checkOptions, isCount, isFunction, isPeriod, optional } from './option-rules.ts';
import { perClock } from './per-clock.ts';

export interface CircuitBreakerOptions extends Partial<CircuitOptions> {
  /** Which errors count; Postponed and FilteredError never do. @default - those that are retryable */
  readonly isFailure?: (error: unknown) => boolean;
}

const DEFAULT_FAILURES = 5;
const DEFAULT_OPEN_MS = 30_000;

/**
 * Opens after `failures` failures in a row (5), stays open for `openMs` (30 s), and then lets one message through: if that
 * works, it closes, else it opens again.
 *
 * - Handling: while it is open, deliveries come again later, which is no failed attempt, and this instance of the agent takes
 *   nothing new. While one is let through the others wait for what comes of it, as long as half of their time is left.
 * - Publishing: while it is open, `publish` rejects at once with `CircuitOpenError`.
 *
 * Handling and publishing have a circuit each; whatever has the same object in its `use` shares them. They hold for one
 * process, so that other instances go on, and one that ends leaves nothing behind.
 *
 * @throws InvalidDefinitionError for options that are none.
 * @example
 * circuitBreaker({ failures: 3, openMs: 10_000 });
 */
export function circuitBreaker(options: CircuitBreakerOptions = {}): Middleware {
  checkOptions('circuitBreaker', options, {
    failures: optional(isCount),
    openMs: optional(isPeriod),
    isFailure: optional(isFunction),
  });
  const { failures = DEFAULT_FAILURES, openMs = DEFAULT_OPEN_MS, isFailure = isRetryable } = options;
  const handled = perClock((clock) => new Circuit(clock, { failures, openMs }));
  const published = perClock((clock) => new Circuit(clock, { failures, openMs }));
  const resultOf = (error: unknown) => (!isVerdict(error) && isFailure(error) ? 'failed' : 'neither');
  return Object.freeze<Middleware>({
    async handle(handling, next) {
      const circuit = handled(handling.clock);
      await through(circuit, await enter(circuit, handling, openMs), resultOf, () => next());
    },
    async publish({ clock }, next) {
      const circuit = published(clock);
      const openForMs = circuit.openForMs();
      if (openForMs > 0 || circuit.probe !== undefined) throw new CircuitOpenError(openForMs || openMs);
      return through(circuit, circuit.pass(), resultOf, () => next());
    },
  });
}

/** Lets the handling pass, after the probe if there is one. */
async function enter(circuit: Circuit, handling: Handling, openMs: number): Promise<Passed> {
  while (true) {
    const openForMs = circuit.openForMs();
    if (openForMs > 0) throw postponed(openForMs);
    if (circuit.probe === undefined) return circuit.pass();
    const { promise: late, resolve } = Promise.withResolvers<'late'>();
    const timer = handling.clock.setTimer(handling.remainingMs() / 2, () => resolve('late'));
    try {
      if ((await handling.waitFor(Promise.race([circuit.probe, late]))) === 'late') throw postponed(openMs);
    } finally {
      timer.cancel();
    }
  }
}

function postponed(delayMs: number): Postponed {
  return new Postponed(delayMs, 'the circuit is open after repeated failures', { standBack: true });
}

async function through<T>(
  circuit: Circuit,
  passed: Passed,
  resultOf: (error: unknown) => CircuitResult,
  run: () => Promise<T>,
): Promise<T> {
  let result: CircuitResult = 'neither';
  try {
    const given = await run();
    result = 'worked';
    return given;
  } catch (error) {
    result = resultOf(error);
    throw error;
  } finally {
    // Also if `isFailure` throws: a probe that nobody ends would keep all others waiting.
    circuit.end(passed, result);
  }
}

/** Nothing was tried. */
function isVerdict(error: unknown): boolean {
  return error instanceof Postponed || error instanceof FilteredError;
}

/** What is wrong with a message itself says nothing about the next one. */
function isRetryable(error: unknown): boolean {
  return !(error instanceof GuildwireError) || error.retryable;
}
