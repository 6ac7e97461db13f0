import type { Line } from './read-lines.ts';
import type { Block } from './scan-blocks.ts';

/** A stretch of a document; line and column say where it starts. */
export interface Span {
  readonly start: number;
  readonly end: number;
  readonly line: number;
  readonly column: number;
}

/** A span no cut may go through, and whether the place before it is a natural one to cut at. */
interface Unit extends Span {
  readonly startsAfresh: boolean;
}

const LONG_BLOCK_CHARACTERS = 8_000;
const GOOD_PIECE_CHARACTERS = 2_000;

/**
 * The block as one span, or as several when it is prose, a list or a table of more than 8,000 characters.
 *
 * Cuts fall before a list item, a row or the start of a sentence where possible, and never inside fenced code.
 */
export function cutBlock(document: string, block: Block): Span[] {
  const units = [...unitsOf(document, block)];
  const pieces: Span[] = [];
  for (const { startsAfresh, ...unit } of units) {
    const last = pieces.at(-1);
    const size = last === undefined ? 0 : last.end - last.start;
    const full = last !== undefined && unit.end - last.start > LONG_BLOCK_CHARACTERS;
    if (last === undefined || full || (startsAfresh && size >= GOOD_PIECE_CHARACTERS)) pieces.push(unit);
    else pieces[pieces.length - 1] = { ...last, end: unit.end };
  }
  return pieces;
}

function* unitsOf(document: string, { kind, lines }: Block): Generator<Unit> {
  const first = lines[0];
  const last = lines.at(-1);
  if (first === undefined || last === undefined) return;
  const whole = { start: first.start, end: last.end, line: first.number, column: 1, startsAfresh: true };
  const mayBeCut = kind !== 'heading' && kind !== 'verbatim' && last.end - first.start > LONG_BLOCK_CHARACTERS;
  if (mayBeCut) yield* unitsOfLines(document, lines);
  else yield whole;
}

function* unitsOfLines(document: string, lines: readonly Line[]): Generator<Unit> {
  let fence: string | undefined;
  let held: Unit | undefined;
  let sentenceEnded = true;
  for (const line of lines) {
    const marker = /^[ \t>]*(?:(?:[-*+]|\d+[.)])[ \t]+)?(`{3,}(?=[^`]*$)|~{3,})/.exec(line.text)?.[1];
    if (fence !== undefined && held !== undefined) {
      held = { ...held, end: line.end };
      if (marker?.startsWith(fence) === true) fence = undefined;
      if (fence === undefined) yield held;
    } else if (marker !== undefined) {
      fence = marker;
      held = unitOfLine(line, true);
    } else if (line.text.trim() !== '') {
      const unit = unitOfLine(line, sentenceEnded);
      if (unit.end - unit.start > LONG_BLOCK_CHARACTERS) yield* cutLine(document, unit);
      else yield unit;
    }
    sentenceEnded = /(?:[.!?:]['")\]*_]*|^)[ \t]*$/.test(line.text);
  }
  if (fence !== undefined && held !== undefined) yield held;
}

/** Leaves out the indent of a line that continues something: at the start of a chunk it would read as code. */
function unitOfLine(line: Line, sentenceEnded: boolean): Unit {
  const startsItem = /^ {0,3}(?:[-*+]|\d{1,9}[.)])[ \t]/.test(line.text);
  const indent = startsItem ? 0 : line.text.length - line.text.trimStart().length;
  return {
    start: line.start + indent,
    end: line.end,
    line: line.number,
    column: indent + 1,
    startsAfresh: startsItem || sentenceEnded,
  };
}

function* cutLine(document: string, unit: Unit): Generator<Unit> {
  let start = unit.start;
  while (start < unit.end) {
    const size = unit.end - start > LONG_BLOCK_CHARACTERS ? pieceSize(document, start) : unit.end - start;
    yield { ...unit, start, end: start + size, column: unit.column + start - unit.start, startsAfresh: true };
    start += size;
  }
}

/** Up to the last end of a sentence, else the last space, else as much as fits without halving a character. */
function pieceSize(document: string, start: number): number {
  const near = document.slice(start, start + GOOD_PIECE_CHARACTERS);
  const far = document.slice(start, start + LONG_BLOCK_CHARACTERS);
  const sentence = [...near.matchAll(/[.!?]['")\]]*[ \t]+/g)].at(-1);
  if (sentence !== undefined) return sentence.index + sentence[0].length;
  const space = Math.max(near.lastIndexOf(' '), near.lastIndexOf('\t'));
  if (space > 0) return space + 1;
  const farSpace = far.lastIndexOf(' ');
  if (farSpace > 0) return farSpace + 1;
  return /[\uD800-\uDBFF]$/.test(far) ? far.length - 1 : far.length;
}
