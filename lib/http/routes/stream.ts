/** @module Following topics, threads and conversations as server-sent events. */

import type * as z from 'zod/mini';
import { Follower, type Place, placeOfNow } from '../../bus/follower.ts';
import type { TailQuery } from '../../bus/history-query.ts';
import { UnsupportedFeatureError } from '../../core/errors.ts';
import { firstIdOf, isGemstoneId } from '../../core/gemstone-id.ts';
import { beginningEvent, eventStream, HEARTBEAT, problemEvent } from '../event-stream.ts';
import { isTold, toProblem } from '../problems.ts';
import { type Call, defineRoute } from '../route.ts';
import { parse } from '../schemas/faults.ts';
import { closed, lastEventId, namespace } from '../schemas/fields.ts';
import { StreamQuery } from '../schemas/queries.ts';

/** How long a browser waits before it comes back. */
const RETRY_MS = 1_000;
const LAST_EVENT_ID = 'last-event-id';

type Query = z.output<typeof StreamQuery>;
const EventHeader = closed({ 'Last-Event-ID': lastEventId });

export const stream = defineRoute({
  id: 'stream',
  method: 'GET',
  path: '/v1/namespaces/{namespace}/stream',
  tag: 'messages',
  summary: 'Follow a topic, a pattern, a thread, a conversation or all that an agent follows',
  description:
    'Server-sent events: the data of each is a message, its id a reference. Sent again as Last-Event-ID the stream goes on behind it, and nothing is skipped. An event of type `problem` says why a stream ends.',
  needs: 'read',
  params: closed({ namespace }),
  query: StreamQuery,
  headers: { 'Last-Event-ID': lastEventId },
  answers: { 200: { description: 'Events, until the client or the server closes.', type: 'text/event-stream' } },
  problems: [400, 405, 501],
  isStream: true,
  run: async (call) => {
    const { services, principal, params, query, host, requestId } = call;
    const { backend, clock, log, streams, eventTexts, settings } = services;
    if (!backend.features.tailing) throw new UnsupportedFeatureError(backend.name, 'following its log over HTTP');
    const followed = toTailQuery(query);
    const place = await placeOf(call, followed);
    const over = new AbortController();
    const { heartbeatMs, stallMs } = settings.streams;
    const from = { backend, clock, namespace: params.namespace, query: followed, place };
    const follower = new Follower({ ...from, waitMs: heartbeatMs, signal: over.signal });
    await follower.begin();
    let isBroken = false;
    const next = async (): Promise<readonly string[] | undefined> => {
      if (isBroken) return undefined;
      try {
        const messages = await follower.next();
        return messages.length === 0 ? [HEARTBEAT] : messages.map((message) => eventTexts.of(message));
      } catch (error) {
        isBroken = true;
        if (!isTold(error)) log.error('a stream failed', { requestId, error: String(error) });
        return [problemEvent(toProblem(error, requestId))];
      }
    };
    const { signal, ended } = streams.open(principal.id);
    const body = eventStream({
      first: beginningEvent(place, RETRY_MS),
      next,
      signal,
      clock,
      stallMs,
      onStall: () => {
        log.warn(`a stream was dropped: its client took nothing for ${stallMs} ms`, {
          principal: principal.id,
          requestId,
        });
        host.drop?.();
        return host.drop !== undefined;
      },
      onEnd: () => {
        over.abort();
        ended();
      },
    });
    // Proxies are told neither to keep it nor to gather it.
    const headers = { 'cache-control': 'no-store', 'x-accel-buffering': 'no' };
    return { status: 200, body, type: 'text/event-stream', headers };
  },
});

function toTailQuery({ topic, since: _, ...rest }: Query): Omit<TailQuery, 'since'> {
  const place = topic === undefined ? {} : topic.includes('*') ? { pattern: topic } : { topic };
  return { ...rest, ...place } as Omit<TailQuery, 'since'>;
}

/** Behind what the client had, else where it wants to begin, else with what comes next. */
async function placeOf(
  { services, params, query, header }: Call<{ readonly namespace: string }, Query>,
  followed: Omit<TailQuery, 'since'>,
): Promise<Place> {
  const last = header(LAST_EVENT_ID);
  if (last !== null && last !== '') return parse(EventHeader, { 'Last-Event-ID': last })['Last-Event-ID'] as Place;
  const { since } = query;
  if (since !== undefined) return isGemstoneId(since) ? since : firstIdOf(since);
  return placeOfNow(services.backend, services.clock, params.namespace, followed);
}
