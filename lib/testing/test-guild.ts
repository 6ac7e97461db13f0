/** @module Runs a guild in virtual time, for tests of agents. */
import type { Backend } from '../backends/backend.ts';
import { MemoryBackend } from '../backends/memory/memory-backend.ts';
import { openBus } from '../bus/bus.ts';
import { type Log, silentLog } from '../bus/log.ts';
import { type Clock, systemClock } from '../core/clock.ts';
import { type FieldFault, InvalidArgumentError, UnsupportedFeatureError } from '../core/errors.ts';
import { durationRule } from '../core/message-rules.ts';
import { show } from '../core/show.ts';
import type { Guild } from '../guild/define-guild.ts';
import { startGuild } from '../guild/start-guild.ts';
import { chaos } from './chaos/chaos.ts';
import { type ChaosOptions, chaosFaults } from './chaos/chaos-options.ts';
import { seededRandom } from './random.ts';
import { TestStage } from './test-stage.ts';
import { VirtualClock } from './virtual-clock.ts';

export interface TestGuildOptions<Names extends string = string> {
  /** Of ids, jitter and chaos: a whole number from 0. @default 1 */
  readonly seed?: number;
  /** Faults that the backend is to have. @default - none */
  readonly chaos?: Omit<ChaosOptions, 'seed' | 'clock'>;
  /** A backend whose time is `clock`; it is closed with the stage. @default - the memory backend */
  readonly backend?: (around: {
    readonly clock: VirtualClock;
    readonly random: () => number;
  }) => Backend | Promise<Backend>;
  /** The agents to run. @default - all */
  readonly agents?: readonly Names[];
  /** @default 'default' */
  readonly namespace?: string;
  /** Who publishes through the stage. @default 'user:test' */
  readonly sender?: string;
  /** @default - says nothing */
  readonly log?: Log;
  /** How much virtual time may pass while something is waited for, in ms. @default - a day */
  readonly limitMs?: number;
  /** How long handlers may work without time moving, in real ms. @default 10,000 */
  readonly patienceMs?: number;
  /** Where real time comes from. @default - the system */
  readonly wall?: Clock;
}

export const defaultPatienceMs = 10_000;
const defaults = {
  seed: 1,
  chaos: {},
  namespace: 'default',
  sender: 'user:test',
  log: silentLog,
  limitMs: 86_400_000,
  patienceMs: defaultPatienceMs,
  wall: systemClock,
} as const;

/**
 * The guild at work in virtual time, on the memory backend if no other is given: minutes of retries pass in milliseconds, and
 * the same seed gives the same run.
 *
 * @throws InvalidArgumentError with everything that is wrong; UnsupportedFeatureError for a backend with a time of its own.
 * @example
 * await using stage = await testGuild(guild);
 * const { handled, failed } = await stage.run('doc.tasks', Task, { text: 'Hello' });
 * const texts = await stage.published(Text, { topic: 'doc.*' });
 */
export async function testGuild<Names extends string>(
  guild: Guild<Names>,
  options: TestGuildOptions<Names> = {},
): Promise<TestStage> {
  const faults = optionFaults(options);
  if (faults.length > 0) throw new InvalidArgumentError(faults);
  const { seed, chaos: chances, namespace, sender, log, limitMs, patienceMs, wall } = { ...defaults, ...options };
  const clock = new VirtualClock();
  const random = seededRandom(seed);
  const inner = (await options.backend?.({ clock, random })) ?? new MemoryBackend({ clock, random });
  if (inner.features.clock !== 'injected') {
    await inner[Symbol.asyncDispose]();
    throw new UnsupportedFeatureError(inner.name, 'virtual time');
  }
  const backend = chaos(inner, { ...chances, seed, clock });
  const { agents } = options;
  const running = await startGuild(guild, {
    backend: () => backend,
    namespace,
    sender,
    log,
    clock,
    random,
    ...(agents !== undefined && { agents }),
  });
  const names = Object.keys(guild.agents);
  const bus = openBus(inner, { namespace, sender, families: guild.families, clock });
  return new TestStage({ running, clock, chaos: backend, bus, agents: names, limitMs, patienceMs, wall });
}

function optionFaults(options: TestGuildOptions): readonly FieldFault[] {
  if (typeof options !== 'object' || options === null) {
    return [{ field: 'options', problem: `got ${show(options)}: allowed is an object` }];
  }
  const { seed = defaults.seed, chaos: chances = defaults.chaos, backend } = options;
  const isObject = typeof chances === 'object' && chances !== null;
  const faults = isObject ? [...chaosFaults({ ...chances, seed })] : [...chaosFaults({ seed })];
  if (!isObject) faults.push({ field: 'chaos', problem: `got ${show(chances)}: allowed is an object of faults` });
  if (backend !== undefined && typeof backend !== 'function') {
    faults.push({ field: 'backend', problem: `got ${show(backend)}: allowed is a function that gives a backend` });
  }
  for (const field of ['limitMs', 'patienceMs'] as const) {
    const problem = options[field] === undefined ? undefined : durationRule(options[field]);
    if (problem !== undefined) faults.push({ field, problem });
  }
  return faults;
}
