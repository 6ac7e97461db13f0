import type { Line } from './read-lines.ts';

export const BLANK = /^[ \t]*$/;
/** The start of fenced code; its first group is what closes it. */
export const FENCE = /^[ \t]*(`{3,}(?=[^`]*$)|~{3,})/;

/** HTML that goes on over blank lines until its own end mark. */
const HTML_UNTIL: readonly (readonly [start: RegExp, end: RegExp])[] = [
  [/^ {0,3}<(?:script|pre|style|textarea)(?=[\s>]|$)/i, /<\/(?:script|pre|style|textarea)>/i],
  [/^ {0,3}<!--/, /-->/],
  [/^ {0,3}<\?/, /\?>/],
  [/^ {0,3}<!\[CDATA\[/, /\]\]>/],
];

/** Where a block that must never be cut ends, or nothing when none starts here. */
export function verbatimEnd(lines: readonly Line[], at: number): number | undefined {
  const first = textAt(lines, at);
  if (at === 0 && /^---[ \t]*$/.test(first)) {
    const close = findLine(lines, 1, (line) => /^---[ \t]*$/.test(line));
    if (close !== undefined) return close + 1;
  }
  if (/^ {0,3}\$\$[ \t]*$/.test(first)) {
    const close = findLine(lines, at + 1, (line) => /\$\$[ \t]*$/.test(line), 200);
    if (close !== undefined) return close + 1;
  }
  if (indentOf(first) < 4) {
    const fence = FENCE.exec(first)?.[1];
    if (fence !== undefined) return fenceEnd(lines, at, fence, 0);
  } else {
    return indentedCodeEnd(lines, at);
  }
  const html = HTML_UNTIL.find(([start]) => start.test(first));
  if (html === undefined) return undefined;
  return (findLine(lines, at, (line) => html[1].test(line)) ?? lines.length - 1) + 1;
}

/** An unclosed fence runs to the end of what holds it: the document, or the list item it is indented for. */
export function fenceEnd(lines: readonly Line[], at: number, fence: string, indent: number): number {
  const close = new RegExp(`^[ \\t]*\\${fence.charAt(0)}{${fence.length},}[ \\t]*$`);
  for (let next = at + 1; next < lines.length; next += 1) {
    const line = textAt(lines, next);
    if (indent > 0 && !BLANK.test(line) && indentOf(line) < indent) return next;
    if (close.test(line)) return next + 1;
  }
  return lines.length;
}

function indentedCodeEnd(lines: readonly Line[], at: number): number {
  return findLine(lines, at, (line) => !BLANK.test(line) && indentOf(line) < 4) ?? lines.length;
}

/** Whether a line starts HTML that goes on over blank lines. */
export function opensRawHtml(line: string): boolean {
  return HTML_UNTIL.some(([start]) => start.test(line));
}

/** The width of the white space a line starts with. */
export function indentOf(line: string): number {
  let width = 0;
  for (const character of line) {
    if (character === ' ') width += 1;
    else if (character === '\t') width += 4 - (width % 4);
    else break;
  }
  return width;
}

function findLine(lines: readonly Line[], from: number, matches: (line: string) => boolean, within = lines.length) {
  const end = Math.min(lines.length, from + within);
  for (let at = from; at < end; at += 1) if (matches(textAt(lines, at))) return at;
  return undefined;
}

export function textAt(lines: readonly Line[], at: number): string {
  return lines[at]?.text ?? '';
}
