/** @module What is asked in the query of a URL. */
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
  format: format.meta({ description: 'Only messages of this format.' }).optional(),
  sender: senderId.meta({ description: 'Only messages of this sender.' }).optional(),
};
const page = {
  since: point.optional(),
  until: point.optional(),
  limit: numberInQuery(
    (value) =>
      Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 1_000
        ? undefined
        : `got ${show(value)}: allowed is a whole number from 1 to 1000`,
    { minimum: 1, maximum: 1_000, default: 100, description: 'Messages on a page.' },
  ).optional(),
  order: field<'asc' | 'desc'>(
    (value) => (value === 'asc' || value === 'desc' ? undefined : `got ${show(value)}: allowed are asc and desc`),
    { type: 'string', enum: ['asc', 'desc'], default: 'asc', description: 'By id, which is by time.' },
  ).optional(),
  cursor: field<string>(
    (value) => (typeof value === 'string' && value !== '' ? undefined : `got ${show(value)}: allowed is text`),
    { type: 'string', minLength: 1, description: '`next` of the page before; only for the same query.' },
  ).optional(),
};

export const HistoryQuery = closed({ ...page, ...filters, priority: priorityInQuery.optional() });
export const TopicsQuery = closed({ cursor: page.cursor });
export const StreamQuery = closed({
  topic: topicOrPattern.optional(),
  thread: gemstoneId.meta({ description: 'Everything that descends from this root.' }).optional(),
  conversation: conversation.optional(),
  agent: agent.meta({ description: 'Everything on the topics that the agent follows.' }).optional(),
  since: point.meta({ description: 'Where to begin. Without it: with what comes next.' }).optional(),
  ...filters,
  priority: priorityInQuery.optional(),
}).refine(
  ({ topic: followed, thread, conversation: spoken, agent: follower }) =>
    [followed, thread, spoken, follower].filter((place) => place !== undefined).length === 1,
  { error: 'says too little or too much: say exactly one of topic, thread, conversation and agent' },
);
