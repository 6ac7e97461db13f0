/** @module How a refused value is shown in an error: short, on one line, and never an object's contents. */

const MAX_LENGTH = 60;

/** The value in a few characters: text quoted and cut at 60, objects by their kind only. */
export function show(value: unknown): string {
  if (typeof value === 'string') {
    return JSON.stringify(value.length > MAX_LENGTH ? `${value.slice(0, MAX_LENGTH)}…` : value);
  }
  if (typeof value === 'bigint') return `${value}n`;
  if (value === null || typeof value !== 'object') return typeof value === 'function' ? 'a function' : String(value);
  if (Array.isArray(value)) return `an array of ${value.length}`;
  const kind = Object.getPrototypeOf(value)?.constructor?.name;
  return kind === undefined || kind === 'Object' ? 'an object' : `a ${kind}`;
}
