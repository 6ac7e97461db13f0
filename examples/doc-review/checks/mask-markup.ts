import type { Link, Nodes, Parents, RootContent } from 'mdast';
import { toString as textOf } from 'mdast-util-to-string';
import remarkFrontmatter from 'remark-frontmatter';
import remarkGfm from 'remark-gfm';
import remarkParse from 'remark-parse';
import { unified } from 'unified';
import { visit } from 'unist-util-visit';

/** Stands where code, a URL or math was: a symbol, so that no rule takes the words around it for neighbours. */
export const OBJECT = '¤';

/** Ends a sentence where two blocks have a single character between them; one line end would not. */
const SENTENCE_END = '‽';

const markdown = unified().use(remarkParse).use(remarkGfm).use(remarkFrontmatter).freeze();

/** Raw stretches inside a block that are no prose, and whether they stand for a thing or for nothing. */
const RAW: readonly (readonly [pattern: RegExp, filler: string])[] = [
  [/<(code|kbd|math|pre|samp|script|style|tt|var)\b[^>]*>[\s\S]*?<\/\1>/gi, OBJECT],
  [/(?<![\\$\w])\$(?=[^\s$`])[^$`\n]{0,200}?(?<=[^\s\\])\$(?![\d$])/g, OBJECT],
  [/\\\([^`\n]{1,200}?\\\)/g, OBJECT],
  [/\$\$[^`]{1,2000}?\$\$/g, OBJECT],
  [/\bhttps?:\/\/[^\s<>]+|\bwww\.[^\s<>]+|\b[\w.+-]+@[\w-]+\.\w+/gi, OBJECT],
  // References whose definition is in another chunk.
  [/!\[[^\]\n]*\](?:\[[^\]\n]*\])?/g, ' '],
  [/(?<=\])\[[^\]\n]*\]/g, ' '],
  [/\[(?=[^\]\n]*\]\[)|\](?=\[)/g, ' '],
  [/\[\^[^\]\s]+\]:?/g, ' '],
  [/&(?:#\d+|#x[\da-f]+|[a-z][a-z\d]*);/gi, ' '],
];

/**
 * The text with everything that is not prose painted over, each letter still at its own offset.
 *
 * Code, URLs and math become symbols; other markup becomes spaces; what lies between two blocks becomes line ends, which
 * keeps a rule from reading on from one block into the next. When the Markdown parser fails, only fenced and inline code
 * are painted over, so that the text is still checked.
 */
export function maskMarkup(text: string, atDocumentStart: boolean): string {
  // Past the start of a document `---` is a break, but the parser would take it for front matter.
  const source = atDocumentStart ? text : text.replace(/^---(?=[ \t]*(?:[\r\n]|$))/, '***');
  let tree: Nodes;
  try {
    tree = markdown.parse(source);
  } catch {
    return maskCode(text);
  }
  return paintMarkdown(source, tree);
}

/** Paints over fenced and inline code only, for text that no parser can read. */
export function maskCode(text: string): string {
  return text
    .replace(/^[ \t>]*(`{3,}|~{3,})[\s\S]*?(?:^[ \t>]*\1[`~]*[ \t]*$|$(?![\s\S]))/gm, (code) =>
      '\n'.repeat(code.length),
    )
    .replace(/(`+)[^`]+\1/g, (code) => OBJECT.repeat(code.length));
}

function paintMarkdown(source: string, tree: Nodes): string {
  const canvas = new Array<string>(source.length).fill('\n');
  let last = -1;
  visit(tree, (node) => {
    if (node.type !== 'paragraph' && node.type !== 'heading' && node.type !== 'tableCell') return;
    const [start, end] = paintBlock(canvas, source, node);
    if (start === last + 1 && last > 0) canvas[last] = SENTENCE_END;
    last = end;
  });
  return canvas.join('');
}

/** Paints what stands between the marks of a block and gives its range. */
function paintBlock(canvas: string[], source: string, block: Parents): readonly [start: number, end: number] {
  const start = block.children[0]?.position?.start.offset ?? rangeOf(block)[0];
  const end = block.children.at(-1)?.position?.end.offset ?? rangeOf(block)[1];
  paint(canvas, start, ' '.repeat(end - start));
  paintChildren(canvas, source, block.children, start, end);
  for (const [pattern, filler] of RAW) {
    for (const match of source.slice(start, end).matchAll(pattern)) {
      paint(canvas, start + match.index, filler.repeat(match[0].length));
    }
  }
  if (isRowsOfTable(source.slice(start, end))) separateCells(canvas, start, end);
  return [start, end];
}

/** A long table is checked in parts, and all but the first lack the head that makes it a table. */
function isRowsOfTable(block: string): boolean {
  return block.startsWith('|') && block.split(/[\r\n]+/).every((line) => /^[ \t]*\|.*\|[ \t]*$/.test(line));
}

function separateCells(canvas: string[], start: number, end: number): void {
  for (let at = start; at < end; at += 1) if (canvas[at] === '|') canvas[at] = SENTENCE_END;
}

/** Paints the prose among the parts of a block, from `start` to `end`. */
function paintChildren(
  canvas: string[],
  source: string,
  children: readonly RootContent[],
  start: number,
  end: number,
): void {
  let at = start;
  children.forEach((child, index) => {
    if (child.position !== undefined) {
      paintChild(canvas, source, child);
      at = rangeOf(child)[1];
    } else {
      // Around a bare URL the parser leaves nodes without a place; they lie between those that have one.
      const next = children.slice(index).find(({ position }) => position !== undefined);
      const to = next === undefined ? end : rangeOf(next)[0];
      paintText(canvas, source, at, to);
      at = to;
    }
  });
}

function paintChild(canvas: string[], source: string, node: RootContent): void {
  const [start, end] = rangeOf(node);
  if (node.type === 'text') paintText(canvas, source, start, end);
  else if (node.type === 'inlineCode') paint(canvas, start, OBJECT.repeat(end - start));
  else if (node.type === 'link' && isAutolink(node)) paint(canvas, start, OBJECT.repeat(end - start));
  else if ('children' in node) paintChildren(canvas, source, node.children, start, end);
}

/** The start of a continued line can hold the marks of the quote it is in. */
function paintText(canvas: string[], source: string, start: number, end: number): void {
  const text = source.slice(start, end).replace(/[\r\n][ \t>]*/g, (marks) => ' '.repeat(marks.length));
  paint(canvas, start, text);
}

/** A link that shows where it goes, so its text is no prose. */
function isAutolink(link: Link): boolean {
  const shown = textOf(link);
  return /:\/\/|^www\.|@/.test(shown) || link.url.endsWith(shown);
}

function paint(canvas: string[], start: number, text: string): void {
  for (let index = 0; index < text.length; index += 1) canvas[start + index] = text.charAt(index);
}

function rangeOf(node: Nodes): readonly [start: number, end: number] {
  return [node.position?.start.offset ?? 0, node.position?.end.offset ?? 0];
}
