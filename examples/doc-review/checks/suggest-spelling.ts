const LETTERS = 'abcdefghijklmnopqrstuvwxyz';
const VOWELS = 'aeiou';

/** Slips that are too far from the right word, or too close to another one, to be guessed. */
const KNOWN_SLIPS: Readonly<Record<string, string>> = {
  adn: 'and',
  alot: 'a lot',
  alright: 'all right',
  aswell: 'as well',
  definately: 'definitely',
  eachother: 'each other',
  hte: 'the',
  fiel: 'file',
  incase: 'in case',
  infact: 'in fact',
  inspite: 'in spite',
  jsut: 'just',
  publically: 'publicly',
  taht: 'that',
  teh: 'the',
  thier: 'their',
  thsi: 'this',
  thru: 'through',
  tht: 'that',
  waht: 'what',
  wich: 'which',
  wiht: 'with',
  wtih: 'with',
  yuo: 'you',
};

/** Letters that lie side by side, so that one is hit for the other. */
const KEYBOARD_ROWS = ['qwertyuiop', 'asdfghjkl', 'zxcvbnm'];

export interface SpellingSuggestion {
  readonly words: readonly string[];
  /** Whether the slip is of a kind that people make and that points to one word. */
  readonly sure: boolean;
}

/**
 * Known words that a misspelt lower-case one was probably meant to be, the likeliest first; at most three.
 *
 * It undoes the slips that people make: swapped, doubled and halved letters and wrong vowels, then a letter left out, put
 * in or hit beside, then two of the first kind at once. The shorter a word, the fewer it tries, because a short unknown
 * word is more often a name. It asks `isKnown` a few thousand times at worst, which takes milliseconds where a search of
 * the dictionary takes tenths of a second.
 */
export function suggestSpelling(word: string, isKnown: (word: string) => boolean): SpellingSuggestion {
  const slip = KNOWN_SLIPS[word];
  if (slip !== undefined) return { words: [slip], sure: true };
  const attempts = [
    { from: 4, candidates: () => [word.replace(/ie|ei/, (pair) => (pair === 'ie' ? 'ei' : 'ie'))] },
    { from: 5, candidates: () => swapped(word) },
    { from: 5, candidates: () => [...halved(word), ...doubled(word)] },
    { from: 6, candidates: () => withOtherVowels(word) },
    { from: 6, candidates: () => [...withOneMore(word), ...withOneLess(word), ...withNeighbours(word)] },
    { from: 8, candidates: () => usualSlips(word).flatMap(usualSlips) },
  ];
  for (const { from, candidates } of attempts) {
    const words = word.length < from ? [] : known(candidates(), isKnown);
    if (words.length > 0) return { words, sure: words.length === 1 };
  }
  return { words: [], sure: false };
}

function known(candidates: readonly string[], isKnown: (word: string) => boolean): readonly string[] {
  const found = new Set<string>();
  for (const candidate of candidates) {
    if (candidate.length > 2 && !found.has(candidate) && isKnown(candidate)) found.add(candidate);
    if (found.size === 3) break;
  }
  return [...found];
}

function usualSlips(word: string): string[] {
  return [...swapped(word), ...halved(word), ...doubled(word), ...withOtherVowels(word)];
}

function swapped(word: string): string[] {
  return edits(word, (before, letter, after) => [before + after.charAt(0) + letter + after.slice(1)]);
}

function halved(word: string): string[] {
  return edits(word, (before, letter, after) => (after.startsWith(letter) ? [before + after] : []));
}

function doubled(word: string): string[] {
  return edits(word, (before, letter, after) => (before === '' ? [] : [before + letter + letter + after]));
}

function withOtherVowels(word: string): string[] {
  return edits(word, (before, letter, after) => {
    return VOWELS.includes(letter) ? Array.from(VOWELS, (vowel) => before + vowel + after) : [];
  });
}

function withOneMore(word: string): string[] {
  return edits(word, (before, letter, after) => Array.from(LETTERS, (more) => before + letter + more + after));
}

function withOneLess(word: string): string[] {
  return edits(word, (before, _letter, after) => (before === '' ? [] : [before + after]));
}

function withNeighbours(word: string): string[] {
  return edits(word, (before, letter, after) => {
    const row = KEYBOARD_ROWS.find((keys) => keys.includes(letter)) ?? '';
    const at = row.indexOf(letter);
    return [row.charAt(at - 1), row.charAt(at + 1)].map((neighbour) => before + neighbour + after);
  });
}

/** Applies an edit at every letter. */
function edits(word: string, edit: (before: string, letter: string, after: string) => string[]): string[] {
  return Array.from(word, (letter, at) => edit(word.slice(0, at), letter, word.slice(at + 1))).flat();
}
