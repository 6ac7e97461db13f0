/** @module Calls of AWS: sent once, repeated by our own rules, and their failures told in our own errors. */
import type { Clock } from '../../../core/clock.ts';
import { sleep } from '../../../core/clock.ts';
import { BackendUnavailableError } from '../../../core/errors.ts';
import type { AwsService, AwsSettings } from '../aws-settings.ts';
import { failureKind, refusal, unavailable } from './aws-errors.ts';
import { ServerClock } from './server-clock.ts';

/** A command of the SDK, as far as the type of its answer goes. */
export interface AwsCommand<Output extends object> {
  readonly input: object;
  resolveMiddleware(
    stack: never,
    configuration: never,
    options: never,
  ): (input: never) => Promise<{ readonly output: Output }>;
}

/** A client of the SDK. */
export interface AwsClient {
  send(command: never, options: { readonly abortSignal: AbortSignal }): Promise<object>;
  destroy(): void;
  readonly middlewareStack: { add(middleware: never, options: never): void };
}

export interface SendOptions {
  /** As permissions call it, such as `dynamodb:PutItem`. */
  readonly action: string;
  /** What it is done to: the name of a table, the URL of a queue. */
  readonly resource: string;
  /** Unix ms after which it is not repeated. @default - `timeoutMs` of the settings from now */
  readonly deadlineAt?: number;
  /** How long one try may take, in ms. @default 3,000 */
  readonly tryMs?: number;
  /** Ends the call; it then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Names of errors that are answers: they are thrown as the SDK made them. */
  readonly answers?: readonly string[];
}

const DEFAULT_TRY_MS = 3_000;
const FIRST_PAUSE_MS = 25;
const MAX_PAUSE_MS = 1_000;
const EMULATED = { region: 'us-east-1' } as const;

/** Options for a client of the SDK: its own retries off, ours are in `send`. */
export interface ClientOptions {
  readonly maxAttempts: 1;
  readonly region?: string;
  readonly endpoint?: string;
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

export class AwsCalls implements Disposable {
  readonly settings: AwsSettings;
  /** The time of AWS. */
  readonly time: ServerClock;
  readonly #clients = new Map<AwsService, AwsClient>();
  readonly #closing = new AbortController();

  constructor(settings: AwsSettings) {
    this.settings = settings;
    this.time = new ServerClock(settings.clock);
  }

  get clock(): Clock {
    return this.settings.clock;
  }

  /** Aborts when the backend is closed. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** Numbers in [0, 1). */
  readonly random = (): number => (this.settings.random ?? Math.random)();

  /** Until when a call that starts now is repeated. */
  deadline(): number {
    return this.clock.now() + this.settings.timeoutMs;
  }

  /**
   * The client of a service, made when it is first asked for.
   *
   * @param create Makes it with the options given.
   */
  client<Client extends AwsClient>(service: AwsService, create: (options: ClientOptions) => Client): Client {
    const known = this.#clients.get(service);
    if (known !== undefined) return known as Client;
    const { region, endpoints, credentials } = this.settings;
    const endpoint = endpoints[service];
    const client = create({
      maxAttempts: 1,
      ...(endpoint !== undefined && { endpoint, ...EMULATED }),
      ...(region !== undefined && { region }),
      ...(credentials !== undefined && { credentials }),
    });
    client.middlewareStack.add(
      this.#watch as never,
      { step: 'deserialize', priority: 'low', name: 'guildwireTime' } as never,
    );
    this.#clients.set(service, client);
    return client;
  }

  /**
   * The answer to a command. Throttling, failures of AWS, resets and time-outs are repeated with full jitter until the
   * deadline: only for commands that may be done twice.
   *
   * @throws BackendUnavailableError when the time is over, or the backend is closed.
   * @throws AwsAccessDeniedError, AwsRefusedError at once.
   */
  send<Output extends object>(client: AwsClient, command: AwsCommand<Output>, options: SendOptions): Promise<Output> {
    const about = { ...options, deadlineAt: options.deadlineAt ?? this.deadline() };
    return this.repeat(() => this.try(client, command, about), about);
  }

  /** What `work` gives, which is repeated as `send` repeats a command. */
  async repeat<T>(work: () => Promise<T>, options: SendOptions): Promise<T> {
    const { action, resource, deadlineAt = this.deadline(), answers = [] } = options;
    for (let tries = 0; ; tries++) {
      try {
        return await work();
      } catch (error) {
        if (options.signal?.aborted || answers.includes(nameOf(error))) throw error;
        if (failureKind(error) === 'refused') throw refusal(error, action, resource);
        if (!(await this.waitToRepeat(tries, deadlineAt, options.signal))) throw unavailable(error, action, resource);
      }
    }
  }

  /** One try: the answer, or the error as the SDK made it. */
  async try<Output extends object>(
    client: AwsClient,
    command: AwsCommand<Output>,
    options: SendOptions,
  ): Promise<Output> {
    if (this.closing.aborted) throw new BackendUnavailableError('backend "aws" is closed: open it anew');
    const { tryMs = DEFAULT_TRY_MS, deadlineAt = this.deadline(), signal } = options;
    const leftMs = Math.max(1, Math.ceil(Math.min(tryMs, deadlineAt - this.clock.now())));
    const ends = [AbortSignal.timeout(leftMs), this.closing, ...(signal === undefined ? [] : [signal])];
    try {
      return (await client.send(command as never, { abortSignal: AbortSignal.any(ends) })) as Output;
    } catch (error) {
      if (this.closing.aborted) throw new BackendUnavailableError('backend "aws" was closed', { cause: error });
      throw error;
    }
  }

  /** A pause with full jitter before the next try; false, at once, if that would be behind the deadline. */
  async waitToRepeat(tries: number, deadlineAt: number, signal?: AbortSignal): Promise<boolean> {
    const pauseMs = this.random() * Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** tries);
    if (this.clock.now() + pauseMs >= deadlineAt) return false;
    const ends = signal === undefined ? this.closing : AbortSignal.any([this.closing, signal]);
    await sleep(this.clock, pauseMs, ends);
    return true;
  }

  [Symbol.dispose](): void {
    this.#closing.abort(new BackendUnavailableError('backend "aws" was closed'));
    for (const client of this.#clients.values()) client.destroy();
    this.#clients.clear();
  }

  /** Looks at the time that every answer tells; refusals too, which are made errors behind it. */
  readonly #watch = (next: (args: object) => Promise<{ readonly response: unknown }>) => async (args: object) => {
    const askedAt = this.clock.now();
    const result = await next(args);
    this.time.saw(dateOf(result.response), askedAt, this.clock.now());
    return result;
  };
}

const nameOf = (error: unknown) => (error instanceof Error ? error.name : '');

function dateOf(response: unknown): string | undefined {
  if (typeof response !== 'object' || response === null || !('headers' in response)) return undefined;
  const { headers } = response;
  if (typeof headers !== 'object' || headers === null) return undefined;
  const date = 'date' in headers ? headers.date : undefined;
  return typeof date === 'string' ? date : undefined;
}
