/** @module JSON values: the one copy that a published payload gets, and what it weighs. */
import type { FieldFault } from './errors.ts';
import { show } from './show.ts';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

/** How deep a published payload may be nested; less than what readers take, since dead letters embed their originals. */
const MAX_DEPTH = 100;
const NOT_JSON = Symbol('not JSON');

/**
 * A deeply frozen copy of `value`, as `JSON.parse(JSON.stringify(value))` would give it: properties that are `undefined` are
 * left out and -0 becomes 0. Anything that JSON would change or drop in silence (a Date, a Map, NaN, `undefined` in an array,
 * a cycle) is a fault instead, but for symbol keys, which nothing that reads JSON sees; they are appended to `faults`, and the result is then without meaning.
 */
export function copyJson(value: unknown, field: string, faults: FieldFault[]): Json {
  characters = 0;
  const copied = copy(value, MAX_DEPTH);
  if (copied !== NOT_JSON) {
    lastCopied = copied;
    lastCharacters = characters;
    return copied;
  }
  findFaults(value, field, faults, [], new Set());
  return null;
}

/** What the copy under way has weighed so far; with the two below it spares `jsonBytes` a second walk over the same payload. */
let characters = 0;
let lastCopied: Json | undefined;
let lastCharacters = 0;

/** Whether it is what `copyJson` gave last, so that nobody needs another copy. */
export function isCopied(value: unknown): value is Json {
  return value !== undefined && value === lastCopied;
}

function copy(value: unknown, depthLeft: number): Json | typeof NOT_JSON {
  if (typeof value === 'string') {
    characters += value.length + 2;
    return value;
  }
  if (typeof value !== 'object' || value === null) {
    characters += SCALAR_CHARACTERS;
    if (typeof value === 'number') return Number.isFinite(value) ? value + 0 : NOT_JSON;
    return value === null || typeof value === 'boolean' ? value : NOT_JSON;
  }
  if (depthLeft === 0) return NOT_JSON;
  if (Array.isArray(value)) return copyArray(value, depthLeft);
  return isPlain(value) ? copyObject(value as Record<string, unknown>, depthLeft) : NOT_JSON;
}

function copyArray(value: readonly unknown[], depthLeft: number): Json | typeof NOT_JSON {
  // Not `slice` for a subclass, which would make another of its own.
  const items = (Object.getPrototypeOf(value) === Array.prototype ? value.slice() : Array.from(value)) as Json[];
  let counted = items.length + 2;
  for (let index = 0; index < items.length; index++) {
    const item: unknown = items[index];
    if (typeof item === 'string') {
      counted += item.length + 2;
      continue;
    }
    const copied = copy(item, depthLeft - 1);
    if (copied === NOT_JSON) return NOT_JSON;
    items[index] = copied;
  }
  characters += counted;
  return Object.freeze(items);
}

/**
 * Spreads first, which the engine does in one go (and which makes `__proto__` a property like any other), and then only
 * replaces what is not right as it is.
 */
function copyObject(value: Record<string, unknown>, depthLeft: number): Json | typeof NOT_JSON {
  const object = { ...value };
  let counted = 2;
  for (const key in object) {
    const property = object[key];
    if (property === undefined) {
      delete object[key];
      continue;
    }
    counted += key.length + 4;
    if (typeof property === 'string') {
      counted += property.length + 2;
      continue;
    }
    const item = copy(property, depthLeft - 1);
    if (item === NOT_JSON) return NOT_JSON;
    // The only numbers that a copy changes are -0 and 0.
    if (typeof item === 'object' || item === 0) object[key] = item;
  }
  characters += counted;
  return Object.freeze(object) as Json;
}

/** Made by a literal, `JSON.parse` or `Object.create(null)`, in whatever realm. */
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
}

/** The slow walk that names every place; only taken for values that were refused. What was walked before is not again. */
function findFaults(
  value: unknown,
  field: string,
  faults: FieldFault[],
  ancestors: readonly unknown[],
  walked: Set<unknown>,
): void {
  if (value === null || typeof value !== 'object') {
    const isJson = typeof value === 'number' ? Number.isFinite(value) : isScalar(value);
    if (!isJson) faults.push({ field, problem: `is ${show(value)}, which is not JSON` });
  } else if (ancestors.includes(value)) {
    faults.push({ field, problem: 'contains itself: JSON cannot hold a cycle' });
  } else if (ancestors.length === MAX_DEPTH) {
    faults.push({ field, problem: `is nested more than ${MAX_DEPTH} deep` });
  } else if (!Array.isArray(value) && !isPlain(value)) {
    faults.push({
      field,
      problem: `is ${show(value)}, which is not JSON: send text, numbers, arrays or plain objects`,
    });
  } else if (!walked.has(value)) {
    walked.add(value);
    const path = [...ancestors, value];
    if (Array.isArray(value)) {
      for (let index = 0; index < value.length; index++)
        findFaults(value[index], `${field}[${index}]`, faults, path, walked);
      return;
    }
    for (const [key, item] of Object.entries(value)) {
      if (item !== undefined) findFaults(item, `${field}.${key}`, faults, path, walked);
    }
  }
}

const isScalar = (value: unknown) => value === null || typeof value === 'string' || typeof value === 'boolean';

/** A copy of a JSON value that may be changed. */
export function mutableCopy(value: Json): Json {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(mutableCopy);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mutableCopy(item)]));
}

/** Freezes a value that is JSON already, and all in it that is not yet frozen; returns it. */
export function freezeJson<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const item of Object.values(value)) freezeJson(item);
  }
  return value;
}

/** What a number, a boolean or null counts as. */
const SCALAR_CHARACTERS = 5;
/** Below this many characters the count stands for the bytes: 6 bytes a character at most, so under every inline limit. */
const ESTIMATED_BELOW = 40_000;

/** Bytes of `value` as UTF-8 JSON: exact above 40,000 characters, below that the number of characters, give or take escapes. */
export function jsonBytes(value: Json): number {
  const count = value === lastCopied ? lastCharacters : countCharacters(value);
  return count < ESTIMATED_BELOW ? count : Buffer.byteLength(JSON.stringify(value));
}

function countCharacters(value: Json): number {
  if (typeof value === 'string') return value.length + 2;
  if (typeof value !== 'object' || value === null) return SCALAR_CHARACTERS;
  let count = 2;
  if (Array.isArray(value)) for (const item of value) count += countCharacters(item) + 1;
  else {
    const object = value as JsonObject;
    for (const key in object) count += key.length + 4 + countCharacters(object[key] as Json);
  }
  return count;
}

/** Whether two JSON values are the same, whatever the order of keys. */
export function sameJson(one: Json, other: Json): boolean {
  if (one === other) return true;
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false;
  if (Array.isArray(one) || Array.isArray(other)) {
    if (!Array.isArray(one) || !Array.isArray(other) || one.length !== other.length) return false;
    return one.every((item, index) => sameJson(item, other[index]));
  }
  const keys = Object.keys(one);
  if (keys.length !== Object.keys(other).length) return false;
  return keys.every(
    (key) =>
      Object.hasOwn(other, key) && sameJson((one as JsonObject)[key] as Json, (other as JsonObject)[key] as Json),
  );
}
