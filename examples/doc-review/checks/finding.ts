import type { VFileMessage } from 'vfile-message';

/** One thing wrong at one place of a document. */
export interface Finding {
  /** A stable name such as `repeated-word`. */
  readonly rule: string;
  readonly severity: 'low' | 'medium' | 'high';
  /** Where it starts in the whole document, counted from 1. */
  readonly line: number;
  readonly column: number;
  /** The offending text as written, line ends shown as spaces, cut to 120 characters. */
  readonly text: string;
  /** What to write instead of `text`; absent when that needs a writer's judgement. Empty means leave it out. */
  readonly change?: string;
  /** What is wrong and what to do, in one sentence. */
  readonly explanation: string;
}

/** Says what a rule's hit means to the writer. */
export type Verdict = Pick<Finding, 'rule' | 'severity' | 'change' | 'explanation'>;

const LONGEST_TEXT = 120;

/** By position, then rule: the order in which every check gives its findings. */
export function compareFindings(a: Finding, b: Finding): number {
  return a.line - b.line || a.column - b.column || compareText(a.rule, b.rule) || compareText(a.text, b.text);
}

/** The text on one line, cut at a word with an ellipsis when it is long. */
export function abbreviate(text: string): string {
  const oneLine = text.replace(/\s+/g, ' ').trim();
  if (oneLine.length <= LONGEST_TEXT) return oneLine;
  const kept = oneLine.slice(0, LONGEST_TEXT - 1);
  const space = kept.lastIndexOf(' ');
  return `${(space > LONGEST_TEXT / 2 ? kept.slice(0, space) : kept).trimEnd()}…`;
}

/** Where a rule's message lies in the text it was given. */
export function rangeOf({ place }: VFileMessage): readonly [start: number, end: number] {
  if (place === undefined) return [0, 0];
  return 'start' in place ? [place.start.offset ?? 0, place.end.offset ?? 0] : [place.offset ?? 0, place.offset ?? 0];
}

function compareText(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
