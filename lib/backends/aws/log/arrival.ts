/**
 * @module Reading in the order of arrival, where ids are minted by many writers and a late one puts its id behind younger
 * ones. An id is late by some seconds at most (see `TAIL_HORIZON_MS`), so that every stretch of ids is read when it is older
 * than that, and so for good.
 *
 * A cursor holds two places. Up to `settled` everything was read that will ever be there. Up to `seen` everything was given
 * that was there then. Each page gives what lies behind `seen`, as soon as it is there, and once more what lies between the
 * two and has become older than the horizon, with what came late among it: who follows drops what it was given before.
 */
import { firstIdOf, isGemstoneId } from '../../../core/gemstone-id.ts';
import type { Message, MessageKey } from '../../../core/message.ts';
import type { Cursor, ReadQuery } from '../../backend.ts';
import { parseCursor, toCursor } from '../../cursor.ts';
import { compareKeys, type Range } from './ranges.ts';

/**
 * How late an id may become visible. A Put is not begun when its id is older than 3 s and takes 1.5 s at most, the clocks of
 * writer and reader are off by 2 s each at most, and an index follows its table within a second or so.
 */
export const TAIL_HORIZON_MS = 10_000;

/** Sorts behind every topic. */
const LAST_TOPIC = '~';

/** A part of what a query names, read from one place on. */
export interface Stretch {
  readonly items: readonly Message[];
  /** The last place that was looked at; undefined if there was none. */
  readonly looked: MessageKey | undefined;
  /** Whether it was looked at to the end. */
  readonly isDone: boolean;
}

/** Reads forward what lies in a part of the query's range, up to `limit`. */
export type ReadStretch = (part: Pick<Range, 'after' | 'to'>, limit: number) => Promise<Stretch>;

export interface ArrivalPlace {
  /** Undefined at the beginning. */
  readonly settled: MessageKey | undefined;
  readonly seen: MessageKey | undefined;
}

/** @param now Unix ms by the clock of AWS, before anything is read. */
export async function readArrival(
  { settled, seen }: ArrivalPlace,
  now: number,
  limit: number,
  read: ReadStretch,
): Promise<{ readonly items: readonly Message[]; readonly place: ArrivalPlace }> {
  const horizon: MessageKey = { id: firstIdOf(now - TAIL_HORIZON_MS), topic: '' };
  let items: readonly Message[] = [];
  let reached = settled;
  if (seen !== undefined && isBefore(settled, seen)) {
    const end = isBefore(seen, horizon) ? seen : horizon;
    if (isBefore(settled, end)) {
      // Half of the page: what is new must not wait behind what was given before, nor the other way round.
      const again = await read({ ...at(settled), to: end.id }, Math.ceil(limit / 2));
      items = again.items;
      reached = again.isDone ? end : later(settled, again.looked);
    }
    if (items.length === limit) return { items, place: { settled: reached, seen } };
  }
  // From here on nothing lies between the two, or what does is too young to be settled.
  const isJoined = !isBefore(reached, seen);
  const start = isJoined ? reached : seen;
  const fresh = await read(at(start), limit - items.length);
  const newest = later(start, fresh.looked);
  if (isJoined) {
    const isAllOld = !fresh.isDone && isBefore(newest, horizon);
    reached = later(reached, isAllOld ? newest : horizon);
  }
  return { items: [...items, ...fresh.items], place: { settled: reached, seen: later(reached, newest) } };
}

/** Where a query of the order of arrival begins. */
export function toArrivalPlace(query: ReadQuery): ArrivalPlace {
  const { after } = query;
  if (after === undefined) return { settled: undefined, seen: undefined };
  if (isGemstoneId(after)) {
    const place = { id: after, topic: LAST_TOPIC };
    return { settled: place, seen: place };
  }
  const { id, topic } = parseCursor(after, query);
  const [settledTopic = '', seenId = id, seenTopic = settledTopic] = topic.split('|');
  const seen = { id: isGemstoneId(seenId) ? seenId : id, topic: seenTopic };
  return { settled: { id, topic: settledTopic }, seen };
}

export function toArrivalCursor(query: ReadQuery, { settled, seen = settled }: ArrivalPlace): Cursor | undefined {
  if (settled === undefined || seen === undefined) return undefined;
  return toCursor(query, { id: settled.id, topic: `${settled.topic}|${seen.id}|${seen.topic}` });
}

/** Undefined is before everything. */
function isBefore(one: MessageKey | undefined, other: MessageKey | undefined): boolean {
  if (other === undefined) return false;
  return one === undefined || compareKeys(one, other) < 0;
}

const later = (one: MessageKey | undefined, other: MessageKey | undefined) => (isBefore(one, other) ? other : one);

const at = (after: MessageKey | undefined) => (after === undefined ? {} : { after });
