/**
 * @module The outputs of a stack by which a guild tells programs outside where everything is: one JSON text, in pieces where it
 * is long. Constructs write them, and `aws:` URLs read them.
 */

/** Name of the first piece; the others are `Connection2`, `Connection3` and so on. */
export const CONNECTION_OUTPUT = 'Connection';

export const connectionPiece = (index: number, first = CONNECTION_OUTPUT): string =>
  index === 0 ? first : `${first}${index + 1}`;

/** The text, put together; undefined if the outputs are those of no guild. A stack around may have put a name before theirs. */
export function connectionText(outputs: unknown): string | undefined {
  if (typeof outputs !== 'object' || outputs === null) return undefined;
  const texts = new Map(Object.entries(outputs));
  const names = [...texts.keys()];
  const first =
    names.find((name) => name === CONNECTION_OUTPUT) ?? names.find((name) => name.endsWith(CONNECTION_OUTPUT));
  if (first === undefined) return undefined;
  let text: string | undefined;
  for (let index = 0; ; index++) {
    const piece: unknown = texts.get(connectionPiece(index, first));
    if (typeof piece !== 'string') return text;
    text = (text ?? '') + piece;
  }
}
