/** @module The stage of one test: a guild on the backend under test, in a namespace of its own. */
import { randomUUID } from 'node:crypto';
import type { Backend } from '../../backends/backend.ts';
import { borrowed } from '../../backends/borrowed-backend.ts';
import { silentLog } from '../../bus/log.ts';
import { genericJson } from '../../core/format.ts';
import type { Json } from '../../core/json.ts';
import type { Message } from '../../core/message.ts';
import type { Context } from '../../guild/context.ts';
import { type Agent, type AgentOptions, defineAgent } from '../../guild/define-agent.ts';
import { defineGuild, type GuildOptions } from '../../guild/define-guild.ts';
import type { RunningGuild } from '../../guild/running-guild.ts';
import { startGuild } from '../../guild/start-guild.ts';
import { subscriptionOf } from '../../guild/subscription-of.ts';
import type { Harness } from './harness.ts';

/** A name that no other test has. */
export const freshNamespace = () => `n${randomUUID().replaceAll('-', '')}`;

const FENCE = 'guildwire.fence';
/** Attempts after which a recorder does nothing any more, so that no defect keeps the suite busy for ever. */
const MAX_ATTEMPTS = 500;
type Act = (payload: Json, context: Context<string>) => void | Promise<void>;
type RecorderOptions = Partial<Omit<AgentOptions<string, string, never>, 'name' | 'handlers' | 'state'>>;

/** An agent that keeps what it is given, and then does what the test says. */
export class Recorder {
  readonly agent: Agent;
  /** Of each attempt, in the order in which they started. */
  readonly attempts: { readonly message: Message; readonly attempt: number; readonly deliveryKey: string }[] = [];
  readonly #waiting = new Set<() => void>();
  #fences = 0;

  constructor(name: string, options: RecorderOptions, act: Act = () => {}) {
    this.agent = defineAgent({
      subscribes: [],
      entry: import.meta.url,
      ...options,
      name,
      handlers: (on) => [
        on.any((payload, context: Context<string>) => {
          if (context.message.headers[FENCE] !== undefined) return this.#pass();
          const { message, attempt, deliveryKey } = context;
          this.attempts.push({ message, attempt, deliveryKey });
          for (const wake of this.#waiting) wake();
          return this.attempts.length > MAX_ATTEMPTS ? undefined : act(payload, context);
        }),
      ],
    });
  }

  /** The payloads of all attempts. */
  get payloads(): readonly Json[] {
    return this.attempts.map(({ message }) => message.payload);
  }

  get messages(): readonly Message[] {
    return this.attempts.map(({ message }) => message);
  }

  get fences(): number {
    return this.#fences;
  }

  /** Resolves when it has started `count` attempts in all. */
  async started(count: number): Promise<void> {
    await this.until(() => this.attempts.length >= count);
  }

  async until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.add(resolve);
      await promise;
      this.#waiting.delete(resolve);
    }
  }

  #pass(): void {
    this.#fences++;
    for (const wake of this.#waiting) wake();
  }
}

export class Stage implements AsyncDisposable {
  readonly namespace = freshNamespace();
  readonly #harness: Harness;
  readonly #guilds: RunningGuild[] = [];
  readonly #backends: Backend[] = [];

  constructor(harness: Harness) {
    this.#harness = harness;
  }

  get harness(): Harness {
    return this.#harness;
  }

  get unitMs(): number {
    return this.#harness.unitMs;
  }

  advance(units: number): Promise<void> {
    return this.#harness.advance(units);
  }

  quiet(): Promise<void> {
    return this.#harness.quiet();
  }

  /** A backend for these agents, in this test's namespace and in `others`. */
  async open(agents: readonly Agent[], others: readonly string[] = []): Promise<Backend> {
    const namespaces = [this.namespace, ...others];
    const backend = await this.#harness.open(
      namespaces.flatMap((name) => agents.map((agent) => subscriptionOf(agent, name))),
    );
    this.#backends.push(backend);
    return backend;
  }

  /** The agents at work on a backend of their own, or on one that is open already. */
  async start(
    agents: readonly Agent[],
    options: Partial<Omit<GuildOptions<readonly Agent[]>, 'agents'>> & {
      readonly backend?: Backend;
      readonly namespace?: string;
    } = {},
  ): Promise<RunningGuild> {
    const { backend = await this.open(agents), namespace = this.namespace, ...guildOptions } = options;
    const guild = defineGuild({ name: 'conformance', allowUndeclared: true, ...guildOptions, agents });
    const { clock, random } = this.#harness;
    const running = await startGuild(guild, {
      backend: () => borrowed(backend),
      namespace,
      clock,
      random,
      log: silentLog,
    });
    this.#guilds.push(running);
    return running;
  }

  /**
   * Everything published to the topic before has been handled, or will never be: a later message came through.
   *
   * @param recorders One, or all instances of an agent, of which any may get that message.
   */
  async fence(running: RunningGuild, recorders: Recorder | readonly Recorder[], topic: string): Promise<void> {
    const instances = [recorders].flat();
    const recipients = instances.slice(0, 1).map(({ agent }) => agent.name);
    const passed = instances.map((recorder) => {
      const before = recorder.fences;
      return () => recorder.until(() => recorder.fences > before);
    });
    await running.publish(topic, genericJson, null, { headers: { [FENCE]: '1' }, priority: 9, recipients });
    await Promise.race(passed.map((wait) => wait()));
    await this.quiet();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const drained = this.#guilds.map((running) => running.drain(0));
    await this.advance(0);
    await Promise.all(drained);
    for (const backend of this.#backends) await backend[Symbol.asyncDispose]();
  }
}
