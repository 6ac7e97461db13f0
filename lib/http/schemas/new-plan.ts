/** @module What plans are made of, and how they are run. */
import * as z from 'zod';
import { show } from '../../core/show.ts';
import {
  agent,
  closed,
  conversation,
  field,
  format,
  gemstoneId,
  name,
  point,
  priorityInBody,
  senderId,
  topicOrPattern,
} from './fields.ts';
import { filters } from './queries.ts';

const letters = {
  agent,
  ids: field<readonly z.output<typeof gemstoneId>[]>(
    (value) =>
      Array.isArray(value) && value.length <= 10_000 && value.every((id) => gemstoneId.safeParse(id).success)
        ? undefined
        : `got ${show(value)}: allowed is an array of gemstone IDs`,
    { type: 'array', items: { type: 'string' }, maxItems: 10_000, description: 'Of the dead letters themselves.' },
  ).optional(),
  format: format.meta({ description: 'Of the original message.' }).optional(),
  sender: senderId.meta({ description: 'Of the original message.' }).optional(),
  priority: priorityInBody.optional(),
  errorName: senderId.meta({ description: 'The class of the last error, such as TypeError.' }).optional(),
};

export const NewPlan = name(
  'NewPlan',
  z.discriminatedUnion(
    'action',
    [
      closed({ action: z.literal('redrive'), ...letters }),
      closed({ action: z.literal('discard'), ...letters }),
      closed({
        action: z.literal('replay'),
        agent,
        messages: closed({
          topic: topicOrPattern.optional(),
          thread: gemstoneId.optional(),
          conversation: conversation.optional(),
          agent: agent.optional(),
          since: point.optional(),
          until: point.optional(),
          ...filters,
          priority: priorityInBody.optional(),
        }),
      }),
    ],
    {
      error: ({ input }) =>
        typeof input === 'object' && input !== null
          ? `got ${show((input as { readonly action?: unknown }).action)}: allowed are redrive, discard and replay`
          : `got ${show(input)}: allowed is an object`,
    },
  ),
);
export type NewPlan = z.output<typeof NewPlan>;

export const RunPlan = name(
  'RunPlan',
  closed({
    max: field<number>(
      (value) =>
        Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 10_000
          ? undefined
          : `got ${show(value)}: allowed is a whole number from 1 to 10000`,
      {
        type: 'integer',
        minimum: 1,
        maximum: 10_000,
        default: 1_000,
        description: 'Entries to work off now, at most.',
      },
    ).optional(),
    perSecond: field<number>(
      (value) =>
        typeof value === 'number' && value > 0 && Number.isFinite(value)
          ? undefined
          : `got ${show(value)}: allowed is a number above 0`,
      { type: 'number', exclusiveMinimum: 0, description: 'As fast as it goes if it is left out.' },
    ).optional(),
  }),
);
