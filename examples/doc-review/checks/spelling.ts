import dictionaryUs from 'dictionary-en';
import dictionaryGb from 'dictionary-en-gb';
import type { Parents, Root, Sentence, Word } from 'nlcst';
import { toString as textOf } from 'nlcst-to-string';
import nspell from 'nspell';
import { visit } from 'unist-util-visit';
import type { VFile } from 'vfile';
import { OBJECT } from './mask-markup.ts';
import { sourceOf } from './review-prose.ts';
import { suggestSpelling } from './suggest-spelling.ts';
import { isTechnicalWord } from './technical-words.ts';

/** Each word tried costs a few milliseconds; a text with more unknown words is not in English. */
const MOST_SUGGESTIONS = 25;
/** A word written this often is one of the writer's own, unless it is a usual slip. */
const OFTEN = 3;

/** Read on first use: it takes half a second. */
let dictionaries: readonly ReturnType<typeof nspell>[] | undefined;

/** What is longer is an encoding or a key; undoing slips in it would take seconds. */
const LONGEST_WORD = 30;

interface Unknown {
  readonly word: string;
  readonly node: Word;
}

/**
 * A retext rule that reports words which neither the American nor the British dictionary knows, with what was meant in
 * `expected`.
 *
 * It is silent on words that a rule before it has reported, and on names and jargon: words with capitals inside a sentence, digits or symbols, words that stand in the
 * chunk's code or links, and words that resemble no known one.
 */
export function retextSpelling() {
  return (tree: Root, file: VFile): void => {
    const prose = String(file);
    const reported = new Set(file.messages.map(({ line, column }) => `${line}:${column}`));
    const unknown = unknownWords(tree, prose).filter(({ node }) => !reported.has(placeOf(node)));
    const mentioned = mentionedWords(sourceOf(file), prose);
    const counts = Map.groupBy(unknown, ({ word }) => word.toLowerCase());
    const suggestions = new Map(
      [...counts.keys()]
        .filter((word) => !mentioned.has(word))
        .slice(0, MOST_SUGGESTIONS)
        .map((word) => [word, suggestSpelling(word, isInDictionary)]),
    );

    for (const { word, node } of unknown) {
      const suggestion = suggestions.get(word.toLowerCase());
      if (suggestion === undefined || suggestion.words.length === 0) continue;
      const isName = word !== word.toLowerCase();
      const isOwnWord = (counts.get(word.toLowerCase())?.length ?? 0) >= OFTEN;
      if ((isName || isOwnWord) && !suggestion.sure) continue;
      const message = file.message(`Unknown word ${word}`, {
        place: node.position,
        ruleId: 'spelling',
        source: 'spelling',
      });
      message.expected = suggestion.words.map((known) => (isName ? capitalize(known) : known));
      message.actual = word;
    }
  };
}

/** Whether either dictionary has it in lower case, or as a word that is always capitalised when it is given as one. */
export function isInDictionary(word: string): boolean {
  dictionaries ??= [dictionaryUs, dictionaryGb].map(({ aff, dic }) => nspell(Buffer.from(aff), Buffer.from(dic)));
  return dictionaries.some((dictionary) => dictionary.correct(word));
}

function placeOf({ position }: Word): string {
  return `${position?.start.line}:${position?.start.column}`;
}

function unknownWords(tree: Root, prose: string): Unknown[] {
  const unknown: Unknown[] = [];
  visit(tree, 'WordNode', (node, index, parent) => {
    const word = textOf(node)
      .replace(/['’]s?$/, '')
      .replaceAll('’', "'");
    if (index === undefined || parent === undefined || !isPlainWord(word) || isPartOfName(node, prose)) return;
    const startsSentence = isFirstWord(parent, index);
    if (word !== word.toLowerCase() && !startsSentence) return;
    if (word.split('-').every((part) => isKnown(part, startsSentence))) return;
    unknown.push({ word, node });
  });
  return unknown;
}

/** Letters only, lower case but for the first, and no longer than words are. */
function isPlainWord(word: string): boolean {
  return word.length <= LONGEST_WORD && /^[A-Za-z][a-z]*(?:['-][a-z]+)*$/.test(word);
}

/** Whether it touches a symbol that paths, identifiers and code have between their words. */
function isPartOfName(node: Word, prose: string): boolean {
  const before = prose[(node.position?.start.offset ?? 0) - 1] ?? ' ';
  const after = prose[node.position?.end.offset ?? 0] ?? ' ';
  return (
    [before, after].some((character) => `/\\_@#$=~+<>{}[]|&^${OBJECT}`.includes(character)) ||
    before === '.' ||
    before === '-'
  );
}

function isFirstWord(parent: Parents, index: number): boolean {
  return !(parent as Sentence).children.slice(0, index).some((sibling) => sibling.type === 'WordNode');
}

function isKnown(part: string, startsSentence: boolean): boolean {
  const lower = part.toLowerCase();
  if (part.length < 3 || isInDictionary(lower) || (startsSentence && isInDictionary(part))) return true;
  return isTechnicalWord(lower, isInDictionary);
}

/** Words that the chunk has in code, links or other markup. */
function mentionedWords(source: string, prose: string): ReadonlySet<string> {
  const mentioned = new Set<string>();
  for (const { index, 0: word } of source.matchAll(/[A-Za-z]{3,}/g)) {
    if (prose[index] !== source[index]) for (const part of word.split(/(?=[A-Z])/)) mentioned.add(part.toLowerCase());
    if (prose[index] !== source[index]) mentioned.add(word.toLowerCase());
  }
  return mentioned;
}

function capitalize(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
