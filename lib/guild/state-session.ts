/** @module What one attempt read and wrote of its agent's state (S1). */
import type { Backend, StateWrite } from '../backends/backend.ts';
import { InvalidArgumentError, StateTooLargeError } from '../core/errors.ts';
import { encodeWith, type Format } from '../core/format.ts';
import type { Json } from '../core/json.ts';
import { outputsOfState } from '../core/outputs.ts';
import { show } from '../core/show.ts';
import type { StateAccess } from './context.ts';
import type { OutputCount } from './output-count.ts';

const MAX_VALUE_BYTES = 64 * 1024;
const MAX_KEY_LENGTH = 512;
const NOW = Promise.resolve();

interface Entry {
  /** The version that the attempt saw; undefined until it is read. */
  version: number | undefined;
  value: Json | undefined;
  isWritten: boolean;
  /** What it counts of the attempt's outputs; 0 until it is written. */
  outputs: number;
}

/** The attempt. */
interface Holder {
  /** Throws once it has ended. */
  mustRun(): void;
  readonly count: OutputCount;
}

export class StateSession implements StateAccess<unknown, unknown> {
  readonly #backend: Backend;
  readonly #namespace: string;
  readonly #agent: string;
  readonly #format: Format;
  readonly #holder: Holder;
  readonly #entries = new Map<string, Entry>();
  /** Keys that are asked for at once, on their way to be loaded together. */
  #wanted: Set<string> | undefined;
  #loading = NOW;

  constructor(backend: Backend, namespace: string, agent: string, format: Format, holder: Holder) {
    this.#holder = holder;
    this.#backend = backend;
    this.#namespace = namespace;
    this.#agent = agent;
    this.#format = format;
  }

  async get(key: string): Promise<unknown> {
    this.#holder.mustRun();
    checkKey(key);
    if (!this.#entries.has(key)) await this.#loadSoon(key);
    const value = this.#entries.get(key)?.value;
    return value === undefined ? undefined : this.#format.decode(value);
  }

  set(key: string, value: unknown): void {
    this.#holder.mustRun();
    checkKey(key);
    const stored = encodeWith(this.#format, value);
    const bytes = Buffer.byteLength(JSON.stringify(stored));
    if (bytes > MAX_VALUE_BYTES) throw new StateTooLargeError(key, bytes, MAX_VALUE_BYTES);
    this.#write(key, stored, outputsOfState(bytes));
  }

  delete(key: string): void {
    this.#holder.mustRun();
    checkKey(key);
    this.#write(key, undefined, outputsOfState(0));
  }

  /** What was read and written so far, to go on with apart from this. */
  copy(holder: Holder): StateSession {
    const copied = new StateSession(this.#backend, this.#namespace, this.#agent, this.#format, holder);
    for (const [key, entry] of this.#entries) copied.#entries.set(key, { ...entry });
    return copied;
  }

  /** What to commit. A key that was written without being read is guarded by its version as of now. */
  async writes(): Promise<readonly StateWrite[]> {
    const unread = [...this.#entries].filter(([, { version }]) => version === undefined).map(([key]) => key);
    if (unread.length > 0) await this.#load(unread);
    return [...this.#entries]
      .filter(([, { isWritten }]) => isWritten)
      .map(([key, { value, version = 0 }]) => ({ key, value, ifVersion: version }));
  }

  #write(key: string, value: Json | undefined, outputs: number): void {
    const before = this.#entries.get(key);
    this.#holder.count.add(outputs - (before?.outputs ?? 0));
    this.#entries.set(key, { version: before?.version, value, isWritten: true, outputs });
  }

  #loadSoon(key: string): Promise<void> {
    if (this.#wanted === undefined) {
      const wanted = new Set<string>();
      this.#wanted = wanted;
      this.#loading = NOW.then(() => {
        this.#wanted = undefined;
        return this.#load([...wanted]);
      });
    }
    this.#wanted.add(key);
    return this.#loading;
  }

  async #load(keys: readonly string[]): Promise<void> {
    const stored = await this.#backend.state(this.#namespace, this.#agent, keys);
    for (const [index, key] of keys.entries()) {
      const { version, value } = stored[index] ?? { version: 0, value: undefined };
      const entry = this.#entries.get(key);
      // What was written meanwhile stays; it only learns the version that it replaces.
      if (entry?.isWritten) entry.version ??= version;
      else if (entry === undefined) this.#entries.set(key, { version, value, isWritten: false, outputs: 0 });
    }
  }
}

function checkKey(key: string): void {
  if (typeof key === 'string' && key.length > 0 && key.length <= MAX_KEY_LENGTH) return;
  const problem = `got ${show(key)}: a state key is text of 1 to ${MAX_KEY_LENGTH} characters`;
  throw new InvalidArgumentError([{ field: 'key', problem }]);
}
