/** @module Which part of a partition is read, as the bounds of its sort key. */
import type { GemstoneId } from '../../../core/gemstone-id.ts';
import type { MessageKey } from '../../../core/message.ts';

export interface Range {
  readonly isDescending: boolean;
  /** The smallest and the greatest id, both inclusive, whatever the direction. */
  readonly from?: GemstoneId;
  readonly to?: GemstoneId;
  /** Goes on behind it, in the direction of reading; copies of one id are in the order of their topics. */
  readonly after?: MessageKey;
}

/** The least and the greatest sort key, both inclusive. */
export type Bounds = readonly [least: string, greatest: string];

/** Sorts before and behind every id. */
const FIRST = '0';
const LAST = '~';

/** Of the ids under one topic; undefined if there are none. */
export function boundsIn({ isDescending, from, to, after }: Range, topic: string): Bounds | undefined {
  let least: string = from ?? FIRST;
  let greatest: string = to ?? LAST;
  if (after !== undefined && isDescending)
    greatest = lesser(greatest, topic < after.topic ? after.id : rightBefore(after.id));
  if (after !== undefined && !isDescending)
    least = greater(least, topic > after.topic ? after.id : rightBehind(after.id));
  return least <= greatest ? [least, greatest] : undefined;
}

/** Of the ids of any topic, with all copies of the id that a range goes on behind. */
export function boundsOfAll({ isDescending, from, to, after }: Range): Bounds | undefined {
  const least = !isDescending && after !== undefined ? greater(from ?? FIRST, after.id) : (from ?? FIRST);
  const greatest = isDescending && after !== undefined ? lesser(to ?? LAST, after.id) : (to ?? LAST);
  return least <= greatest ? [least, greatest] : undefined;
}

/** Whether `place` lies behind `after`, in the direction of reading. */
export function isBehind(place: MessageKey, { after, isDescending }: Range): boolean {
  if (after === undefined) return true;
  return isDescending ? compareKeys(place, after) < 0 : compareKeys(place, after) > 0;
}

/** By id, then by topic: negative, 0 or positive. */
export function compareKeys(one: MessageKey, other: MessageKey): number {
  if (one.id !== other.id) return one.id < other.id ? -1 : 1;
  if (one.topic === other.topic) return 0;
  return one.topic < other.topic ? -1 : 1;
}

/** Behind the id, and before every greater one. */
const rightBehind = (id: GemstoneId) => `${id}!`;
/** Before the id, and behind every smaller one: its last digit counted down, and then anything. */
const rightBefore = (id: GemstoneId) => `${id.slice(0, 25)}${String.fromCharCode(id.charCodeAt(25) - 1)}${LAST}`;

const lesser = (one: string, other: string) => (one < other ? one : other);
const greater = (one: string, other: string) => (one > other ? one : other);
