/** @module The state of agents (S1): values with versions, by agent and key. */
import type { Json } from '../../core/json.ts';
import type { StateWrite } from '../backend.ts';

interface Stored {
  readonly value: Json | undefined;
  readonly version: number;
}

const NOTHING: Stored = { value: undefined, version: 0 };

export class StateStore {
  readonly #values = new Map<string, Map<string, Stored>>();
  /** Never used twice, so that a key that was deleted and written again is seen to have changed. */
  #lastVersion = 0;

  get(agent: string, key: string): Stored {
    return this.#values.get(agent)?.get(key) ?? NOTHING;
  }

  /** The first key whose version is no longer the one that was read. */
  conflict(agent: string, writes: readonly StateWrite[]): string | undefined {
    return writes.find(({ key, ifVersion }) => this.get(agent, key).version !== ifVersion)?.key;
  }

  write(agent: string, writes: readonly StateWrite[]): void {
    if (writes.length === 0) return;
    const values = this.#values.get(agent) ?? new Map<string, Stored>();
    this.#values.set(agent, values);
    for (const { key, value } of writes) {
      if (value === undefined) values.delete(key);
      else values.set(key, { value, version: ++this.#lastVersion });
    }
  }
}
