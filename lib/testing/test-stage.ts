/** @module What a test of a guild holds: the guild at work, its time, and what was published. */
import type { Bus, Topics } from '../bus/bus.ts';
import type { HistoryQuery } from '../bus/history-query.ts';
import type { PublishOptions } from '../bus/publish-options.ts';
import type { RequestOptions } from '../bus/request-reply.ts';
import type { Settled, SettledOptions } from '../bus/settled.ts';
import type { Clock } from '../core/clock.ts';
import type { DeadLetter } from '../core/dead-letter.ts';
import { InvalidArgumentError } from '../core/errors.ts';
import type { Format, InputOf, OutputOf } from '../core/format.ts';
import type { GemstoneId } from '../core/gemstone-id.ts';
import type { Message } from '../core/message.ts';
import { show } from '../core/show.ts';
import type { RunningGuild } from '../guild/running-guild.ts';
import type { ChaosBackend } from './chaos/chaos-backend.ts';
import type { InjectedFault } from './chaos/fault-schedule.ts';
import { pendingOf } from './pending.ts';
import { unlessStandstill } from './standstill.ts';
import { NotSettledError } from './testing-errors.ts';
import type { VirtualClock } from './virtual-clock.ts';

export interface StageParts {
  readonly running: RunningGuild;
  readonly clock: VirtualClock;
  readonly chaos: ChaosBackend;
  readonly bus: Bus;
  readonly agents: readonly string[];
  readonly limitMs: number;
  readonly patienceMs: number;
  readonly wall: Clock;
}

/** How a published message and all that descends from it came out. */
export interface RunResult extends Settled {
  readonly id: GemstoneId;
}

const PAGE = 1_000;

/** Made by `testGuild`. What is published and read through it meets no fault; the guild's own work does. */
export class TestStage implements AsyncDisposable {
  /** The guild itself, under chaos if there is any. */
  readonly running: RunningGuild;
  /** Publishes and reads without chaos, for functions of your own that take a bus. */
  readonly bus: Bus;
  readonly clock: VirtualClock;
  /** The backend of the guild: what chaos did to it, and `down` and `up` to take the store away by hand. */
  readonly chaos: ChaosBackend;
  readonly #parts: StageParts;

  constructor(parts: StageParts) {
    this.running = parts.running;
    this.bus = parts.bus;
    this.clock = parts.clock;
    this.chaos = parts.chaos;
    this.#parts = parts;
  }

  /** What chaos did so far, in order. */
  get faults(): readonly InjectedFault[] {
    return this.chaos.faults;
  }

  /** Publishes as a user would. Time does not move. Throws what `Bus.publish` throws. */
  publish<F extends Format>(
    topics: Topics,
    format: F,
    payload: NoInfer<InputOf<F>>,
    options?: PublishOptions,
  ): Promise<GemstoneId> {
    return this.bus.publish(topics, format, payload, options);
  }

  /**
   * Moves time on until all that descends from the message is done: retries, delays, and timers unless told otherwise.
   *
   * @throws NotSettledError, which names what is left, after the limit of virtual time or at a standstill.
   */
  async settled(id: GemstoneId, options?: SettledOptions): Promise<Settled> {
    const { bus, clock } = this;
    const ended = bus.settled(id, options);
    try {
      return await this.until(ended);
    } catch (cause) {
      const code = (cause as { readonly code?: string } | undefined)?.code;
      if (code !== 'VIRTUAL_TIME' && code !== 'STANDSTILL') throw cause;
      throw new NotSettledError(id, await pendingOf(bus, id, clock.now()), { cause });
    }
  }

  /** `publish`, then `settled`. */
  async run<F extends Format>(
    topics: Topics,
    format: F,
    payload: NoInfer<InputOf<F>>,
    options?: PublishOptions,
  ): Promise<RunResult> {
    const id = await this.publish(topics, format, payload, options);
    return { id, ...(await this.settled(id)) };
  }

  /** Asks as a user would, and gives the answer, decoded; time moves on until it is there. Throws what `Bus.request` throws. */
  request<F extends Format, R extends Format>(
    topic: string,
    format: F,
    payload: NoInfer<InputOf<F>>,
    options: RequestOptions<R>,
  ): Promise<OutputOf<R>> {
    return this.until(this.bus.request(topic, format, payload, options));
  }

  /**
   * Moves time on until the promise is settled, and gives what it gives.
   *
   * @throws VirtualTimeError after the limit of virtual time; StandstillError if a handler works on and on.
   */
  until<T>(promise: Promise<T>): Promise<T> {
    const { clock, limitMs, wall, patienceMs } = this.#parts;
    // What is given up must not move time behind the test's back.
    const over = Promise.withResolvers<T>();
    promise.then(over.resolve, over.reject);
    const moved = unlessStandstill(clock.runUntil(over.promise, limitMs), { virtual: clock, wall, patienceMs });
    moved.catch(over.reject);
    return moved;
  }

  /**
   * The payloads of all messages of that format, decoded, in the order in which they were published.
   *
   * @param where.topic A topic or a pattern. @default - all topics but the reserved ones
   */
  async published<F extends Format>(
    format: F,
    { topic = '**' }: { readonly topic?: string } = {},
  ): Promise<readonly OutputOf<F>[]> {
    const messages = await this.messages({ pattern: topic, format: format.name });
    const seen = new Set<GemstoneId>();
    const once = messages.filter(({ id }) => !seen.has(id) && seen.add(id));
    return once.map(({ payload }) => format.decode(payload) as OutputOf<F>);
  }

  /** All messages that the query names, one for each of their topics. */
  async messages(query: Omit<HistoryQuery, 'after' | 'limit'>): Promise<readonly Message[]> {
    const { bus } = this;
    const messages: Message[] = [];
    let page = await bus.read({ ...query, limit: PAGE });
    messages.push(...page.items);
    while (page.next !== undefined) {
      page = await bus.read({ ...query, limit: PAGE, after: page.next });
      messages.push(...page.items);
    }
    return messages;
  }

  /** The agent's dead letters, the oldest first. */
  async deadLetters(agent: string): Promise<readonly DeadLetter[]> {
    const { agents } = this.#parts;
    if (!agents.includes(agent)) {
      const problem = `got ${show(agent)}: agents of the guild are ${agents.join(', ')}`;
      throw new InvalidArgumentError([{ field: 'agent', problem }]);
    }
    const letters = await this.messages({ deadLettersOf: agent });
    return letters.map(({ payload }: Message<unknown>) => payload as DeadLetter);
  }

  /** Stops the guild, handing back what runs, and closes its backend. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.chaos.up();
    const drained = this.running.drain(0);
    // Also handlers that hang are given up now.
    await this.clock.force(0);
    await this.clock.runUntil(drained);
    await this.chaos[Symbol.asyncDispose]();
  }
}
