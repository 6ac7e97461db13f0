/** @module Large payloads on their way into the store, past the server: it says where, and they are put there. */
import { type Clock, sleep } from '../../core/clock.ts';
import type { UploadPlace } from '../schemas/answers.ts';
import type { NewAttachment } from '../schemas/new-attachment.ts';
import { ProblemError, UploadFailedError } from './client-errors.ts';
import { type Body, carrying, naming } from './message-body.ts';
import type { Transport } from './transport.ts';

export interface Putting {
  readonly put: typeof fetch;
  /** How long the answer may take, besides the upload. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly random: () => number;
}

const MAX_TRIES = 3;
const FIRST_PAUSE_MS = 500;
/** The slowest line that is waited for: 100 KB a second. */
const BYTES_PER_MS = 100;
const NEVER = new AbortController().signal;

export class Uploader {
  readonly #transport: Transport;
  readonly #path: string;
  readonly #putting: Putting;

  /** @param path Where the server is asked for places. */
  constructor(transport: Transport, path: string, putting: Putting) {
    this.#transport = transport;
    this.#path = path;
    this.#putting = putting;
  }

  /**
   * The message as it is published once its payload was uploaded; with the payload in it if the server has no place for it.
   *
   * @throws UploadFailedError, and what asking the server throws.
   */
  async uploaded(body: Body): Promise<string> {
    if (body.payload === undefined) return carrying(body);
    const bytes = new TextEncoder().encode(body.payload);
    const attachment: NewAttachment = { bytes: bytes.length, sha256: await digestOf(bytes) };
    const isPut = await this.#put(attachment, bytes);
    return isPut ? naming(body, attachment) : carrying(body);
  }

  async #placeOf(attachment: NewAttachment): Promise<UploadPlace | undefined> {
    try {
      return await this.#transport.json<UploadPlace>(this.#path, { method: 'POST', body: JSON.stringify(attachment) });
    } catch (error) {
      if (error instanceof ProblemError && error.code === 'UNSUPPORTED_FEATURE') return undefined;
      throw error;
    }
  }

  /**
   * Putting the same bytes twice is putting them once, so that it is tried again, each time at a place that has not expired.
   *
   * @returns Whether the server has places.
   */
  async #put(attachment: NewAttachment, bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
    const { clock, random } = this.#putting;
    for (let tries = 1; ; tries++) {
      const place = await this.#placeOf(attachment);
      if (place === undefined) return false;
      const error = await this.#tryPut(place, bytes);
      if (error === undefined) return true;
      if (!error.retryable || tries === MAX_TRIES) throw error;
      await sleep(clock, random() * FIRST_PAUSE_MS * 2 ** tries, NEVER);
    }
  }

  async #tryPut(
    { method, url, headers }: UploadPlace,
    body: Uint8Array<ArrayBuffer>,
  ): Promise<UploadFailedError | undefined> {
    const { put, timeoutMs, clock } = this.#putting;
    const { host } = new URL(url);
    const late = new AbortController();
    const timer = clock.setTimer(timeoutMs + body.length / BYTES_PER_MS, () => late.abort());
    try {
      const response = await put(url, { method, headers, body, redirect: 'error', signal: late.signal });
      await response.body?.cancel();
      return response.ok ? undefined : new UploadFailedError(host, body.length, response.status);
    } catch (cause) {
      return new UploadFailedError(host, body.length, undefined, { cause });
    } finally {
      timer.cancel();
    }
  }
}

async function digestOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
