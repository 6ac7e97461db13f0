/** What the four specialists have in common: one answer for each task, on the topic of their kind. */
import { type Agent, defineAgent } from 'guildwire';
import type { Finding } from '../checks/finding.ts';
import { Answer, type Kind, ReviewTask } from '../formats.ts';
import type { Chunk } from '../split-document.ts';

/** @param check Pure and deterministic, so that a task reviewed twice gets the same answer twice. */
export function defineSpecialist<K extends Kind>(kind: K, entry: string, check: (chunk: Chunk) => Finding[]): Agent<K> {
  return defineAgent({
    name: kind,
    entry,
    subscribes: [`doc.review.${kind}`],
    publishes: [`doc.suggestions.${kind}`] as string[],
    handlers: (on) => [
      on(ReviewTask, ({ docId, answers, chunk }, context) => {
        const { id, section, line } = chunk;
        const suggestions = check(chunk);
        context.publish(`doc.suggestions.${kind}`, Answer, {
          docId,
          kind,
          answers,
          chunk: { id, section, line },
          suggestions,
        });
      }),
    ],
  });
}
