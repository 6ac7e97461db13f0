/** One line of a document, without its line ending. */
export interface Line {
  readonly number: number;
  readonly start: number;
  /** Where the text ends and the line ending begins. */
  readonly end: number;
  readonly text: string;
}

/** Yields every line; `\n`, `\r\n` and a lone `\r` all end one, as in Markdown. */
export function* readLines(text: string): Generator<Line> {
  const endings = /\r\n|\n|\r/g;
  let start = 0;
  let number = 1;
  for (const ending of text.matchAll(endings)) {
    yield { number, start, end: ending.index, text: text.slice(start, ending.index) };
    start = ending.index + ending[0].length;
    number += 1;
  }
  if (start < text.length) yield { number, start, end: text.length, text: text.slice(start) };
}

/** The document without a byte order mark, so that its first letter is at column 1 as every editor shows it. */
export function withoutByteOrderMark(text: string): string {
  return text.startsWith('\uFEFF') ? text.slice(1) : text;
}
