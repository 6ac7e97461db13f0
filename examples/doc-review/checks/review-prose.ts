import retextEnglish from 'retext-english';
import { type PluggableList, unified } from 'unified';
import { VFile } from 'vfile';
import type { VFileMessage } from 'vfile-message';
import type { Chunk } from '../split-document.ts';
import { abbreviate, compareFindings, type Finding, rangeOf, type Verdict } from './finding.ts';
import { maskMarkup } from './mask-markup.ts';
import { createLocator } from './place.ts';

/** What a judge may look at. */
export interface Hit {
  /** The text that was hit. */
  readonly text: string;
  /** The prose before and after it; line ends in them stand between blocks. */
  readonly before: string;
  readonly after: string;
  /** What the rule said of it. */
  readonly message: VFileMessage;
}

/** Gives the verdict on a hit, or nothing when a fair editor would let it pass. */
export type Judge = (hit: Hit) => Verdict | undefined;

const CONTEXT_CHARACTERS = 80;

/**
 * A check that parses the prose of a chunk once, runs all `rules` over it and keeps what the judges uphold.
 *
 * `judges` has one for the name of each rule's source; hits of others are dropped. Nothing is kept between chunks, so a
 * chunk has the same findings whenever it is checked.
 */
export function createProseCheck(
  rules: PluggableList,
  judges: Readonly<Record<string, Judge>>,
): (chunk: Chunk) => Finding[] {
  const english = unified().use(retextEnglish).use(rules).freeze();
  return (chunk) => {
    const prose = maskMarkup(chunk.text, chunk.line === 1 && chunk.column === 1);
    const file = new VFile({ value: prose, data: { source: chunk.text } });
    english.runSync(english.parse(file), file);

    const place = createLocator(chunk.text, chunk);
    const longest = new Map<string, { readonly end: number; readonly finding: Finding }>();
    for (const message of file.messages) {
      const [start, end] = rangeOf(message);
      const text = chunk.text.slice(start, end);
      const before = prose.slice(Math.max(0, start - CONTEXT_CHARACTERS), start);
      const after = prose.slice(end, end + CONTEXT_CHARACTERS);
      const verdict = judges[message.source ?? '']?.({ text, before, after, message });
      const key = `${start} ${verdict?.rule}`;
      if (verdict === undefined || (longest.get(key)?.end ?? 0) >= end) continue;
      longest.set(key, { end, finding: { ...verdict, ...place(start), text: abbreviate(text) } });
    }
    return Array.from(longest.values(), ({ finding }) => finding).sort(compareFindings);
  };
}

/** The text a file's prose was made from, for rules that need to see the markup. */
export function sourceOf(file: VFile): string {
  return typeof file.data.source === 'string' ? file.data.source : String(file);
}
