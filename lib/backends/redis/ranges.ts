/** @module Which part of an index is read, as the bounds that its order takes. */
import type { GemstoneId } from '../../core/gemstone-id.ts';

/** A copy of a message: those of one id are ordered by topic. */
export interface Point {
  readonly id: GemstoneId;
  readonly topic: string;
}

export interface Range {
  readonly isDescending: boolean;
  /** Both inclusive, whatever the direction. */
  readonly from?: GemstoneId;
  readonly to?: GemstoneId;
  /** Goes on behind it, in the direction of reading. */
  readonly after?: Point;
}

/** Of ids under one topic: the smallest and the greatest. */
export function bounds({ isDescending, from, to, after }: Range, topic: string): readonly [string, string] {
  let min = from === undefined ? '-' : `[${from}`;
  let max = to === undefined ? '+' : `[${to}`;
  if (after !== undefined && isDescending && (to === undefined || after.id <= to))
    max = `${topic < after.topic ? '[' : '('}${after.id}`;
  if (after !== undefined && !isDescending && (from === undefined || after.id >= from))
    min = `${topic > after.topic ? '[' : '('}${after.id}`;
  return [min, max];
}

/** Of places, which are id/topic: the smallest and the greatest. */
export function indexBounds({ isDescending, from, to, after }: Range): readonly [string, string] {
  // "0" comes right after "/".
  let min = from === undefined ? '-' : `[${from}`;
  let max = to === undefined ? '+' : `(${to}0`;
  const place = after === undefined ? '' : `(${after.id}/${after.topic}`;
  if (after !== undefined && isDescending && (to === undefined || after.id <= to)) max = place;
  if (after !== undefined && !isDescending && (from === undefined || after.id >= from)) min = place;
  return [min, max];
}
