/** @module Being woken: words over publish/subscribe that carry no truth, so that one that is lost costs only time. */
import type { Client } from './clients.ts';
import type { Connection } from './connection.ts';

type Listener = (word: string) => void;

/** One channel, heard from soon after it was opened until the backend is closed. */
export class Channel {
  readonly #listeners = new Set<Listener>();
  #heard = 0;

  /** How often something was said; pass it to `changed`. */
  get heard(): number {
    return this.#heard;
  }

  say(word: string): void {
    this.#heard++;
    for (const listener of this.#listeners) listener(word);
  }

  /** Resolves when something was said since `seen` that is for the listener, after `ms`, or when a signal aborts. */
  async changed(
    seen: number,
    ms: number,
    signals: readonly AbortSignal[],
    isMine: (word: string) => boolean,
  ): Promise<void> {
    if (this.#heard !== seen || signals.some(({ aborted }) => aborted)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const listener = (word: string) => {
      if (word === EVERYTHING || isMine(word)) resolve();
    };
    const onAbort = () => resolve();
    const timer = setTimeout(resolve, Math.max(0, ms));
    for (const signal of signals) signal.addEventListener('abort', onAbort, { once: true });
    this.#listeners.add(listener);
    await promise;
    this.#listeners.delete(listener);
    for (const signal of signals) signal.removeEventListener('abort', onAbort);
    clearTimeout(timer);
  }
}

/** Something may have been missed. */
const EVERYTHING = '*';

export class Channels {
  readonly #connection: Connection;
  readonly #channels = new Map<string, Channel>();
  readonly #letters = new Map<string, (letter: Buffer) => void>();
  #client: Client | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  open(name: string): Channel {
    const known = this.#channels.get(name);
    if (known !== undefined) return known;
    const channel = new Channel();
    this.#channels.set(name, channel);
    // What was said before it was heard was missed, so whoever waits looks once more.
    this.#listener()
      .subscribe(name)
      .then(
        () => channel.say(EVERYTHING),
        () => this.#channels.delete(name),
      );
    return channel;
  }

  /** Bytes instead of words; what is said before it is heard, or while the connection is away, is missed. */
  openLetters(name: string, onLetter: (letter: Buffer) => void): void {
    if (this.#letters.has(name)) return;
    this.#letters.set(name, onLetter);
    this.#listener()
      .subscribe(name)
      .catch(() => this.#letters.delete(name));
  }

  close(): void {
    this.#client?.disconnect();
    for (const channel of this.#channels.values()) channel.say(EVERYTHING);
    this.#channels.clear();
  }

  #listener(): Client {
    if (this.#client !== undefined) return this.#client;
    const client = this.#connection.listener();
    client.on('messageBuffer', (channel: Buffer, said: Buffer) => {
      const name = channel.toString();
      const onLetter = this.#letters.get(name);
      if (onLetter === undefined) this.#channels.get(name)?.say(said.toString());
      else onLetter(said);
    });
    // What was said while the connection was away was missed.
    client.on('ready', () => {
      for (const channel of this.#channels.values()) channel.say(EVERYTHING);
    });
    this.#client = client;
    return client;
  }
}
