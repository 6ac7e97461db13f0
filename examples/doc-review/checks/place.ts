import { readLines } from '../read-lines.ts';

export interface Place {
  readonly line: number;
  readonly column: number;
}

/** Turns offsets into `text` to places in the document it starts in at `origin`. */
export function createLocator(text: string, origin: Place): (offset: number) => Place {
  const starts = Array.from(readLines(text), (line) => line.start);
  return (offset) => {
    const index = lastAtMost(starts, offset);
    const column = offset - (starts[index] ?? 0) + 1;
    return index === 0
      ? { line: origin.line, column: origin.column + column - 1 }
      : { line: origin.line + index, column };
  };
}

function lastAtMost(sorted: readonly number[], value: number): number {
  let low = 0;
  let high = sorted.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((sorted[middle] ?? 0) <= value) low = middle;
    else high = middle - 1;
  }
  return Math.max(low, 0);
}
