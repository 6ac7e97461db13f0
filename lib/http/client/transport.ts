/** @module One request of the client: where it goes, how long it may take, and what its answer means. */
import { type Clock, sleep } from '../../core/clock.ts';
import { errorOf, type ProblemError, UnreachableError } from './client-errors.ts';

export interface TransportOptions {
  /** Without a slash at the end. */
  readonly url: string;
  readonly token: string | undefined;
  readonly fetch: typeof fetch;
  readonly timeoutMs: number;
  readonly clock: Clock;
}

export interface Sending {
  readonly method?: 'GET' | 'POST';
  /** Parameters that are undefined are left out. */
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  /** JSON. */
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Statuses that are no failure besides 2xx. */
  readonly accept?: readonly number[];
}

const MAX_WAITS = 10;
const NEVER = new AbortController().signal;

export class Transport {
  readonly #options: TransportOptions;

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  /** The answer, read as JSON. Throws like `send`. */
  async json<T>(path: string, sending: Sending = {}): Promise<T> {
    const response = await this.send(path, sending);
    try {
      return (await response.json()) as T;
    } catch (cause) {
      throw new UnreachableError(`the answer of ${this.#options.url} broke off: repeat the call`, { cause });
    }
  }

  /**
   * The answer, as soon as it begins. A request that is refused for its rate was not looked at, so it is sent again when the
   * server says, at most ten times.
   *
   * @throws ProblemError, UnreachableError, or the reason of the signal.
   */
  async send(path: string, sending: Sending = {}): Promise<Response> {
    const { signal = NEVER, accept = [] } = sending;
    for (let waits = 0; ; waits++) {
      const response = await this.#fetch(path, sending);
      if (response.ok || accept.includes(response.status)) return response;
      const error: ProblemError = await errorOf(response);
      if (error.status !== 429 || waits === MAX_WAITS) throw error;
      const seconds = Number(response.headers.get('retry-after'));
      await sleep(this.#options.clock, Math.max(1, Number.isFinite(seconds) ? seconds : 1) * 1_000, signal);
    }
  }

  async #fetch(
    path: string,
    { method = 'GET', query = {}, body, headers, signal = NEVER }: Sending,
  ): Promise<Response> {
    const { url, token, fetch: send, timeoutMs, clock } = this.#options;
    const late = new AbortController();
    const timer = clock.setTimer(timeoutMs, () => late.abort());
    try {
      return await send(`${url}${path}${toSearch(query)}`, {
        method,
        headers: {
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
          ...headers,
        },
        signal: AbortSignal.any([signal, late.signal]),
        redirect: 'error',
        ...(body !== undefined && { body }),
      });
    } catch (cause) {
      signal.throwIfAborted();
      if (late.signal.aborted) throw new UnreachableError(`${url} gave no answer within ${timeoutMs} ms`, { cause });
      throw new UnreachableError(`cannot reach ${url} (${reasonOf(cause)}): see whether the server runs there`, {
        cause,
      });
    } finally {
      timer.cancel();
    }
  }
}

function toSearch(query: Readonly<Record<string, string | number | undefined>>): string {
  const given = Object.entries(query).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, String(value)]],
  );
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
}

/** `fetch` says only that it failed; why is further down. */
function reasonOf(error: unknown): string {
  const { cause, message = 'no reason given' } = error as { readonly cause?: unknown; readonly message?: string };
  const { code, message: deeper } = (cause ?? {}) as { readonly code?: string; readonly message?: string };
  return code ?? deeper ?? message;
}
