/** @module Following over HTTP: reconnects by itself, goes on where it was, and shows each message once. */
import { type Clock, pause } from '../../core/clock.ts';
import { GuildwireError } from '../../core/errors.ts';
import type { Message } from '../../core/message.ts';
import type { Problem } from '../schemas/answers.ts';
import { errorOf, ProblemError, UnreachableError } from './client-errors.ts';
import { EventParser, type ServerEvent } from './event-parser.ts';
import type { Transport } from './transport.ts';

export interface FollowOptions {
  readonly transport: Transport;
  readonly path: string;
  readonly query: Readonly<Record<string, string | number | undefined>>;
  readonly clock: Clock;
  /** Numbers in [0, 1), for jitter. */
  readonly random: () => number;
  /** A connection on which nothing comes for so long, not even a heartbeat, counts as lost. */
  readonly idleMs: number;
  /** Ends it. */
  readonly signal: AbortSignal | undefined;
  /** Told when a connection was lost, or ended by the server, and when it is back. */
  readonly onConnection: ((state: 'lost' | 'back', error?: Error) => void) | undefined;
}

const FIRST_WAIT_MS = 100;
const MAX_WAIT_MS = 5_000;
/** Messages of which it is remembered that they were shown; a server gives again only the newest. */
const MAX_SHOWN = 10_000;
const NEVER = new AbortController().signal;

/** @throws ProblemError, UnreachableError if the first connection fails; later only what no repetition can mend. */
export async function* followStream(options: FollowOptions): AsyncGenerator<Message, void, undefined> {
  const { clock, random, signal = NEVER, onConnection } = options;
  const shown = new Set<string>();
  let last: string | undefined;
  let failures = 0;
  let state: 'new' | 'lost' | 'back' = 'new';
  while (!signal.aborted) {
    let reason: Error | undefined;
    try {
      for await (const event of connect(options, last)) {
        if (state === 'lost') onConnection?.('back');
        state = 'back';
        failures = 0;
        if (event.type === 'problem') throw new ProblemError(JSON.parse(event.data) as Problem);
        last = event.id ?? last;
        if (event.data === '' || isRepeated(shown, event)) continue;
        yield JSON.parse(event.data) as Message;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof GuildwireError) || !error.retryable || state === 'new') throw error;
      reason = error;
    }
    if (signal.aborted) return;
    if (state === 'back') onConnection?.('lost', reason);
    state = 'lost';
    if (signal.aborted) return;
    const waitMs = Math.min(MAX_WAIT_MS, FIRST_WAIT_MS * 2 ** failures++) * (0.5 + random() / 2);
    await pause(clock, waitMs, signal);
  }
}

function isRepeated(shown: Set<string>, { id }: ServerEvent): boolean {
  if (id === undefined) return false;
  if (shown.has(id)) return true;
  shown.add(id);
  const [oldest] = shown;
  if (shown.size > MAX_SHOWN && oldest !== undefined) shown.delete(oldest);
  return false;
}

/** The events of one connection. Ends when the server ends it, and throws when it is lost. */
async function* connect(
  { transport, path, query, clock, idleMs, signal = NEVER }: FollowOptions,
  last: string | undefined,
): AsyncGenerator<ServerEvent, void, undefined> {
  const lost = new AbortController();
  const ends = AbortSignal.any([signal, lost.signal]);
  const headers = { accept: 'text/event-stream', ...(last !== undefined && { 'last-event-id': last }) };
  const response = await transport.send(path, {
    query: last === undefined ? query : { ...query, since: undefined },
    headers,
    signal: ends,
  });
  if (!response.headers.get('content-type')?.startsWith('text/event-stream')) throw await errorOf(response);
  const reader = (response.body ?? new ReadableStream<Uint8Array>()).getReader();
  const parser = new EventParser();
  const decoder = new TextDecoder();
  try {
    for (;;) {
      const timer = clock.setTimer(idleMs, () => lost.abort());
      const { done, value } = await reader.read().finally(() => timer.cancel());
      if (done) return;
      yield* parser.push(decoder.decode(value, { stream: true }));
    }
  } catch (cause) {
    signal.throwIfAborted();
    throw new UnreachableError('the stream broke off: it goes on when the server is back', { cause });
  } finally {
    // Also when whoever reads has had enough.
    lost.abort();
    await reader.cancel().catch(() => {});
  }
}
