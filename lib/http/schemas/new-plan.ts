/** @module What plans are made of, and how they are run. */
import * as z from 'zod/mini';
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
  ids: z.optional(
    field<readonly z.output<typeof gemstoneId>[]>(
      (value) =>
        Array.isArray(value) && value.length <= 10_000 && value.every((id) => gemstoneId.safeParse(id).success)
          ? undefined
          : `got ${show(value)}: allowed is an array of gemstone IDs`,
      { type: 'array', items: { type: 'string' }, maxItems: 10_000, description: 'Of the dead letters themselves.' },
    ),
  ),
  format: z.optional(format.check(z.describe('Of the original message.'))),
  sender: z.optional(senderId.check(z.describe('Of the original message.'))),
  priority: z.optional(priorityInBody),
  errorName: z.optional(senderId.check(z.describe('The class of the last error, such as TypeError.'))),
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
          topic: z.optional(topicOrPattern),
          thread: z.optional(gemstoneId),
          conversation: z.optional(conversation),
          agent: z.optional(agent),
          since: z.optional(point),
          until: z.optional(point),
          ...filters,
          priority: z.optional(priorityInBody),
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
    max: z.optional(
      field<number>(
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
      ),
    ),
    perSecond: z.optional(
      field<number>(
        (value) =>
          typeof value === 'number' && value > 0 && Number.isFinite(value)
            ? undefined
            : `got ${show(value)}: allowed is a number above 0`,
        { type: 'number', exclusiveMinimum: 0, description: 'As fast as it goes if it is left out.' },
      ),
    ),
  }),
);
