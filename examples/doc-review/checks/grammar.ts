import retextContractions from 'retext-contractions';
import retextIndefiniteArticle from 'retext-indefinite-article';
import retextRepeatedWords from 'retext-repeated-words';
import type { Chunk } from '../split-document.ts';
import type { Finding } from './finding.ts';
import { createProseCheck, type Hit } from './review-prose.ts';
import { isInDictionary, retextSpelling } from './spelling.ts';

const check = createProseCheck(
  [retextRepeatedWords, retextIndefiniteArticle, [retextContractions, { straight: true }], retextSpelling],
  {
    'retext-repeated-words': judgeRepeatedWord,
    'retext-indefinite-article': judgeArticle,
    'retext-contractions': judgeContraction,
    spelling: judgeSpelling,
  },
);

/** Finds repeated words, wrong articles, contractions without their apostrophe and misspelt words. */
export function checkGrammar(chunk: Chunk): Finding[] {
  return check(chunk);
}

function judgeRepeatedWord({ text, message }: Hit) {
  const word = message.expected?.[0] ?? text;
  // Letters and numbers stand twice in formulas and versions, not in slips.
  if (!/^[a-z]{2,}$/i.test(word) || word === word.toUpperCase()) return undefined;
  return {
    rule: 'repeated-word',
    severity: 'medium',
    change: text.slice(0, word.length),
    explanation: `"${word}" stands here twice: remove one.`,
  } as const;
}

function judgeArticle({ text, after, message }: Hit) {
  const next = /^[\s"'“‘(]*([\w'’-]+)/.exec(after)?.[1] ?? '';
  const expected = message.expected?.[0];
  // How an abbreviation, a name or a coined word is spoken cannot be told from its letters.
  if (expected === undefined || !/^[a-z]{3,}(?:-[a-z]+)*$/.test(next) || !isInDictionary(next.split('-')[0] ?? next)) {
    return undefined;
  }
  return {
    rule: 'article',
    severity: 'medium',
    change: expected,
    explanation: `Before "${next}" the article is "${expected.toLowerCase()}", not "${text.toLowerCase()}".`,
  } as const;
}

function judgeContraction({ text, message }: Hit) {
  const expected = message.expected?.[0];
  // A curly apostrophe is right too, and "Id" is an identifier far more often than "I'd".
  if (expected === undefined || text.replaceAll('’', "'") === expected || text === 'Id' || /^[A-Z]{2,}$/.test(text)) {
    return undefined;
  }
  return {
    rule: 'contraction',
    severity: 'medium',
    change: expected,
    explanation: `The contraction needs its apostrophe: write "${expected}".`,
  } as const;
}

function judgeSpelling({ text, message }: Hit) {
  const [best, ...others] = message.expected ?? [];
  if (best === undefined) return undefined;
  const verdict = { rule: 'spelling', severity: 'medium' } as const;
  if (others.length === 0) return { ...verdict, change: best, explanation: `"${text}" is misspelt: write "${best}".` };
  const guesses = [best, ...others].map((word) => `"${word}"`).join(' or ');
  return { ...verdict, explanation: `"${text}" is in no dictionary: perhaps ${guesses} is meant.` };
}
