import {
  type Agent,
  type Clock,
  type DeadLetter,
  defineGuild,
  type GuildOptions,
  type Log,
  MemoryBackend,
  type MemoryOptions,
  type RunningGuild,
  type StartOptions,
  startGuild,
  type Timer,
} from 'guildwire';
import { seededRandom, VirtualClock } from 'guildwire/testing';

/** What an author is told. */
export interface Said {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly text: string;
  readonly data: object | undefined;
}

export class RecordedLog implements Log {
  readonly said: Said[] = [];
  readonly debug = this.#keep('debug');
  readonly info = this.#keep('info');
  readonly warn = this.#keep('warn');
  readonly error = this.#keep('error');

  get texts(): readonly string[] {
    return this.said.map(({ level, text }) => `${level}: ${text}`);
  }

  #keep(level: Said['level']): Log['info'] {
    return (text, data) => void this.said.push({ level, text, data });
  }
}

/** Time that a test moves by hand, also while a handler works. */
export class ManualClock implements Clock {
  #now = 1_767_225_600_000;
  #timers: { readonly at: number; readonly callback: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const timer = { at: this.#now + delayMs, callback };
    this.#timers.push(timer);
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer);
      },
    };
  }

  /** Time passes without anything being run, as while a handler computes. */
  pass(ms: number): void {
    this.#now += ms;
  }

  async advance(ms: number): Promise<void> {
    this.pass(ms);
    for (const timer of this.#timers.filter(({ at }) => at <= this.#now)) {
      this.#timers = this.#timers.filter((other) => other !== timer);
      timer.callback();
    }
    await turns(3);
  }

  beginWork(): void {}

  endWork(): void {}
}

/** Lets everything run that can run now. */
export async function turns(count = 5): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A handler that does not end, and the work that the test does instead of it. */
export function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}

/** The backend, for a guild that must not close it: the test goes on with it. */
export function borrowed<B extends object>(backend: B): B {
  return new Proxy(backend, {
    get(target, property) {
      if (property === Symbol.asyncDispose) return async () => {};
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

interface MovableClock extends Clock {
  advance(ms: number): Promise<void>;
}

type LabOptions<C extends MovableClock> = Omit<MemoryOptions, 'clock' | 'random'> & { readonly clock?: C };

/** Guilds on one memory backend, in time that the test moves, with everything that they say. */
export class Lab<C extends MovableClock = VirtualClock> implements AsyncDisposable {
  readonly clock: C;
  readonly log = new RecordedLog();
  readonly backend: MemoryBackend;
  readonly #guilds: RunningGuild[] = [];

  constructor(options: LabOptions<C> = {}) {
    const { clock = new VirtualClock() as MovableClock as C, ...memory } = options;
    this.clock = clock;
    this.backend = new MemoryBackend({ ...memory, clock, random: seededRandom(1) });
  }

  async start(
    agents: readonly Agent[],
    options: Partial<StartOptions & Omit<GuildOptions<readonly Agent[]>, 'agents'>> = {},
  ): Promise<RunningGuild> {
    const { topics, maxHops, use, allowUndeclared = true, name = 'lab', ...start } = options;
    const guild = defineGuild({
      name,
      agents,
      allowUndeclared,
      ...(topics !== undefined && { topics }),
      ...(maxHops !== undefined && { maxHops }),
      ...(use !== undefined && { use }),
    });
    const { backend, clock, log } = this;
    const running = await startGuild(guild, {
      backend: () => borrowed(backend),
      clock,
      log,
      random: seededRandom(1),
      ...start,
    });
    this.#guilds.push(running);
    return running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const drained = this.#guilds.map((running) => running.drain(0));
    await this.clock.advance(0);
    await Promise.all(drained);
    await this.backend[Symbol.asyncDispose]();
  }
}

export async function deadLettersOf(running: RunningGuild, agent: string): Promise<readonly DeadLetter[]> {
  const { items } = await running.read({ deadLettersOf: agent });
  return items.map(({ payload }) => payload as unknown as DeadLetter);
}

/** Attempts that follow each other at once. */
export const atOnce = (attempts: number) => ({ attempts, baseMs: 0, maxMs: 0 });
