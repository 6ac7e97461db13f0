/** A set of the words and phrases in a text, one per line or comma. */
export function wordSet(list: string): ReadonlySet<string> {
  return new Set(
    list
      .split(/[\n,]/)
      .map((word) => word.trim())
      .filter((word) => word !== ''),
  );
}

/** The replacement with a capital first letter when the original has one. */
export function withCaseOf(original: string, replacement: string): string {
  const isCapitalized = /^\p{Lu}/u.test(original);
  return isCapitalized ? replacement.charAt(0).toUpperCase() + replacement.slice(1) : replacement;
}

/** `"a", "b" or "c"` */
export function alternatives(words: readonly string[]): string {
  const quoted = words.map((word) => `"${word}"`);
  return quoted.length < 2 ? quoted.join('') : `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}`;
}

/** Whether nothing but marks stands between the last sentence or block and here. */
export function startsSentence(before: string): boolean {
  return /(?:^|[.!?\n‽]["'”’)]*\s*)["'“‘(\s]*$/.test(before);
}
