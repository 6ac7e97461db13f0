/** @module The connection for calls: waits for the server, repeats what was cut off, loads the functions where they are missing. */
import type { Redis } from 'ioredis';
import { BackendUnavailableError, type GuildwireError } from '../../core/errors.ts';
import { type Client, createClient } from './clients.ts';
import {
  closed,
  isCutOff,
  isMissingFunction,
  isPassing,
  late,
  messageOf,
  notLoaded,
  refusalOf,
  told,
} from './faults.ts';
import { functionName, isReader, libraryCode } from './function-library.ts';
import type { RedisSettings } from './redis-options.ts';
import { type AddressKind, parseRedisUrl } from './redis-url.ts';
import type { Reply } from './reply.ts';
import { describeServer, mastersOf, type ServerDescription, serverFault } from './server-description.ts';

export type Argument = string | number | Buffer;

export interface CallOptions {
  /** Whether text comes as bytes. @default false */
  readonly raw?: boolean;
}

const RETRY_MS = 50;
/** A server looks at its timeouts only now and then. */
const SERVER_TICK_MS = 500;
const UNHEARD = new Error('it closed the connection without a word: if it wants TLS, open it by rediss://');
const UNANSWERED = new Error('it is not there, or if it does not speak TLS, open it by redis://');
const CLOSED = new Error('the connection was closed');

export class Connection {
  readonly #client: Client;
  readonly #url: string;
  readonly #kind: AddressKind;
  readonly #isEncrypted: boolean;
  readonly #settings: RedisSettings;
  readonly #closing = new AbortController();
  /** Why there is no connection now. */
  #lastError: Error | undefined;
  /** Why there will be none, as long as nobody changes anything. */
  #refusal: GuildwireError | undefined;
  /** Who waits for the connection, or for the reason why there is none. */
  readonly #waiting = new Set<() => void>();
  #connections = 0;
  /** Whether the server has said anything on this connection. */
  #isHeard = false;
  #wasUsable = false;
  #checked: Promise<void> | undefined;
  #loading: Promise<unknown> | undefined;

