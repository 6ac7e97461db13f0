/** @module The parts of which the schemas of the HTTP API are made. */
import * as z from 'zod/mini';
import { formatNameProblem } from '../../core/format.ts';
import { firstIdOf, type GemstoneId, gemstoneIdProblem, isGemstoneId, type Priority } from '../../core/gemstone-id.ts';
import { type Reference, referenceProblem } from '../../core/message.ts';
import { messageRules, priorityRule, type Rule } from '../../core/message-rules.ts';
import { show } from '../../core/show.ts';
import { MAX_AGENT_NAME, MAX_NAMESPACE, nameProblem, patternProblem, topicProblem } from '../../core/topic.ts';

/** Schemas that have a name in the OpenAPI document. */
export const named = z.registry<{ readonly id: string }>();

/** Gives a schema its name in the OpenAPI document. */
export function name<S extends z.ZodMiniType>(id: string, schema: S): S {
  named.add(schema, { id });
  return schema;
}

/**
 * A value that a rule decides, the one that also holds below the HTTP API.
 *
 * @param shape What JSON Schema can say of it.
 */
export function field<T>(rule: Rule, shape: Readonly<Record<string, unknown>>): z.ZodMiniCustom<T, T> {
  return z
    .custom<T>((value) => rule(value) === undefined, {
      error: ({ input }) => (input === undefined ? 'is missing' : rule(input)) ?? 'is not allowed',
    })
    .check(z.meta(shape));
}

/** An object that has no other fields. */
export function closed<const S extends z.core.$ZodShape>(shape: S): z.ZodMiniObject<S, z.core.$strict> {
  const allowed = Object.keys(shape).join(', ') || 'none';
  return z.strictObject(shape, {
    error: ({ code, input }) => {
      if (code === 'unrecognized_keys') return `is unknown: allowed are ${allowed}`;
      return input === undefined ? 'is missing' : `got ${show(input)}: allowed is an object`;
    },
  });
}

/** A whole number in the query of a URL, where it is text. */
export function numberInQuery(rule: Rule, shape: Readonly<Record<string, unknown>>) {
  const numberOf = (text: unknown) => (typeof text === 'string' && /^\d{1,9}$/.test(text) ? Number(text) : text);
  const whole = field<string>((text) => rule(numberOf(text)), { type: 'integer', ...shape });
  return z.pipe(
    whole,
    z.transform((text) => Number(text)),
  );
}

const SEGMENT = '[A-Za-z0-9_-]+';
const RESERVED = `\\$(?:inbox|self|dead|reply)\\.${SEGMENT}|\\$errors|\\$topics`;
const ID = '[0-7][0-9A-HJKMNP-TV-Z]{24}[0-9]';
const TOPIC = `(?:${RESERVED}|${SEGMENT}(?:\\.${SEGMENT}){0,7})`;
const PART = `(?:${SEGMENT}|\\*)`;

const text = (description: string, maxLength = 256) => ({ type: 'string', minLength: 1, maxLength, description });

export const namespace = field<string>((value) => nameProblem(value, MAX_NAMESPACE), {
  type: 'string',
  pattern: `^[A-Za-z0-9_-]{1,${MAX_NAMESPACE}}$`,
  description: 'The running instance of a guild; namespaces never see each other.',
  examples: ['default'],
});
export const agent = field<string>((value) => nameProblem(value, MAX_AGENT_NAME), {
  type: 'string',
  pattern: `^[A-Za-z0-9_-]{1,${MAX_AGENT_NAME}}$`,
  description: 'The name of an agent.',
});
export const topic = field<string>(topicProblem, {
  type: 'string',
  maxLength: 200,
  pattern: `^${TOPIC}$`,
  description: 'At most 8 segments of A-Z, a-z, 0-9, _ and -, joined by dots.',
  examples: ['doc.tasks'],
});
export const topicOrPattern = field<string>(patternProblem, {
  type: 'string',
  maxLength: 200,
  pattern: `^(?:${RESERVED}|\\$(?:inbox|self|dead|reply)\\.\\*|\\*\\*|${PART}(?:\\.${PART}){0,6}(?:\\.\\*\\*)?|${PART}(?:\\.${PART}){7})$`,
  description: 'A topic, or a pattern: `*` stands for one segment, `**` at the end for one or more.',
  examples: ['doc.**'],
});
export const gemstoneId = field<GemstoneId>(gemstoneIdProblem, {
  type: 'string',
  pattern: `^${ID}$`,
  description: 'A gemstone ID: a ULID whose last character is the priority.',
  examples: ['01K3T9QJ5V8Z2M4N6P7R9S0TB4'],
});
export const reference = field<Reference>(referenceProblem, {
  type: 'string',
  pattern: `^${TOPIC}/${ID}$`,
  description: 'Where a message is: topic/id.',
});
export const format = field<string>(formatNameProblem, {
  type: 'string',
  minLength: 3,
  maxLength: 128,
  pattern: '^\\S(?:.|\\n|\\r)*\\S$',
  description: 'The name of a format.',
});
export const conversation = field<string>(
  messageRules.conversationId,
  text('The conversation that a message belongs to.'),
);
export const idempotencyKey = field<string>(messageRules.idempotencyKey, {
  ...text('Sent again within 24 hours under the same key, nothing new is stored and the first id is returned.'),
  pattern: '^[^$]',
});
export const senderId = field<string>(
  (value) => (typeof value === 'string' && value !== '' ? undefined : `got ${show(value)}: allowed is text`),
  { type: 'string', minLength: 1, description: "The sender's id: an agent, or user:<principal>." },
);
export const priorityInBody = field<Priority>(priorityRule, {
  type: 'integer',
  minimum: 0,
  maximum: 9,
  description: '0 is the most urgent, 4 is normal, 8 and 9 are for background work.',
});
export const priorityInQuery = z.pipe(
  numberInQuery(priorityRule, {
    minimum: 0,
    maximum: 9,
    description: 'Only messages of this priority.',
  }),
  z.transform((priority) => priority as Priority),
);

/** https://www.rfc-editor.org/rfc/rfc3339#section-5.6, as far as a Date can hold it. */
const RFC_3339 = z.iso.datetime({ offset: true });
const isTime = (value: string) => RFC_3339.safeParse(value.toUpperCase()).success;

function pointProblem(value: unknown): string | undefined {
  if (isGemstoneId(value) || (typeof value === 'string' && isTime(value))) return undefined;
  return `got ${show(value)}: allowed is a gemstone ID, or a time such as 2026-01-31T08:00:00Z`;
}

/** A point in the log: an id, or the Unix ms of a time; before 1970 there was nothing. */
export const point = z.pipe(
  field<string>(pointProblem, {
    type: 'string',
    anyOf: [{ format: 'date-time' }, { pattern: `^${ID}$` }],
    description: 'A gemstone ID or an RFC 3339 time, inclusive.',
    examples: ['2026-01-31T08:00:00Z'],
  }),
  z.transform((value): number | GemstoneId =>
    isGemstoneId(value) ? value : Math.max(0, Date.parse(value.toUpperCase())),
  ),
);

const [firstId] = [firstIdOf(0)];
export const lastEventId = field<string>((value) => (isGemstoneId(value) ? undefined : referenceProblem(value)), {
  type: 'string',
  description: 'The `id` of the last event that was received: the stream goes on behind it.',
  examples: [`doc.tasks/${firstId}`],
});
