/** @module What the parts of the backend share: the connection, the channels, and one registry for each namespace. */
import { randomUUID } from 'node:crypto';
import { BackendUnavailableError } from '../../core/errors.ts';
import { createGemstoneIdGenerator } from '../../core/gemstone-id.ts';
import type { Channel, Channels } from './channels.ts';
import type { Argument, CallOptions, Connection } from './connection.ts';
import type { EntryWriter } from './entries.ts';
import { isReader } from './function-library.ts';
import { luaJson } from './lua-json.ts';
import type { RedisSettings } from './redis-options.ts';
import { Registry } from './registry.ts';
import { type Reply, text } from './reply.ts';

/** Matched against a registry that was then no longer in force; more often in a row than subscriptions can change. */
const MAX_STALE = 100;

export class Namespaces {
  readonly settings: RedisSettings;
  readonly #connection: Connection;
  readonly #channels: Channels;
  readonly #registries = new Map<string, Registry>();
  readonly #claims = new Map<string, Promise<unknown>>();
  readonly #name = randomUUID();
  readonly #tails: () => string;
  #calls = 0;

  constructor(connection: Connection, channels: Channels, settings: RedisSettings) {
    this.settings = settings;
    this.#connection = connection;
    this.#channels = channels;
    let drawn = 0;
    const ids = createGemstoneIdGenerator(() => ++drawn, settings.random);
    this.#tails = () => ids.next(0).slice(10, 25);
  }

  /** Aborts when the backend is closed. */
  get closing(): AbortSignal {
    return this.#connection.closing;
  }

  get names(): readonly string[] {
    return [...this.#registries.keys()];
  }

  async call(name: string, namespace: string, args: readonly Argument[], options?: CallOptions): Promise<Reply> {
    if (!isReader(name)) await this.#claim(namespace);
    return this.#connection.call(name, namespace, args, options);
  }

  /** Makes sure, once, that nobody else's keys lie there, and that all may be done there that a change does. */
  #claim(namespace: string): Promise<unknown> {
    let claim = this.#claims.get(namespace);
    if (claim === undefined) {
      claim = this.#connection.call('claim', namespace, [this.nonce()]);
      this.#claims.set(namespace, claim);
      claim.catch(() => this.#claims.delete(namespace));
    }
    return claim;
  }

  /** A name that no other call of any process has. */
  nonce(): string {
    return `${this.#name}${(this.#calls++).toString(36)}`;
  }

  registry(namespace: string): Registry {
    let registry = this.#registries.get(namespace);
    if (registry === undefined) {
      registry = new Registry(this.#connection, namespace);
      this.#registries.set(namespace, registry);
    }
    return registry;
  }

  /** Where consumers of an agent are told that there may be something. */
  queueChannel(namespace: string, agent: string): Channel {
    return this.#channels.open(`${this.#connection.base(namespace)}:q:${agent}`);
  }

  /** Whether it can be given deliveries while it waits: a server of a cluster does not know who hears it. */
  get hearsLetters(): boolean {
    return !this.#connection.isCluster;
  }

  /** What this client is called among those that wait for deliveries. */
  get waiter(): string {
    return this.#name;
  }

  /** Where this client is given deliveries of an agent that it waits for. */
  openLetters(namespace: string, agent: string, onLetter: (letter: Buffer) => void): void {
    this.#channels.openLetters(`${this.#connection.base(namespace)}:q:${agent}:w:${this.#name}`, onLetter);
  }

  /** Where the topic of each message is told that is stored. */
  logChannel(namespace: string): Channel {
    return this.#channels.open(`${this.#connection.base(namespace)}:log`);
  }

  /** Where roots are told of which nothing is left to do. */
  settledChannel(namespace: string): Channel {
    return this.#channels.open(`${this.#connection.base(namespace)}:settled`);
  }

  /**
   * Calls a function that stores messages, matched against the subscriptions in force: as often as they change meanwhile.
   *
   * @param write Makes the header; called again for each repetition.
   */
  async store(
    name: 'append' | 'settle',
    namespace: string,
    write: (registry: Registry) => { readonly header: object; readonly writer: EntryWriter },
  ): Promise<readonly (readonly string[])[]> {
    const registry = this.registry(namespace);
    await this.#claim(namespace);
    await registry.known();
    const nonce = this.nonce();
    for (let stale = 0; stale < MAX_STALE; stale++) {
      const { header, writer } = write(registry);
      const args = [nonce, registry.version, this.#tails(), luaJson({ ...header, ...writer.topics })];
      const reply = await this.#connection.callReplicated(name, namespace, [...args, ...writer.bodies]);
      const answer = text(reply);
      if (answer !== 'STALE') {
        writer.stored();
        return JSON.parse(answer) as string[][];
      }
      // It may have moved because the server has forgotten everything.
      this.#claims.delete(namespace);
      await this.#claim(namespace);
      await registry.refresh();
    }
    throw new BackendUnavailableError(
      `the subscriptions of "${namespace}" change faster than they can be read: try again`,
    );
  }
}
