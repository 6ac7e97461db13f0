/** @module Drives an event source mapping of a table's stream. */
import { setTimeout as wait } from 'node:timers/promises';
import type { MappingDefinition, Source } from './mapping.ts';
import { Polling } from './polling.ts';
import { type GiveUp, StreamLane } from './stream-lane.ts';
import type { StreamReader } from './stream-reader.ts';

const PAUSE_MS = 20;
/** So many batches of each lane are read ahead. */
const AHEAD = 10;

/** Changes of one item stay in order: they take the same lane, of as many as the mapping's parallelization factor. */
export class StreamSource implements Source {
  readonly definition: MappingDefinition;
  readonly #reader: StreamReader;
  readonly #polling: Polling;
  readonly #stopped = new AbortController();
  readonly #lanes: readonly StreamLane[];
  #received = 0;
  #trim = false;

  constructor(definition: MappingDefinition, reader: StreamReader, giveUp: GiveUp) {
    this.definition = definition;
    this.#reader = reader;
    this.#polling = new Polling((signal) => this.#poll(signal));
    this.#lanes = Array.from(
      { length: definition.parallelization },
      () => new StreamLane(definition, giveUp, this.#stopped.signal),
    );
  }

  get state() {
    return this.#polling.state;
  }
  get busy(): number {
    return this.#lanes.reduce((sum, { unsettled }) => sum + unsettled, 0);
  }
  get received(): number {
    return this.#received;
  }

  enable(): void {
    this.#polling.enable();
  }
  disable(): void {
    this.#polling.disable();
  }
  emptied(): Promise<void> {
    return this.#polling.emptied();
  }

  /** What was not read by the next poll is lost, as after 24 hours. */
  trim(): void {
    this.#trim = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort();
    await this.#polling.stop();
    await Promise.all(this.#lanes.map((lane) => lane.ended()));
  }

  async #poll(signal: AbortSignal): Promise<boolean> {
    const pause = () => wait(PAUSE_MS, undefined, { signal }).catch(() => undefined);
    if (this.busy > AHEAD * this.definition.batchSize * this.#lanes.length) {
      await pause();
      return true;
    }
    try {
      if (this.#trim) await this.#reader.trim();
      this.#trim = false;
      const records = await this.#reader.read();
      this.#received += records.length;
      for (const record of records)
        if (this.definition.passes(record.record)) this.#lanes[laneOf(record.itemKey, this.#lanes.length)]?.add(record);
      if (records.length > 0) return true;
    } catch {
      if (signal.aborted) return false;
      await pause();
      return true;
    }
    await pause();
    return false;
  }
}

/** FNV-1a, as good as any for spreading keys. */
function laneOf(key: string, lanes: number): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < key.length; index++) hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193);
  return (hash >>> 0) % lanes;
}
