/** @module JSON as the functions read it, whose decoder refuses a whole call for half a surrogate pair in one text of it. */

const HALF_PAIR = /\\ud[89a-f]/;

/** Half a pair, as of text that was cut within a character, becomes U+FFFD, as it does where text is sent as UTF-8. */
export function luaJson(value: object): string {
  const json = JSON.stringify(value);
  if (!HALF_PAIR.test(json)) return json;
  return JSON.stringify(value, (_, part: unknown) => (typeof part === 'string' ? part.toWellFormed() : part));
}
