import { type Line, readLines } from './read-lines.ts';
import { BLANK, FENCE, fenceEnd, indentOf, opensRawHtml, textAt, verbatimEnd } from './verbatim-blocks.ts';

export type BlockKind = 'heading' | 'list' | 'prose' | 'table' | 'verbatim';

/** A run of whole lines that Markdown reads as one thing. */
export interface Block {
  /** `verbatim` blocks (code, HTML, front matter, math) would read as something else when cut. */
  readonly kind: BlockKind;
  readonly lines: readonly Line[];
}

/** Longer ones are prose with a `#` in front, or a text whose line ends were lost. */
const LONGEST_HEADING = 500;

const HEADING = /^ {0,3}#{1,6}(?:[ \t]|$)/;
const UNDERLINE = /^ {0,3}(?:=+|-+)[ \t]*$/;
const BREAK = /^ {0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$/;
const ITEM = /^ {0,3}(?:[-*+]|\d{1,9}[.)]|\[\^[^\]]+\]:)(?=[ \t]|$)[ \t]{0,4}/;
const QUOTE = /^ {0,3}>/;
const TABLE_RULE = /^ {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$/;
const HTML = /^ {0,3}<\/?[a-z][\w-]*(?=[\s/>]|$)/i;

/**
 * Finds the top-level blocks of a Markdown or plain text document, in order; blank lines between them are left out.
 *
 * It reads each line once and builds no tree, so a document of many megabytes is cheap. It is less exact than a parser
 * about where odd blocks end, but never leaves a code fence, comment or list item half inside a block.
 */
export function scanBlocks(text: string): Block[] {
  const lines = [...readLines(text)];
  const blocks: Block[] = [];
  let at = 0;
  while (at < lines.length) {
    const end = blockEnd(lines, at);
    const kind = kindOf(lines, at, end);
    if (kind !== undefined) blocks.push({ kind, lines: trimmed(lines.slice(at, end)) });
    at = end;
  }
  return blocks;
}

function kindOf(lines: readonly Line[], at: number, end: number): BlockKind | undefined {
  const first = textAt(lines, at);
  if (BLANK.test(first)) return undefined;
  if (HEADING.test(first)) return first.length > LONGEST_HEADING ? 'prose' : 'heading';
  if (verbatimEnd(lines, at) !== undefined || HTML.test(first)) return 'verbatim';
  if (isListStart(first)) return 'list';
  if (QUOTE.test(first) || BREAK.test(first)) return 'prose';
  if (isTable(lines, at)) return 'table';
  const underlined = end - at > 1 && UNDERLINE.test(textAt(lines, end - 1));
  return underlined && end - at < 5 && first.length <= LONGEST_HEADING ? 'heading' : 'prose';
}

function blockEnd(lines: readonly Line[], at: number): number {
  const first = textAt(lines, at);
  if (BLANK.test(first) || HEADING.test(first)) return at + 1;
  const verbatim = verbatimEnd(lines, at);
  if (verbatim !== undefined) return verbatim;
  if (BREAK.test(first)) return at + 1;
  if (isListStart(first)) return listEnd(lines, at);
  return paragraphEnd(lines, at);
}

function listEnd(lines: readonly Line[], start: number): number {
  let indent = 0;
  let afterBlank = false;
  let at = start;
  while (at < lines.length) {
    const line = textAt(lines, at);
    const inItem = indentOf(line) >= indent && indent > 0;
    const fence = inItem ? FENCE.exec(line)?.[1] : undefined;
    if (BLANK.test(line)) {
      afterBlank = true;
    } else if (fence !== undefined) {
      at = fenceEnd(lines, at, fence, indent);
      continue;
    } else if (!inItem) {
      if (isListStart(line)) {
        indent = contentIndent(line);
        const inner = FENCE.exec(line.replace(ITEM, ''))?.[1];
        if (inner !== undefined) {
          at = fenceEnd(lines, at, inner, indent);
          continue;
        }
      } else if (afterBlank || interruptsParagraph(line)) return at;
      afterBlank = false;
    } else {
      afterBlank = false;
    }
    at += 1;
  }
  return lines.length;
}

function paragraphEnd(lines: readonly Line[], start: number): number {
  const first = textAt(lines, start);
  const quoted = QUOTE.test(first);
  const html = HTML.test(first);
  for (let at = start + 1; at < lines.length; at += 1) {
    const line = textAt(lines, at);
    if (BLANK.test(line)) return at;
    if (html || (quoted && QUOTE.test(line))) continue;
    if (!quoted && UNDERLINE.test(line)) return at + 1;
    if (interruptsParagraph(line) || /^ {0,3}(?:[-*+]|1[.)])[ \t]+\S/.test(line)) return at;
  }
  return lines.length;
}

function interruptsParagraph(line: string): boolean {
  return (
    indentOf(line) < 4 &&
    (HEADING.test(line) || FENCE.test(line) || BREAK.test(line) || QUOTE.test(line) || opensRawHtml(line))
  );
}

function isListStart(line: string): boolean {
  return ITEM.test(line) && !BREAK.test(line);
}

function contentIndent(line: string): number {
  if (/^ {0,3}\[\^/.test(line)) return 4;
  const marker = ITEM.exec(line)?.[0] ?? '';
  return indentOf(`${' '.repeat(marker.trimEnd().length)}${line.slice(marker.trimEnd().length)}`);
}

function isTable(lines: readonly Line[], at: number): boolean {
  const rule = textAt(lines, at + 1);
  return textAt(lines, at).includes('|') && rule.includes('|') && TABLE_RULE.test(rule);
}

function trimmed(lines: readonly Line[]): readonly Line[] {
  const last = lines.findLastIndex((line) => !BLANK.test(line.text));
  return lines.slice(0, last + 1);
}
