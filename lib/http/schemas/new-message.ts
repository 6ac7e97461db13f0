/** @module What is published over HTTP. */
import * as z from 'zod/mini';
import type { PublishOptions } from '../../bus/publish-options.ts';
import type { FieldFault } from '../../core/errors.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import type { Budget } from '../../core/message.ts';
import {
  budgetRule,
  durationRule,
  enrichmentRule,
  MAX_TOPICS,
  messageRules,
  type Rule,
} from '../../core/message-rules.ts';
import { closed, conversation, field, format, idempotencyKey, name, priorityInBody, reference } from './fields.ts';
import { NewAttachment } from './new-attachment.ts';

export const MAX_BATCH = 100;
const MAX_DURATION = 3_153_600_000_000;

const text = (rule: Rule, description: string) =>
  field<string>(rule, { type: 'string', minLength: 1, maxLength: 256, description });
const duration = (description: string) =>
  field<number>(durationRule, { type: 'integer', minimum: 0, maximum: MAX_DURATION, description });

/** `reason` belongs to what is published while a message is handled, which nobody does over HTTP. */
const options = {
  key: z.optional(text(messageRules.key, 'What orders the message among others, for agents that take them in order.')),
  priority: z.optional(priorityInBody),
  delayMs: z.optional(duration('Not delivered before so many ms have passed.')),
  ttlMs: z.optional(duration('Neither delivered nor read after so many ms; more than delayMs.')),
  recipients: z.optional(
    field<readonly string[]>(messageRules.recipients, {
      type: 'array',
      items: { type: 'string', pattern: '^[A-Za-z0-9_-]{1,48}$' },
      maxItems: 100,
      description: 'Agents that the message is for, by name.',
    }),
  ),
  headers: z.optional(
    field<Readonly<Record<string, string>>>(messageRules.headers, {
      type: 'object',
      additionalProperties: { type: 'string' },
      description: 'Text of your own, at most 2 KB.',
    }),
  ),
  idempotencyKey: z.optional(idempotencyKey),
  conversationId: z.optional(conversation),
  correlationId: z.optional(
    text(messageRules.correlationId, 'A name of your own for the exchange; a reply carries it back.'),
  ),
  replyTo: z.optional(
    field<string>(messageRules.replyTo, {
      type: 'string',
      maxLength: 200,
      description: 'The topic to answer on.',
    }),
  ),
  inReplyTo: z.optional(reference),
  enrichWithHistory: z.optional(
    field<number>(enrichmentRule, {
      type: 'integer',
      minimum: 0,
      maximum: 16,
      description: 'Delivers the last so many messages on the way with the message.',
    }),
  ),
  sessionState: z.optional(
    field<JsonObject>(messageRules.sessionState, {
      type: 'object',
      description: 'Travels along with everything that descends from the message; at most 16 KB.',
    }),
  ),
  deadlineAt: z.optional(
    field<number>(messageRules.deadlineAt, {
      type: 'integer',
      minimum: 0,
      maximum: Number.MAX_SAFE_INTEGER,
      description: 'Unix ms by which the message and all that descends from it must have started.',
    }),
  ),
  budget: z.optional(
    field<Budget>(budgetRule, {
      type: 'object',
      properties: { usd: { type: 'number', minimum: 0 }, tokens: { type: 'number', minimum: 0 } },
      additionalProperties: false,
      description: 'What handling the message and all that descends from it may cost.',
    }),
  ),
  status: z.optional(
    field<'running' | 'error' | 'completed'>(messageRules.status, {
      type: 'string',
      enum: ['running', 'error', 'completed'],
    }),
  ),
  traceparent: z.optional(
    field<string>(messageRules.traceparent, {
      type: 'string',
      pattern: '^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$',
      description: 'W3C trace context.',
    }),
  ),
  tracestate: z.optional(
    field<string>(messageRules.tracestate, {
      type: 'string',
      maxLength: 512,
      pattern: '^[ -~]*$',
      description: 'W3C trace context.',
    }),
  ),
} as const satisfies Readonly<Record<Exclude<keyof PublishOptions, 'reason'>, z.ZodMiniType>>;

const anyJson: Rule = () => undefined;

export const NewMessage = name(
  'NewMessage',
  closed({
    payload: z.optional(field<Json>(anyJson, { description: 'What the message says: any JSON.' })),
    attachment: z.optional(NewAttachment),
    format: z.optional(format.check(z.meta({ default: 'generic_json' }))),
    formatVersion: z.optional(
      field<number>(messageRules.formatVersion, {
        type: 'integer',
        minimum: 1,
        maximum: Number.MAX_SAFE_INTEGER,
        default: 1,
      }),
    ),
    topics: z.optional(
      field<readonly string[]>((value) => messageRules.topics(value), {
        type: 'array',
        items: { type: 'string', maxLength: 200 },
        minItems: 1,
        maxItems: MAX_TOPICS,
        description: 'Further topics to store it under; the id is the same.',
      }),
    ),
    ...options,
  }).check(z.meta({ oneOf: [{ required: ['payload'] }, { required: ['attachment'] }] })),
);
export type NewMessage = z.output<typeof NewMessage>;

/** What the schema alone cannot say of it: that it carries one thing. */
export function carriedFaults(message: unknown): readonly FieldFault[] {
  if (typeof message !== 'object' || message === null || Array.isArray(message)) return [];
  const { payload, attachment } = message as { readonly payload?: unknown; readonly attachment?: unknown };
  if (payload === undefined && attachment === undefined)
    return [{ field: 'payload', problem: 'is missing: send JSON, null or {} if there is nothing to say' }];
  if (payload === undefined || attachment === undefined) return [];
  return [{ field: 'attachment', problem: 'comes beside a payload: give one of them' }];
}

/** Each entry is checked by itself, so that one that is refused does not keep the others back. */
export const NewMessages = name('NewMessages', z.array(NewMessage).check(z.maxLength(MAX_BATCH)));
export const Published = z.union([NewMessage, NewMessages]);
