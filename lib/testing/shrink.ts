/** @module Makes a list that breaks something as small as it gets while it still does: delta debugging. */

/**
 * A part of `items` that still fails, in their order, of which no single one can be left out; or the smallest that was found
 * when the runs were used up.
 *
 * @param fails Whether such a part fails; all of `items` do. Called `maxRuns` times at most.
 */
export async function shrink<T>(
  items: readonly T[],
  fails: (part: readonly T[]) => Promise<boolean>,
  maxRuns: number,
): Promise<readonly T[]> {
  let smallest = items;
  let runs = 0;
  const isStillFailing = async (part: readonly T[]) => runs++ < maxRuns && (await fails(part));
  if (smallest.length > 0 && (await isStillFailing([]))) return [];
  for (let parts = 2; smallest.length > 1 && runs < maxRuns; ) {
    const size = Math.ceil(smallest.length / parts);
    const smaller = await firstFailing(smallest, size, isStillFailing);
    if (smaller !== undefined) {
      smallest = smaller;
      parts = Math.max(2, Math.min(parts - 1, smallest.length));
    } else if (size === 1) break;
    else parts = Math.min(smallest.length, parts * 2);
  }
  return smallest;
}

/** One piece of `size` alone, or all but one piece. */
async function firstFailing<T>(
  items: readonly T[],
  size: number,
  fails: (part: readonly T[]) => Promise<boolean>,
): Promise<readonly T[] | undefined> {
  for (let at = 0; at < items.length; at += size) {
    const piece = items.slice(at, at + size);
    if (piece.length < items.length && (await fails(piece))) return piece;
  }
  for (let at = 0; at < items.length; at += size) {
    const rest = [...items.slice(0, at), ...items.slice(at + size)];
    if (rest.length > 0 && rest.length < items.length && (await fails(rest))) return rest;
  }
  return undefined;
}
