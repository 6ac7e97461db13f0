/** The doc-review guild: a coordinator, four specialists, and an aggregator. */
import { defineGuild } from 'guildwire';
import aggregator from './agents/aggregator.ts';
import clarity from './agents/clarity.ts';
import coordinator from './agents/coordinator.ts';
import grammar from './agents/grammar.ts';
import structure from './agents/structure.ts';
import tone from './agents/tone.ts';
import { Answer, Report, ReviewTask } from './formats.ts';

export const agents = [coordinator, grammar, clarity, tone, structure, aggregator] as const;

export const topics = {
  'doc.review.*': { formats: [ReviewTask] },
  'doc.review.summary': { formats: [Answer, Report] },
  'doc.suggestions.*': { formats: [Answer] },
};

export default defineGuild({ name: 'doc-review', agents, topics });

export { run } from './run-review.ts';
