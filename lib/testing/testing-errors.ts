/** @module The errors of `guildwire/testing`. */
import { GuildwireError } from '../core/errors.ts';
import type { GemstoneId } from '../core/gemstone-id.ts';
import type { InjectedFault } from './chaos/fault-schedule.ts';

/** What was waited for in virtual time did not come. */
export class VirtualTimeError extends GuildwireError {
  readonly code = 'VIRTUAL_TIME';
  readonly retryable = false;

  /** @param limitMs How much time had passed; undefined if no timer was left that could have changed anything. */
  constructor(limitMs?: number) {
    super(
      limitMs === undefined
        ? 'what was waited for can no longer happen: nothing runs, and no timer is set'
        : `what was waited for did not happen within ${limitMs} ms of virtual time`,
    );
  }
}

/** Virtual time stood still for too long, in real time: a handler works on, or waits for something outside. */
export class StandstillError extends GuildwireError {
  readonly code = 'STANDSTILL';
  readonly retryable = false;

  constructor(patienceMs: number, options?: ErrorOptions) {
    super(
      `virtual time stood still for ${patienceMs} real ms, as it does while a handler works: let handlers wait with ` +
        'context.sleep, give them fakes instead of services, or raise patienceMs',
      options,
    );
  }
}

/** What descends from a message did not come to an end. `pending` lists the deliveries that are left. */
export class NotSettledError extends GuildwireError {
  readonly code = 'NOT_SETTLED';
  readonly retryable = false;
  readonly root: GemstoneId;
  readonly pending: readonly string[];

  constructor(root: GemstoneId, pending: readonly string[], options: ErrorOptions) {
    const why = options.cause instanceof Error ? options.cause.message : 'it took too long';
    super(`${root} is not settled (${why}); what is left: ${listed(pending)}`, options);
    this.root = root;
    this.pending = pending;
  }
}

/** A scenario failed under some seed. The cause is what it failed with under the faults that are listed. */
export class ExploreError extends GuildwireError {
  readonly code = 'EXPLORE';
  readonly retryable = false;
  /** `GUILDWIRE_TEST_SEED` repeats it. */
  readonly seed: number;
  /** The fewest faults that were found to break it; their names are what the chaos option `only` takes. */
  readonly schedule: readonly InjectedFault[];

  /** @param drawn How many faults there were before the schedule was made smaller. */
  constructor(seed: number, schedule: readonly InjectedFault[], drawn: number, options: ErrorOptions) {
    const { cause } = options;
    const lines = schedule.map(({ description, name }, index) => `  ${index + 1}. ${description} (${name})`);
    const enough = schedule.length === 1 ? 'this one is' : `these ${schedule.length} are`;
    const faults =
      schedule.length === 0
        ? 'It fails without any fault.'
        : `Of its ${drawn} faults ${enough} enough:\n${lines.join('\n')}`;
    const what = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
    super(
      `the scenario failed under seed ${seed}. ${faults}\nRepeat it with GUILDWIRE_TEST_SEED=${seed}\n${what}`,
      options,
    );
    this.seed = seed;
    this.schedule = schedule;
  }
}

const MAX_LISTED = 10;

function listed(items: readonly string[]): string {
  const shown = items.slice(0, MAX_LISTED).join('; ') || 'nothing that can be named';
  return items.length > MAX_LISTED ? `${shown}; and ${items.length - MAX_LISTED} more` : shown;
}
