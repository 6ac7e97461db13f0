/**
 * @module Gemstone IDs: ULIDs (https://github.com/ulid/spec) that show their priority.
 *
 * 26 characters of upper-case Crockford base32: 10 for the Unix time in ms, 15 of randomness that counts upward within a
 * millisecond, and last the priority digit. So they sort by creation, and every ULID library reads their time.
 */
import { InvalidArgumentError } from './errors.ts';
import { show } from './show.ts';

declare const brand: unique symbol;
export type GemstoneId = string & { readonly [brand]: 'GemstoneId' };

/** 0 is the most urgent; 8 and 9 are for background work. */
export type Priority = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9;

/** The priorities that have a name. */
export const Priority = {
  URGENT: 0,
  IMPORTANT: 1,
  HIGH: 2,
  ABOVE_NORMAL: 3,
  NORMAL: 4,
  LOW: 5,
  VERY_LOW: 6,
  LOWEST: 7,
} as const satisfies Record<string, Priority>;

export const MAX_ID_TIME_MS = 2 ** 48 - 1;

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const TIME_LENGTH = 10;
const WELL_FORMED = /^[0-7][0-9A-HJKMNP-TV-Z]{24}[0-9]$/;
/** Two characters for ten bits: half the look-ups of one character for five. */
const PAIRS = Array.from({ length: 1024 }, (_, index) => `${ALPHABET[index >> 5]}${ALPHABET[index & 31]}`);
const DIGITS = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'] as const;
const LIMB = 2 ** 25;

export interface GemstoneIdGenerator {
  /**
   * The next ID, greater than every one before it. Never throws and never waits: when the clock steps back the last
   * millisecond stays and the count goes on, and when a millisecond's count is used up the next millisecond begins early.
   */
  next(priority: Priority): GemstoneId;
}

/**
 * A generator of strictly increasing gemstone IDs.
 *
 * Generators need no machine ids: each starts a millisecond at 75 fresh random bits. Of n generators that each make k IDs
 * in the same millisecond, two collide with a probability of about n² · k / 2^75 (birthday bound): for 1,000 generators
 * with 1,000 IDs each, 3 · 10^-14 per such millisecond.
 *
 * @param now Unix time in ms.
 * @param random Numbers in [0, 1), for repeatable tests. @default - the platform's cryptographic randomness
 */
export function createGemstoneIdGenerator(now: () => number, random: () => number = secureRandom): GemstoneIdGenerator {
  let lastMs = -1;
  // The 75 random bits as three numbers of 25 bits, most significant first.
  let high = 0;
  let middle = 0;
  let low = 0;
  let prefix = '';

  const startMillisecond = (ms: number) => {
    lastMs = ms;
    high = Math.floor(random() * LIMB);
    middle = Math.floor(random() * LIMB);
    low = Math.floor(random() * LIMB);
    prefix = encodeTime(ms) + encodeLimb(high) + encodeLimb(middle);
  };

  const countOn = () => {
    if (++low < LIMB) return;
    low = 0;
    if (++middle === LIMB) {
      middle = 0;
      if (++high === LIMB) return startMillisecond(lastMs + 1);
    }
    prefix = encodeTime(lastMs) + encodeLimb(high) + encodeLimb(middle);
  };

  return {
    next(priority) {
      const ms = Math.min(Math.max(Math.trunc(now()) || 0, 0), MAX_ID_TIME_MS);
      if (ms > lastMs) startMillisecond(ms);
      else countOn();
      return (prefix +
        PAIRS[low >> 15] +
        PAIRS[(low >> 5) & 1023] +
        ALPHABET[low & 31] +
        DIGITS[priority]) as GemstoneId;
    },
  };
}

/**
 * `text` as a gemstone ID.
 *
 * @throws InvalidArgumentError saying what came and what is allowed.
 */
export function parseGemstoneId(text: string): GemstoneId {
  const problem = gemstoneIdProblem(text);
  if (problem !== undefined) throw new InvalidArgumentError([{ field: 'id', problem }]);
  return text as GemstoneId;
}

export function isGemstoneId(value: unknown): value is GemstoneId {
  return typeof value === 'string' && WELL_FORMED.test(value);
}

/** What keeps `value` from being a gemstone ID, or undefined. */
export function gemstoneIdProblem(value: unknown): string | undefined {
  if (isGemstoneId(value)) return undefined;
  if (typeof value === 'string' && value.length === 26) {
    if (/^[89A-Z]/.test(value)) return `got ${show(value)}, whose time passes 48 bits: the first character is 0 to 7`;
    if (/[a-z]/.test(value)) return `got ${show(value)}: gemstone IDs are upper case`;
    if (!/[0-9]$/.test(value)) return `got ${show(value)}: the last character is the priority, 0 to 9`;
  }
  return `got ${show(value)}: a gemstone ID is 26 characters of 0-9 and A-Z without I, L, O, U, the last one a digit`;
}

/** Unix time in ms at which the ID was made. */
export function timeOf(id: GemstoneId): number {
  let ms = 0;
  for (let index = 0; index < TIME_LENGTH; index++) ms = ms * 32 + ALPHABET.indexOf(id.charAt(index));
  return ms;
}

export function priorityOf(id: GemstoneId): Priority {
  return (id.charCodeAt(25) - 48) as Priority;
}

/** The smallest gemstone ID of that millisecond. */
export function firstIdOf(ms: number): GemstoneId {
  return `${encodeTime(Math.min(Math.max(Math.ceil(ms), 0), MAX_ID_TIME_MS))}${'0'.repeat(16)}` as GemstoneId;
}

/** The greatest gemstone ID of that millisecond. */
export function lastIdOf(ms: number): GemstoneId {
  return `${firstIdOf(Math.floor(ms)).slice(0, TIME_LENGTH)}${'Z'.repeat(15)}9` as GemstoneId;
}

export function isPriority(value: unknown): value is Priority {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 9;
}

function encodeTime(ms: number): string {
  let text = '';
  for (let left = ms, index = 0; index < TIME_LENGTH / 2; index++, left = Math.floor(left / 1024)) {
    text = PAIRS[left % 1024] + text;
  }
  return text;
}

function encodeLimb(bits: number): string {
  return `${PAIRS[bits >> 15]}${PAIRS[(bits >> 5) & 1023]}${ALPHABET[bits & 31]}`;
}

const words = new Uint32Array(64);
let used = words.length;

/** 32 cryptographic random bits as a fraction; drawn 64 at a time, since each draw has a fixed cost. */
function secureRandom(): number {
  if (used === words.length) {
    crypto.getRandomValues(words);
    used = 0;
  }
  return (words[used++] as number) / 2 ** 32;
}
