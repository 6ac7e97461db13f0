import retextReadability from 'retext-readability';
import retextSimplify from 'retext-simplify';
import type { Chunk } from '../split-document.ts';
import type { Finding } from './finding.ts';
import { retextPassive } from './passive.ts';
import { createProseCheck, type Hit } from './review-prose.ts';
import { alternatives, withCaseOf, wordSet } from './words.ts';

/** Phrases of retext-simplify that are longer than what they say; it also objects to good plain words. */
const WORDY = wordSet(`
  accede to, adversely impact, adversely impact on, afford an opportunity, already existing, ameliorate, as a means of
  as of yet, as prescribed by, ascertain, at the present time, at this time, because of the fact that, by virtue of
  close proximity, commence, disseminate, due to the fact that, during the period, each and every, elucidate, endeavor
  expeditious, facilitate, factual evidence, first and foremost, for a period of, for the purpose of
  has a requirement for, heretofore, herewith, honest truth, if and when, in a timely manner, in accordance with
  in all likelihood, in an effort to, in excess of, in lieu of, in light of the fact that, in order for, in order that
  in order to, in regard to, in relation to, in some instances, in the amount of, in the event of, in the near future
  in the process of, in view of the above, inasmuch as, incumbent upon, interpose no objection, is applicable to
  is authorised to, is authorized to, is in consonance with, it is essential, it is requested, necessitate
  not later than, notwithstanding, null and void, numerous, owing to the fact that, pertaining to, point in time
  prior to, promulgate, provides guidance for, pursuant to, readily apparent, refer back, remuneration, set forth in
  should you wish, span across, strategise, strategize, successfully complete, take action to, the month of
  this day and age, time period, transpire, under the provisions of, until such time as, utilisation, utilise
  utilization, utilize, various different, whether or not, with reference to, with the exception of`);

/** With fewer words a sentence reads hard because of its terms, which technical prose cannot avoid. */
const FEWEST_WORDS = 30;
/** More marks than this per word make an inventory, which is not read as a sentence. */
const MOST_MARKS_PER_WORD = 0.25;

const check = createProseCheck(
  [[retextReadability, { age: 18, minWords: FEWEST_WORDS, threshold: 4 / 7 }], retextSimplify, retextPassive],
  { 'retext-readability': judgeSentence, 'retext-simplify': judgePhrase, passive: judgePassive },
);

/** Finds sentences that are long and hard to read, phrases with more words than they need, and avoidable passives. */
export function checkClarity(chunk: Chunk): Finding[] {
  return check(chunk);
}

function judgeSentence({ text }: Hit) {
  const words = text.split(/\s+/).length;
  const marks = text.match(/[,;:·|/=()[\]+&*→]/g)?.length ?? 0;
  if (marks / words > MOST_MARKS_PER_WORD) return undefined;
  return {
    rule: 'hard-sentence',
    severity: 'medium',
    explanation: `This sentence of ${words} words is hard to read: split it, and prefer short words.`,
  } as const;
}

function judgePhrase({ text, message }: Hit) {
  const written = text.replace(/\s+/g, ' ');
  if (!WORDY.has(written.toLowerCase())) return undefined;
  const shorter = (message.expected ?? []).map((words) => withCaseOf(text, words));
  const [only] = shorter;
  return {
    rule: 'wordy-phrase',
    severity: 'low',
    ...(only !== undefined && shorter.length === 1 && { change: only }),
    explanation:
      only === undefined
        ? `"${written}" adds nothing: leave it out.`
        : `"${written}" is wordy: write ${alternatives(shorter)}.`,
  } as const;
}

function judgePassive({ message }: Hit) {
  return {
    rule: 'passive-voice',
    severity: 'low',
    explanation:
      message.ruleId === 'agent'
        ? 'The sentence is passive but names who acts: put them first and make the verb active.'
        : 'The passive hides who acts: say who does it, or make the verb active.',
  } as const;
}
