/** @module How a refused value is shown in an error: short, on one line, and never an object's contents. */

const MAX_LENGTH = 60;

/** The value in a few characters: text quoted and cut at 60, objects by their kind only. */
export function show(value: unknown): string {
  if (typeof value === 'string') {
    return JSON.stringify(cut(value));
  }
  if (typeof value === 'bigint') return `${cut(String(value))}n`;
  if (typeof value === 'symbol') return cut(String(value).replace(/\s/g, ' '));
  if (value === null || typeof value !== 'object') return typeof value === 'function' ? 'a function' : String(value);
  if (Array.isArray(value)) return `an array of ${value.length}`;
  const kind: unknown = Object.getPrototypeOf(value)?.constructor?.name;
  return typeof kind !== 'string' || kind === 'Object' ? 'an object' : `a ${kind}`;
}

const cut = (text: string) => (text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text);
