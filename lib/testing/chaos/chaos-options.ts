/** @module What chaos may do to a backend, and how likely each of it is. */
import { type Clock, systemClock } from '../../core/clock.ts';
import { type FieldFault, InvalidArgumentError } from '../../core/errors.ts';
import { durationRule } from '../../core/message-rules.ts';
import { show } from '../../core/show.ts';

/** Chances are numbers from 0 (never) to 1 (always), asked anew at each place where the fault could happen. */
export interface ChaosFaults {
  /** A delivery is handed out twice at once; who settles second has lost the lease. Neither by key nor at most once. */
  readonly duplicate?: number;
  /** The deliveries of one call come in any order. */
  readonly reorder?: number;
  /** The answer to `lease`, `append` or `settle` comes late; that of `lease` by a quarter of the lease at most. */
  readonly delay?: Lasting;
  /** The process dies before its settlement reaches the store: another gets the delivery when the lease has run out. */
  readonly crashBeforeSettle?: number;
  /** The settlement takes effect, but its answer is lost. */
  readonly crashAfterSettle?: number;
  /** `append` rejects, half of the time after it took effect. */
  readonly failAppend?: number;
  /** The store goes away: every call rejects, those that wait as well. Asked at `lease`, `append` and `settle`. */
  readonly outage?: Lasting;
}

/** A fault that lasts from 1 to `maxMs` ms of the clock. */
export interface Lasting {
  readonly chance: number;
  readonly maxMs: number;
}

export type FaultKind = keyof ChaosFaults;

export interface ChaosOptions extends ChaosFaults {
  /** A whole number from 0; all decisions follow from it. */
  readonly seed: number;
  /** That of the guild, so that what comes late does not hold virtual time. @default - the system's */
  readonly clock?: Clock;
  /** Just these faults, by name, whatever the chances are. @default - those that the seed draws */
  readonly only?: readonly string[] | ReadonlySet<string>;
}

/** Options with nothing left out; a fault with a chance alone lasts 0 ms. */
export interface ChaosSettings {
  readonly seed: number;
  readonly clock: Clock;
  readonly only: ReadonlySet<string> | undefined;
  readonly faults: Readonly<Record<FaultKind, Lasting>>;
}

/** Some of everything, for who has no particular fault in mind. */
export const someChaos = {
  duplicate: 0.1,
  reorder: 0.3,
  delay: { chance: 0.1, maxMs: 2_000 },
  crashBeforeSettle: 0.1,
  crashAfterSettle: 0.1,
  failAppend: 0.1,
  outage: { chance: 0.02, maxMs: 10_000 },
} as const satisfies ChaosFaults;

/** Whether each fault lasts. */
const lasting = {
  duplicate: false,
  reorder: false,
  delay: true,
  crashBeforeSettle: false,
  crashAfterSettle: false,
  failAppend: false,
  outage: true,
} as const satisfies Record<FaultKind, boolean>;

export const faultKinds = Object.keys(lasting) as readonly FaultKind[];
const others: readonly string[] = ['seed', 'clock', 'only'];

/** @throws InvalidArgumentError with everything that is wrong. */
export function chaosSettings(options: ChaosOptions): ChaosSettings {
  const faults = chaosFaults(options);
  if (faults.length > 0) throw new InvalidArgumentError(faults);
  const { seed, clock = systemClock, only } = options;
  const settings = faultKinds.map((kind) => {
    const given = options[kind] ?? 0;
    return [kind, typeof given === 'number' ? { chance: given, maxMs: 0 } : given];
  });
  return {
    seed,
    clock,
    only: only === undefined ? undefined : new Set(only),
    faults: Object.fromEntries(settings) as ChaosSettings['faults'],
  };
}

/** Everything that is wrong with the options. */
export function chaosFaults(options: ChaosOptions): readonly FieldFault[] {
  if (typeof options !== 'object' || options === null) {
    return [{ field: 'options', problem: `got ${show(options)}: allowed is an object with a seed` }];
  }
  const faults: FieldFault[] = [];
  const check = (field: string, problem: string | undefined) => {
    if (problem !== undefined) faults.push({ field, problem });
  };
  check('seed', seedProblem(options.seed));
  check('clock', clockProblem(options.clock));
  for (const kind of faultKinds) {
    const given: unknown = options[kind];
    if (given === undefined) continue;
    if (!lasting[kind]) check(kind, chanceProblem(given));
    else if (typeof given !== 'object' || given === null) {
      check(kind, `got ${show(given)}: allowed is { chance, maxMs }`);
    } else {
      check(`${kind}.chance`, chanceProblem((given as Lasting).chance));
      check(`${kind}.maxMs`, durationRule((given as Lasting).maxMs));
    }
  }
  for (const [index, problem] of namesProblems(options.only)) check(index, problem);
  for (const field of Object.keys(options)) {
    const isKnown = Object.hasOwn(lasting, field) || others.includes(field);
    if (!isKnown) check(field, `is unknown: allowed are ${[...others, ...faultKinds].join(', ')}`);
  }
  return faults;
}

export function seedProblem(seed: unknown): string | undefined {
  if (Number.isSafeInteger(seed) && (seed as number) >= 0) return undefined;
  return `got ${show(seed)}: allowed is a whole number from 0`;
}

function chanceProblem(chance: unknown): string | undefined {
  return typeof chance === 'number' && chance >= 0 && chance <= 1
    ? undefined
    : `got ${show(chance)}: allowed is a number from 0 to 1`;
}

function clockProblem(clock: unknown): string | undefined {
  const isClock = clock === undefined || typeof (clock as Partial<Clock> | null)?.setTimer === 'function';
  return isClock ? undefined : `got ${show(clock)}: allowed is a clock`;
}

function* namesProblems(only: unknown): Iterable<readonly [field: string, problem: string]> {
  if (only === undefined) return;
  if (!Array.isArray(only) && !(only instanceof Set)) {
    yield ['only', `got ${show(only)}: allowed is an array or a set of names of faults`];
    return;
  }
  const isName = (name: unknown) => typeof name === 'string' && faultKinds.some((kind) => name.startsWith(`${kind} `));
  for (const [index, name] of [...only].entries()) {
    if (!isName(name)) yield [`only[${index}]`, `got ${show(name)}: allowed is a name such as "reorder grammar #1"`];
  }
}
