import type { Heading, Root, RootContent } from 'mdast';
import { toString as textOf } from 'mdast-util-to-string';
import type { VFile } from 'vfile';

/** More words under one heading than a reader can scan. */
const LONGEST_SECTION_WORDS = 600;
/** Longer "headings" are paragraphs with a ruler under them. */
const LONGEST_HEADING_CHARACTERS = 200;

interface Section {
  readonly heading: Heading;
  readonly title: string;
  words: number;
}

/**
 * A remark rule that reports a heading with the same text as one before it in the same section, or as the section it is
 * in. The same name in different sections is fine: every release has its "Fixed".
 */
export function remarkDuplicateHeadings() {
  return (tree: Root, file: VFile): void => {
    const open: { readonly depth: number; readonly title: string; readonly titles: Map<string, number> }[] = [];
    const top = new Map<string, number>();
    for (const node of tree.children) {
      if (!isHeading(node)) continue;
      while ((open.at(-1)?.depth ?? 0) >= node.depth) open.pop();
      const parent = open.at(-1);
      const title = textOf(node).trim().toLowerCase();
      const titles = parent?.titles ?? top;
      const line = node.position?.start.line ?? 1;
      const earlier = titles.get(title);
      if (title !== '' && (earlier !== undefined || parent?.title === title)) {
        const other = earlier === undefined ? 'The section it is in' : `Line ${earlier}`;
        const place = node.position;
        file.message(`${other} has the same heading`, { place, ruleId: 'duplicate-heading', source: 'doc-review' });
      }
      titles.set(title, earlier ?? line);
      open.push({ depth: node.depth, title, titles: new Map() });
    }
  };
}

/** A remark rule that reports headings with too many words of prose before the next heading. */
export function remarkLongSections() {
  return (tree: Root, file: VFile): void => {
    let section: Section | undefined;
    const close = (): void => {
      if (section === undefined || section.words <= LONGEST_SECTION_WORDS) return;
      const reason = `The section has ${section.words} words without a subheading: divide it, so that readers find their way.`;
      file.message(reason, { place: section.heading.position, ruleId: 'long-section', source: 'doc-review' });
    };
    for (const node of tree.children) {
      if (isHeading(node)) {
        close();
        section = { heading: node, title: textOf(node), words: 0 };
      } else if (section !== undefined && isProse(node)) {
        section.words += textOf(node, { includeHtml: false }).match(/\S+/g)?.length ?? 0;
      }
    }
    close();
  };
}

function isHeading(node: RootContent): node is Heading {
  return node.type === 'heading' && textOf(node).length <= LONGEST_HEADING_CHARACTERS;
}

function isProse(node: RootContent): boolean {
  return node.type === 'paragraph' || node.type === 'list' || node.type === 'blockquote';
}
