/** @module Messages on their way to the server: gathered for a moment, and sent in batches, one after the other per topic. */
import type { Outcome } from '../../backends/backend.ts';
import type { Clock, Timer } from '../../core/clock.ts';
import { GuildwireError } from '../../core/errors.ts';
import type { GemstoneId } from '../../core/gemstone-id.ts';
import type { Problem } from '../schemas/answers.ts';
import { ProblemError, UnreachableError } from './client-errors.ts';
import { MAX_REQUEST_BYTES } from './weight.ts';

export type Stored = Outcome<{ readonly id: GemstoneId; readonly duplicate: boolean }>;

interface Entry {
  readonly bytes: number;
  readonly json: () => string | Promise<string>;
  readonly settle: (outcome: Stored) => void;
}

/** What goes to one topic. */
interface Lane {
  readonly topic: string;
  readonly entries: Entry[];
  bytes: number;
  timer: Timer | undefined;
  sending: Promise<void> | undefined;
}

export interface PublishQueueOptions {
  readonly clock: Clock;
  /** How long a message waits for others. */
  readonly lingerMs: number;
  /** Sends a JSON array of messages to a topic. */
  readonly send: (topic: string, batch: string) => Promise<BatchAnswer>;
}

export interface BatchAnswer {
  readonly outcomes: readonly (
    | { readonly ok: true; readonly id: GemstoneId; readonly duplicate: boolean }
    | { readonly ok: false; readonly problem: Problem }
  )[];
}

const MAX_ENTRIES = 100;

export class PublishQueue {
  readonly #options: PublishQueueOptions;
  readonly #lanes = new Map<string, Lane>();

  constructor(options: PublishQueueOptions) {
    this.#options = options;
  }

  /**
   * Never rejects.
   *
   * @param bytes What it weighs; what is too heavy for a batch travels alone.
   * @param json The message, asked for right before it is sent.
   */
  add(topic: string, bytes: number, json: Entry['json']): Promise<Stored> {
    const lane = this.#laneOf(topic);
    const { promise, resolve } = Promise.withResolvers<Stored>();
    lane.entries.push({ bytes, json, settle: resolve });
    lane.bytes += bytes;
    if (lane.entries.length >= MAX_ENTRIES || lane.bytes >= MAX_REQUEST_BYTES) this.#send(lane);
    else lane.timer ??= this.#options.clock.setTimer(this.#options.lingerMs, () => this.#send(lane));
    return promise;
  }

  /** Sends at once what waits, and resolves when all of it was answered. */
  async flush(): Promise<void> {
    for (const lane of this.#lanes.values()) this.#send(lane);
    await Promise.all([...this.#lanes.values()].map(({ sending }) => sending));
  }

  #laneOf(topic: string): Lane {
    const lane = this.#lanes.get(topic) ?? { topic, entries: [], bytes: 0, timer: undefined, sending: undefined };
    this.#lanes.set(topic, lane);
    return lane;
  }

  #send(lane: Lane): void {
    lane.timer?.cancel();
    lane.timer = undefined;
    lane.sending ??= this.#empty(lane);
  }

  /** One batch at a time, so that messages of a topic stay in their order. */
  async #empty(lane: Lane): Promise<void> {
    while (lane.entries.length > 0) {
      const batch = takeBatch(lane);
      const outcomes = await this.#outcomesOf(lane.topic, batch);
      for (const [index, { settle }] of batch.entries()) settle(outcomes[index] as Stored);
    }
    this.#lanes.delete(lane.topic);
  }

  async #outcomesOf(topic: string, batch: readonly Entry[]): Promise<readonly Stored[]> {
    try {
      const messages = await Promise.all(batch.map(({ json }) => json()));
      const { outcomes } = await this.#options.send(topic, `[${messages.join(',')}]`);
      return batch.map((_, index): Stored => {
        const outcome = outcomes[index];
        if (outcome === undefined) throw new UnreachableError('the server gave no outcome for a message');
        if (!outcome.ok) return { ok: false, error: new ProblemError(outcome.problem) };
        return { ok: true, id: outcome.id, duplicate: outcome.duplicate };
      });
    } catch (cause) {
      const error =
        cause instanceof GuildwireError ? cause : new UnreachableError('the answer cannot be read', { cause });
      return batch.map(() => ({ ok: false, error }));
    }
  }
}

function takeBatch(lane: Lane): readonly Entry[] {
  let count = 0;
  let weight = 0;
  for (const { bytes } of lane.entries) {
    if (count === MAX_ENTRIES || (count > 0 && weight + bytes > MAX_REQUEST_BYTES)) break;
    weight += bytes;
    count++;
  }
  lane.bytes -= weight;
  return lane.entries.splice(0, count);
}
