/** @module Following the log from a program: every message as it is stored, none skipped and none twice (H2). */
import type { Backend } from '../backends/backend.ts';
import type { Clock } from '../core/clock.ts';
import { firstIdOf, isGemstoneId, timeOf } from '../core/gemstone-id.ts';
import { type Message, parseReference } from '../core/message.ts';
import { Follower, type Place, placeOfNow } from './follower.ts';
import { type TailQuery, toReadQuery } from './history-query.ts';

/** How long one call waits for something new before it is made again. */
const WAIT_MS = 20_000;
const NEVER = new AbortController().signal;

export async function* tail(
  backend: Backend,
  clock: Clock,
  namespace: string,
  given: TailQuery,
  signal: AbortSignal = NEVER,
): AsyncGenerator<Message, void, undefined> {
  toReadQuery(namespace, given);
  const { since, ...query } = given;
  const place =
    since === undefined
      ? await placeOfStart(backend, clock, namespace, query)
      : typeof since === 'number'
        ? firstIdOf(since)
        : since;
  const follower = new Follower({ backend, clock, namespace, query, place, waitMs: WAIT_MS, signal });
  await follower.begin();
  while (!signal.aborted) yield* await follower.next();
}

/** Behind what is there now; what is published while the store is asked for that comes behind it. */
async function placeOfStart(
  backend: Backend,
  clock: Clock,
  namespace: string,
  query: Omit<TailQuery, 'since'>,
): Promise<Place> {
  const askedAt = clock.now();
  const place = await placeOfNow(backend, clock, namespace, query);
  return isGemstoneId(place) || timeOf(parseReference(place).id) < askedAt ? place : firstIdOf(askedAt);
}
