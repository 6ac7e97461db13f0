import retextEquality from 'retext-equality';
import retextIntensify from 'retext-intensify';
import retextProfanities from 'retext-profanities';
import type { Chunk } from '../split-document.ts';
import type { Finding } from './finding.ts';
import { createProseCheck, type Hit } from './review-prose.ts';
import { CONSIDERED, INSENSITIVE, INTENSIFIERS, PROFANITY } from './tone-words.ts';
import { alternatives, startsSentence, withCaseOf } from './words.ts';

const MOST_ALTERNATIVES = 3;

const check = createProseCheck([retextEquality, retextIntensify, retextProfanities], {
  'retext-equality': judgeWord,
  'retext-intensify': judgeIntensifier,
  'retext-profanities': judgeProfanity,
});

/** Finds words that exclude or hurt people, words that only add emphasis, and profanities. */
export function checkTone(chunk: Chunk): Finding[] {
  return check(chunk);
}

function judgeWord({ text, before, message }: Hit) {
  const word = text.toLowerCase().replace(/\s+/g, ' ');
  if (!INSENSITIVE.has(message.ruleId ?? '') || CONSIDERED.has(word)) return undefined;
  if (/^(?:he|him|his|she|her|hers)\b/.test(word) && isAboutSomebody(before)) return undefined;
  const better = (message.expected ?? []).map((words) => withCaseOf(text, words));
  const [only] = better;
  return {
    rule: 'insensitive-word',
    severity: 'medium',
    ...(only !== undefined && better.length === 1 && { change: only }),
    explanation:
      only === undefined
        ? `"${text}" can offend or exclude readers: leave it out.`
        : `"${text}" can offend or exclude readers: consider ${alternatives(better.slice(0, MOST_ALTERNATIVES))}.`,
  } as const;
}

/** Whether a person has just been named, so that a pronoun means that one and no reader at large. */
function isAboutSomebody(before: string): boolean {
  return /\b\p{Lu}\p{Ll}+ \p{Lu}\p{Ll}+|\B@\w+|\b(?:[Hh]e|[Ss]he|[Hh]is|[Hh]er|Mr|Mrs|Ms|Dr)\b/u.test(before);
}

function judgeIntensifier({ text, before, after }: Hit) {
  const word = text.toLowerCase();
  const context = INTENSIFIERS[word];
  if (context === undefined || /["“‘'-]$/.test(before) || /^-/.test(after)) return undefined;
  if (context.notAfter?.test(before) === true || context.notBefore?.test(after) === true) return undefined;
  const isRemovable = !startsSentence(before) && /^ +\p{L}/u.test(after);
  return {
    rule: 'intensifier',
    severity: 'low',
    ...(isRemovable && { change: '' }),
    explanation: `"${word}" adds emphasis but no meaning: leave it out, or say how much.`,
  } as const;
}

function judgeProfanity({ text }: Hit) {
  if (!PROFANITY.test(text)) return undefined;
  return {
    rule: 'profanity',
    severity: 'high',
    explanation: `"${text}" is rude: say the same in neutral words.`,
  } as const;
}
