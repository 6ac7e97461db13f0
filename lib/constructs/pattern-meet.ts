/** @module What two patterns have in common, which is again one pattern or nothing. */

/**
 * The pattern of all topics that both name; undefined if there is none.
 *
 * `doc.*.done` and `doc.review.**` meet in `doc.review.done`.
 */
export function meet(one: string, other: string): string | undefined {
  if (one === other) return one;
  const [a, b] = [one.split('.'), other.split('.')];
  // A pattern that begins with a wildcard names no reserved topic.
  if ((one.startsWith('$') || other.startsWith('$')) && a[0] !== b[0]) return undefined;
  const [openA, openB] = [a.at(-1) === '**', b.at(-1) === '**'];
  const length = Math.max(a.length, b.length);
  if ((!openA && a.length < length) || (!openB && b.length < length)) return undefined;
  const segments: string[] = [];
  for (let index = 0; index < length; index++) {
    const isLast = index === length - 1;
    const [left, right] = [segmentAt(a, index), segmentAt(b, index)];
    if (isLast && left === '**' && right === '**') segments.push('**');
    else {
      const wildLeft = left.startsWith('*');
      if (!wildLeft && !right.startsWith('*') && left !== right) return undefined;
      segments.push(wildLeft ? (right.startsWith('*') ? '*' : right) : left);
    }
  }
  return segments.join('.');
}

/** Behind its end an open pattern goes on as `**`. */
const segmentAt = (segments: readonly string[], index: number) => segments[index] ?? '**';
