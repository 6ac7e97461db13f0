/** What the agents of the guild say to each other. */
import { defineFormat } from 'guildwire';
import * as z from 'zod';

export const kinds = ['grammar', 'clarity', 'tone', 'structure'] as const;
export type Kind = (typeof kinds)[number];

/** One chunk of a document, or the whole of it, to be reviewed. */
export const ReviewTask = defineFormat(
  'doc.review-task',
  z.object({
    docId: z.string().min(1).max(100),
    scope: z.enum(['chunk', 'document']),
    /** How many answers the document gets in all. */
    answers: z.int().min(1),
    chunk: z.object({ id: z.string(), section: z.string(), line: z.int(), column: z.int(), text: z.string() }),
  }),
);

const Suggestion = z.object({
  rule: z.string(),
  severity: z.enum(['low', 'medium', 'high']),
  line: z.int(),
  column: z.int(),
  text: z.string(),
  change: z.string().optional(),
  explanation: z.string(),
});

/** What one specialist has to say about one task: none to many suggestions. */
export const Answer = defineFormat(
  'doc.answer',
  z.object({
    docId: z.string(),
    kind: z.enum(kinds),
    answers: z.int(),
    chunk: z.object({ id: z.string(), section: z.string(), line: z.int() }),
    suggestions: z.array(Suggestion),
  }),
);

const ReportSchema = z.object({
  docId: z.string(),
  /** Whether some answers had not come when the time was up. */
  partial: z.boolean(),
  answers: z.object({ received: z.int(), expected: z.int() }),
  sections: z.array(
    z.object({
      heading: z.string(),
      line: z.int(),
      suggestions: z.array(Suggestion.extend({ kind: z.enum(kinds) })),
    }),
  ),
});

/** All suggestions for one document, by section. */
export const Report = defineFormat('doc.report', ReportSchema);

export type AnswerPayload = Parameters<typeof Answer.encode>[0];
export type ReportPayload = Parameters<typeof Report.encode>[0];