  /** @throws InvalidArgumentError for a URL that is none. */
  constructor(url: string, settings: RedisSettings) {
    this.#url = url;
    const { kind, isEncrypted } = parseRedisUrl(url);
    this.#kind = kind;
    this.#isEncrypted = isEncrypted;
    if (isEncrypted) this.#lastError = UNANSWERED;
    this.#settings = settings;
    this.#client = createClient(url, settings, (error) => this.#failed(error));
    this.#client.on('connect', () => {
      this.#isHeard = false;
      this.#lastError = undefined;
      this.#refusal = undefined;
    });
    this.#client.on('ready', () => this.#connected());
    this.#client.on('close', () => this.#lost());
    this.#client.on('reconnecting', (inMs: number) =>
      settings.onConnection?.('reconnecting', { ...this.#why(), inMs }),
    );
  }

  get isCluster(): boolean {
    return this.#kind === 'cluster';
  }

  /** Aborts when the connection is closed. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** What every key of a namespace begins with; its hash tag keeps the namespace in one place. */
  base(namespace: string): string {
    return `${this.#settings.prefix}:{${namespace}}`;
  }

  /** A connection of its own, that says which channels it wants to hear. */
  listener(): Client {
    return createClient(this.#url, this.#settings, () => {}, true);
  }

  /**
   * Calls a function in a namespace.
   *
   * @throws BackendUnavailableError when there was no answer in time, or the connection is closed.
   * @throws InvalidArgumentError for a server that cannot be used, or not so.
   */
  call(name: string, namespace: string, args: readonly Argument[], options: CallOptions = {}): Promise<Reply> {
    return this.#patiently(() => this.#send(name, namespace, args, options));
  }

  /**
   * The same, answered when as many replicas as the settings want have what was written.
   *
   * @throws BackendUnavailableError when they do not in time; it is written all the same.
   */
  async callReplicated(name: string, namespace: string, args: readonly Argument[]): Promise<Reply> {
    const { replicas, timeoutMs } = this.#settings;
    const giveUpAt = performance.now() + 2 * timeoutMs + SERVER_TICK_MS;
    for (;;) {
      const before = this.#connections;
      const answer = await this.call(name, namespace, args);
      if (replicas === 0) return answer;
      const reached = await this.#within(giveUpAt, this.#client.wait(replicas, timeoutMs)).catch((error) => {
        if (isCutOff(error) || isPassing(error)) return undefined;
        throw told(error);
      });
      // A new connection waits for nothing that was written on the one before, so it is asked once more.
      const isAnother = reached === undefined || this.#connections !== before;
      if (isAnother && performance.now() < giveUpAt) continue;
      if (!isAnother && reached >= replicas) return answer;
      throw new BackendUnavailableError(
        `${reached ?? 0} of ${replicas} replicas had it within ${timeoutMs} ms: repeat the call, with the same idempotency key`,
      );
    }
  }

  /** Puts the functions on the server, or on every master, if they are not there. @throws as `call` does. */
  loadFunctions(): Promise<void> {
    return this.#patiently(() => this.#load());
  }

  describe(): Promise<ServerDescription> {
    const mode = this.#kind === 'server' ? 'standalone' : this.#kind;
    return this.#patiently(() => describeServer(this.#client, mode), false);
  }

  close(): void {
    this.#closing.abort();
    this.#client.disconnect();
    this.#wake();
  }

  /** What `work` gives; made again for as long as there is time and sense in it. */
  async #patiently<T>(work: () => Promise<T>, isChecked = true): Promise<T> {
    const giveUpAt = performance.now() + this.#settings.timeoutMs;
    for (;;) {
      if (this.closing.aborted) throw closed();
      try {
        if (this.#client.status !== 'ready' || this.#refusal !== undefined) await this.#ready(giveUpAt);
        if (isChecked) await this.#within(giveUpAt, this.#check());
        return await this.#within(giveUpAt, work());
      } catch (error) {
        if (this.closing.aborted) throw closed();
        if (isMissingFunction(error)) {
          await this.#within(giveUpAt, this.#load()).catch((failed) => {
            throw notLoaded(failed);
          });
          continue;
        }
        if (!(isPassing(error) || isCutOff(error)) || performance.now() + RETRY_MS > giveUpAt) throw told(error);
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  #send(name: string, namespace: string, args: readonly Argument[], options: CallOptions): Promise<Reply> {
    const command = isReader(name) ? 'FCALL_RO' : 'FCALL';
    const all = [functionName(name), 1, this.base(namespace), ...args];
    return options.raw ? this.#client.callBuffer(command, ...all) : this.#client.call(command, ...all);
  }

  /** Once for each connection, and again if the server could not be asked or could not be used. */
  #check(): Promise<void> {
    // After a failover a server may still be read-only for a while.
    const mayChange = this.#wasUsable || this.#kind !== 'server';
    this.#checked ??= serverFault(this.#client, mayChange).then(
      (fault) => {
        if (fault !== undefined) {
          this.#checked = undefined;
          throw fault;
        }
        this.#wasUsable = true;
      },
      (error) => {
        this.#checked = undefined;
        throw error;
      },
    );
    return this.#checked;
  }

  /** One load for all who miss the functions; that somebody else was faster is no error. */
  async #load(): Promise<void> {
    this.#loading ??= Promise.all(mastersOf(this.#client).map(load)).finally(() => {
      this.#loading = undefined;
    });
    await this.#loading;
  }

  #connected(): void {
    this.#connections++;
    this.#isHeard = true;
    this.#checked = undefined;
    this.#wake();
    this.#settings.onConnection?.('connected', {});
  }

  #failed(error: Error): void {
    const code = 'code' in error ? error.code : undefined;
    // A server without TLS waits for the end of a line that never comes, one with TLS hangs up.
    if (this.#isEncrypted && code === 'ETIMEDOUT') this.#lastError = UNANSWERED;
    else if (!this.#isEncrypted && !this.#isHeard && code === 'ECONNRESET') this.#lastError = UNHEARD;
    else this.#lastError = error;
    this.#refusal = refusalOf(error);
    this.#wake();
  }

  #lost(): void {
    if (this.closing.aborted) return;
    this.#lastError ??= this.#isHeard ? CLOSED : UNHEARD;
    this.#settings.onConnection?.('lost', this.#why());
  }

  #why(): { readonly reason?: string } {
    return this.#lastError === undefined ? {} : { reason: messageOf(this.#lastError) };
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }

  async #ready(giveUpAt: number): Promise<void> {
    for (;;) {
      if (this.closing.aborted) throw closed();
      if (this.#refusal !== undefined) throw this.#refusal;
      if (this.#client.status === 'ready') return;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.add(resolve);
      await this.#within(giveUpAt, promise).finally(() => this.#waiting.delete(resolve));
    }
  }

  async #within<T>(giveUpAt: number, work: Promise<T>): Promise<T> {
    const { promise, reject } = Promise.withResolvers<never>();
    const leftMs = Math.max(0, giveUpAt - performance.now());
    const timer = setTimeout(() => reject(late(this.#settings.timeoutMs, this.#lastError)), leftMs);
    try {
      return await Promise.race([work, promise]);
    } finally {
      clearTimeout(timer);
    }
  }
}

async function load(server: Redis): Promise<void> {
  try {
    await server.call('FUNCTION', 'LOAD', libraryCode);
  } catch (error) {
    if (!/already exists/.test(messageOf(error))) throw error;
  }
}
