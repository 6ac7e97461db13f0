/** @module A guild at work: a bus, and the agents that run in this process. */
import type { Backend } from '../backends/backend.ts';
import { Bus, type BusOptions } from '../bus/bus.ts';
import { type Clock, systemClock } from '../core/clock.ts';
import type { AgentRunner } from './agent-runner.ts';

const DRAIN_MS = 10_000;

export class RunningGuild extends Bus {
  readonly #backend: Backend;
  readonly #runners: readonly AgentRunner[];
  readonly #clock: Clock;
  #drained: Promise<void> | undefined;

  constructor(backend: Backend, options: BusOptions, runners: readonly AgentRunner[]) {
    super(backend, options);
    this.#backend = backend;
    this.#runners = runners;
    this.#clock = options.clock ?? systemClock;
  }

  /**
   * Takes no new deliveries, lets running attempts finish for up to `deadlineMs`, and hands the rest back for others.
   *
   * @param deadlineMs @default 10,000
   */
  drain(deadlineMs = DRAIN_MS): Promise<void> {
    this.#drained ??= this.#drain(deadlineMs);
    return this.#drained;
  }

  async #drain(deadlineMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#clock.setTimer(deadlineMs, resolve);
    await Promise.all(this.#runners.map((runner) => runner.drain(promise)));
    timer.cancel();
  }

  /** Drains, then gives up what still waits in a middleware, and closes the backend. */
  override async [Symbol.asyncDispose](): Promise<void> {
    await this.drain();
    await super[Symbol.asyncDispose]();
    await this.#backend[Symbol.asyncDispose]();
  }
}
