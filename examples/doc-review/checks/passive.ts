import type { Root } from 'nlcst';
import passiveVoice from 'passive-voice';
import { SKIP, visit } from 'unist-util-visit';
import type { VFile } from 'vfile';

/** Participles whose `by` names an order, a measure, a part or a means rather than who acts. */
const NO_AGENT =
  /\b(?:accompanied|affected|bounded|bound|capped|contained|covered|decreased|defined|delimited|described|determined|divided|dominated|driven|filtered|followed|given|governed|grouped|identified|increased|incremented|indexed|joined|keyed|limited|meant|multiplied|ordered|partitioned|preceded|prefixed|reduced|replaced|represented|satisfied|scaled|separated|sharded|shifted|sorted|suffixed|surrounded)$/i;
const AGENT =
  /^\s+(?:\w+\s+){0,2}?by\s+(?:a|an|another|any|anyone|each|every|everyone|her|him|his|it|its|me|most|my|no|nobody|one|other|our|several|some|somebody|someone|that|the|their|them|these|this|those|two|us|you|your|[A-Z]\w+|(?!\w*(?:ss|us|is)\b)[a-z]{3,}s)\b/;
/** Words after which even a past passive reads best as it is: `what was tried`. */
const KEEPS_PASSIVE =
  /\b(?:as|how|if|nothing|once|that|unless|until|what|whatever|when|where|which|who|whose)\s+(?:\w+\s+){0,3}$/i;

/**
 * A retext rule that reports the passives an editor would turn round: those that name who acts after `by`, those in a
 * main clause of the past, and the first of three or more in a sentence.
 *
 * Other passives are let be: `is stored`, `can be set` are the plainest way to describe what a system does.
 */
export function retextPassive() {
  return (tree: Root, file: VFile): void => {
    const prose = String(file);
    visit(tree, 'SentenceNode', (sentence) => {
      const start = sentence.position?.start.offset ?? 0;
      const text = prose.slice(start, sentence.position?.end.offset);
      const passives = passiveVoice(withoutAdverbs(text));
      passives.forEach(({ index, offset }, nth) => {
        const passive = text.slice(index, index + offset);
        const hasAgent = !NO_AGENT.test(passive) && AGENT.test(text.slice(index + offset));
        const isPast =
          /^(?:was|were)\s/i.test(passive) && !/\bnot\b/.test(passive) && !KEEPS_PASSIVE.test(text.slice(0, index));
        if (!hasAgent && !isPast && !(nth === 0 && passives.length > 2)) return;
        const place = { start: pointAt(start + index), end: pointAt(start + index + offset) };
        file.message('Passive voice', { place, ruleId: hasAgent ? 'agent' : 'no-agent', source: 'passive' });
      });
      return SKIP;
    });
  };
}

/** Blanks words that may stand between the parts of a passive, keeping all offsets. */
function withoutAdverbs(text: string): string {
  return text.replace(/\b(?:\w+ly|also|always|never|not|now|often|only|still|then)\b/gi, (word) =>
    ' '.repeat(word.length),
  );
}

/** Only the offset of a point is used. */
function pointAt(offset: number) {
  return { line: 1, column: 1, offset };
}
