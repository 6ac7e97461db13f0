import type { Root } from 'mdast';
import remarkFrontmatter from 'remark-frontmatter';
import remarkGfm from 'remark-gfm';
import remarkLint from 'remark-lint';
import headingIncrement from 'remark-lint-heading-increment';
import noEmptyUrl from 'remark-lint-no-empty-url';
import noHeadingPunctuation from 'remark-lint-no-heading-punctuation';
import noLiteralUrls from 'remark-lint-no-literal-urls';
import noUndefinedReferences from 'remark-lint-no-undefined-references';
import remarkParse from 'remark-parse';
import { unified } from 'unified';
import { VFile } from 'vfile';
import type { VFileMessage } from 'vfile-message';
import { type Line, withoutByteOrderMark } from '../read-lines.ts';
import { scanBlocks } from '../scan-blocks.ts';
import { abbreviate, compareFindings, type Finding, rangeOf, type Verdict } from './finding.ts';
import { remarkDuplicateHeadings, remarkLongSections } from './headings.ts';
import { createLocator } from './place.ts';

const linter = unified()
  .use(remarkParse)
  .use(remarkGfm)
  .use(remarkFrontmatter)
  .use(remarkLint)
  .use([headingIncrement, noEmptyUrl, noLiteralUrls, [noHeadingPunctuation, '.,;:']])
  .use(noUndefinedReferences, { allowShortcutLink: true })
  .use([remarkDuplicateHeadings, remarkLongSections])
  .freeze();

/** Writers who skip the same levels this often do so on purpose; one finding tells them. */
const MOST_ALIKE = 3;
const CONTEXT_CHARACTERS = 20;

interface Hit {
  readonly text: string;
  readonly before: string;
  readonly message: VFileMessage;
  /** How many more of the same kind the document has. */
  readonly others: number;
}

type Judge = (hit: Hit) => Verdict | undefined;

const judges: Readonly<Record<string, Judge>> = {
  'heading-increment': judgeHeadingLevel,
  'duplicate-heading': judgeDuplicateHeading,
  'no-undefined-references': judgeReference,
  'no-literal-urls': judgeUrl,
  'no-empty-url': judgeEmptyLink,
  'no-heading-punctuation': judgeHeadingPunctuation,
  'long-section': judgeLongSection,
};

/**
 * Finds faults in how a whole Markdown document hangs together: skipped and repeated headings, sections that are too
 * long, links that lead nowhere, bare URLs.
 *
 * Text that is no Markdown has no such structure and no findings. It parses the document at once, which takes some
 * seconds per megabyte; of a paragraph of more than 20,000 characters it sees only that much.
 */
export function checkStructure(text: string): Finding[] {
  const source = withoutByteOrderMark(text);
  if (!looksLikeMarkdown(source)) return [];
  const file = new VFile(withoutEndless(source));
  const tree: Root = linter.parse(file);
  linter.runSync(tree, file);

  const place = createLocator(source, { line: 1, column: 1 });
  const skips = Map.groupBy(file.messages.filter(isSkippedLevel), ({ reason }) => reason);
  return file.messages
    .flatMap((message): Finding[] => {
      const alike = skips.get(message.reason) ?? [];
      if (alike.length > MOST_ALIKE && message !== alike[0]) return [];
      const [start, end] = rangeOf(message);
      const text = source.slice(start, end);
      const before = source.slice(Math.max(0, start - CONTEXT_CHARACTERS), start);
      const verdict = judges[message.ruleId ?? '']?.({ text, before, message, others: alike.length - 1 });
      return verdict === undefined ? [] : [{ ...verdict, ...place(start), text: abbreviate(text) }];
    })
    .sort(compareFindings);
}

function isSkippedLevel({ ruleId }: VFileMessage): boolean {
  return ruleId === 'heading-increment';
}

/** The parser's time grows with the square of a paragraph's length. */
const LONGEST_PARAGRAPH = 20_000;

/** The text with what is too long in a paragraph blanked out; no offset changes. */
function withoutEndless(source: string): string {
  const endless = scanBlocks(source).filter(({ kind, lines }) => kind === 'prose' && sizeOf(lines) > LONGEST_PARAGRAPH);
  return endless.reduce((text, { lines }) => {
    const [start, end] = [(lines[0]?.start ?? 0) + LONGEST_PARAGRAPH, lines.at(-1)?.end ?? 0];
    return text.slice(0, start) + text.slice(start, end).replace(/[^\r\n]/g, ' ') + text.slice(end);
  }, source);
}

function sizeOf(lines: readonly Line[]): number {
  return (lines.at(-1)?.end ?? 0) - (lines[0]?.start ?? 0);
}

/** What no log, letter or script has: a heading on its own, a link, a fence, an underlined title. */
const MARKDOWN: readonly RegExp[] = [
  /(?:^|\n[ \t]*\r?\n) {0,3}#{1,6} \S.*\r?\n[ \t]*(?:\r?\n|$)/,
  /\]\([^)\s]+\)/,
  /^ {0,3}\[[^\]\n]+\]: /m,
  /^ {0,3}(?:```|~~~)/m,
  /(?:^|\n[ \t]*\r?\n)\S.*\r?\n(?:={3,}|-{3,})[ \t]*\r?\n[ \t]*\r?\n/,
];

function looksLikeMarkdown(text: string): boolean {
  return !text.startsWith('#!') && MARKDOWN.some((sign) => sign.test(text));
}

function judgeHeadingLevel({ message, others }: Hit): Verdict {
  const [level, expected] = message.reason.match(/\d/g) ?? [];
  const more = others >= MOST_ALIKE ? ` (so do ${others} more)` : '';
  return {
    rule: 'skipped-heading-level',
    severity: 'medium',
    explanation: `This heading of level ${level}${more} skips a level: make it level ${expected}.`,
  };
}

function judgeDuplicateHeading({ message }: Hit): Verdict {
  return {
    rule: 'duplicate-heading',
    severity: 'medium',
    explanation: `${message.reason}: give each a name of its own, or merge the two.`,
  };
}

function judgeReference({ text, before }: Hit): Verdict | undefined {
  // An index such as `list[0][1]`, or a character class such as `[^/]`.
  if (/[\w)\]]$/.test(before) || /^\[\^[^\]]*[^\w\]-]/.test(text)) return undefined;
  const label = /\[\^?([^\]]*)\](?:\[\])?$/.exec(text)?.[1] ?? text;
  return {
    rule: 'undefined-reference',
    severity: 'high',
    explanation: `Nothing defines "${abbreviate(label)}": add the definition or correct the name.`,
  };
}

function judgeUrl({ text, before }: Hit): Verdict | undefined {
  if (!/^(?:https?:\/\/|www\.)/i.test(text) || /[<"'=]$/.test(before)) return undefined;
  return {
    rule: 'bare-url',
    severity: 'low',
    ...(/^http/i.test(text) && { change: `<${text}>` }),
    explanation: 'This URL is bare: make it a link that says where it leads, or put it in angle brackets.',
  };
}

function judgeEmptyLink(): Verdict {
  return { rule: 'empty-link', severity: 'high', explanation: 'This link or image leads nowhere: give it a target.' };
}

function judgeHeadingPunctuation({ text }: Hit): Verdict {
  const mark =
    text
      .trim()
      .replace(/\s*#+$/, '')
      .at(-1) ?? '';
  return {
    rule: 'heading-punctuation',
    severity: 'low',
    explanation: `A heading needs no "${mark}" at its end: leave it out.`,
  };
}

function judgeLongSection({ message }: Hit): Verdict {
  return { rule: 'long-section', severity: 'low', explanation: message.reason };
}
