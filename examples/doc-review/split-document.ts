import { cutBlock, type Span } from './cut-block.ts';
import { withoutByteOrderMark } from './read-lines.ts';
import { type Block, scanBlocks } from './scan-blocks.ts';

/** A part of a document that can be checked on its own. */
export interface Chunk {
  /** `c0001`, `c0002`, … in the order of the document. */
  readonly id: string;
  /** The text of the heading it stands under, or `''` before the first one. */
  readonly section: string;
  /** Where `text` starts in the document, counted from 1; a byte order mark does not count. */
  readonly line: number;
  readonly column: number;
  /** A verbatim slice of the document. */
  readonly text: string;
}

const MAX_CHUNK_CHARACTERS = 2_000;

/**
 * Cuts a Markdown or plain text document into chunks of whole blocks that belong to one section.
 *
 * A chunk has at most about 2,000 characters, unless one block alone is longer. Prose, lists and tables far above that are
 * cut between items, lines or sentences; code and HTML never are, because half of one would read as prose.
 * Joined in order, the chunks hold every line that is not blank.
 */
export function splitDocument(text: string): Chunk[] {
  const document = withoutByteOrderMark(text);
  const parts: (Span & { readonly section: string })[] = [];
  let section = '';
  for (const block of scanBlocks(document)) {
    const opensSection = block.kind === 'heading';
    if (opensSection) section = headingText(block);
    for (const span of cutBlock(document, block)) {
      const last = parts.at(-1);
      const joins = last !== undefined && !opensSection && span.end - last.start <= MAX_CHUNK_CHARACTERS;
      if (joins) parts[parts.length - 1] = { ...last, end: span.end };
      else parts.push({ ...span, section });
    }
  }
  return parts.map(({ start, end, line, column, section }, index) => ({
    id: `c${String(index + 1).padStart(4, '0')}`,
    section,
    line,
    column,
    text: document.slice(start, end),
  }));
}

/** What a reader sees of a heading: no marks, no link targets. */
function headingText({ lines }: Block): string {
  const first = lines[0]?.text.trim() ?? '';
  const written = first.startsWith('#')
    ? first.replace(/^#+[ \t]*/, '').replace(/(?:^|[ \t]+)#+$/, '')
    : lines
        .slice(0, -1)
        .map((line) => line.text.trim())
        .join(' ');
  return written
    .replace(/!?\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])/g, '$1')
    .replace(/[*`]/g, '')
    .trim();
}
