/** @module The wildcards of policies: `*` for anything, `?` for one character. */

const known = new Map<string, RegExp>();

export function likeness(pattern: string): (text: string) => boolean {
  let expression = known.get(pattern);
  if (expression === undefined) {
    const escaped = pattern
      .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.');
    expression = new RegExp(`^${escaped}$`, 's');
    known.set(pattern, expression);
  }
  const found = expression;
  return (text) => found.test(text);
}
