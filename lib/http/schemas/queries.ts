/** @module What is asked in the query of a URL. */
import * as z from 'zod/mini';
import { show } from '../../core/show.ts';
import {
  agent,
  closed,
  conversation,
  field,
  format,
  gemstoneId,
  numberInQuery,
  point,
  priorityInQuery,
  senderId,
  topicOrPattern,
} from './fields.ts';

export const filters = {
  format: z.optional(format.check(z.describe('Only messages of this format.'))),
  sender: z.optional(senderId.check(z.describe('Only messages of this sender.'))),
};
const page = {
  since: z.optional(point),
  until: z.optional(point),
  limit: z.optional(
    numberInQuery(
      (value) =>
        Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 1_000
          ? undefined
          : `got ${show(value)}: allowed is a whole number from 1 to 1000`,
      { minimum: 1, maximum: 1_000, default: 100, description: 'Messages on a page.' },
    ),
  ),
  order: z.optional(
    field<'asc' | 'desc'>(
      (value) => (value === 'asc' || value === 'desc' ? undefined : `got ${show(value)}: allowed are asc and desc`),
      { type: 'string', enum: ['asc', 'desc'], default: 'asc', description: 'By id, which is by time.' },
    ),
  ),
  cursor: z.optional(
    field<string>(
      (value) => (typeof value === 'string' && value !== '' ? undefined : `got ${show(value)}: allowed is text`),
      { type: 'string', minLength: 1, description: '`next` of the page before; only for the same query.' },
    ),
  ),
};

export const HistoryQuery = closed({ ...page, ...filters, priority: z.optional(priorityInQuery) });
export const TopicsQuery = closed({ cursor: page.cursor });
export const StreamQuery = closed({
  topic: z.optional(topicOrPattern),
  thread: z.optional(gemstoneId.check(z.describe('Everything that descends from this root.'))),
  conversation: z.optional(conversation),
  agent: z.optional(agent.check(z.describe('Everything on the topics that the agent follows.'))),
  since: z.optional(point.check(z.describe('Where to begin. Without it: with what comes next.'))),
  ...filters,
  priority: z.optional(priorityInQuery),
}).check(
  z.refine(
    ({ topic: followed, thread, conversation: spoken, agent: follower }) =>
      [followed, thread, spoken, follower].filter((place) => place !== undefined).length === 1,
    { error: 'says too little or too much: say exactly one of topic, thread, conversation and agent' },
  ),
);
