/** @module What is published over HTTP. */
import * as z from 'zod';
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
  key: text(messageRules.key, 'What orders the message among others, for agents that take them in order.').optional(),
  priority: priorityInBody.optional(),
  delayMs: duration('Not delivered before so many ms have passed.').optional(),
  ttlMs: duration('Neither delivered nor read after so many ms; more than delayMs.').optional(),
  recipients: field<readonly string[]>(messageRules.recipients, {
    type: 'array',
    items: { type: 'string', pattern: '^[A-Za-z0-9_-]{1,48}$' },
    maxItems: 100,
    description: 'Agents that the message is for, by name.',
  }).optional(),
  headers: field<Readonly<Record<string, string>>>(messageRules.headers, {
    type: 'object',
    additionalProperties: { type: 'string' },
    description: 'Text of your own, at most 2 KB.',
  }).optional(),
  idempotencyKey: idempotencyKey.optional(),
  conversationId: conversation.optional(),
  correlationId: text(
    messageRules.correlationId,
    'A name of your own for the exchange; a reply carries it back.',
  ).optional(),
  replyTo: field<string>(messageRules.replyTo, {
    type: 'string',
    maxLength: 200,
    description: 'The topic to answer on.',
  }).optional(),
  inReplyTo: reference.optional(),
  enrichWithHistory: field<number>(enrichmentRule, {
    type: 'integer',
    minimum: 0,
    maximum: 16,
    description: 'Delivers the last so many messages on the way with the message.',
  }).optional(),
  sessionState: field<JsonObject>(messageRules.sessionState, {
    type: 'object',
    description: 'Travels along with everything that descends from the message; at most 16 KB.',
  }).optional(),
  deadlineAt: field<number>(messageRules.deadlineAt, {
    type: 'integer',
    minimum: 0,
    maximum: Number.MAX_SAFE_INTEGER,
    description: 'Unix ms by which the message and all that descends from it must have started.',
  }).optional(),
  budget: field<Budget>(budgetRule, {
    type: 'object',
    properties: { usd: { type: 'number', minimum: 0 }, tokens: { type: 'number', minimum: 0 } },
    additionalProperties: false,
    description: 'What handling the message and all that descends from it may cost.',
  }).optional(),
  status: field<'running' | 'error' | 'completed'>(messageRules.status, {
    type: 'string',
    enum: ['running', 'error', 'completed'],
  }).optional(),
  traceparent: field<string>(messageRules.traceparent, {
    type: 'string',
    pattern: '^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$',
    description: 'W3C trace context.',
  }).optional(),
  tracestate: field<string>(messageRules.tracestate, {
    type: 'string',
    maxLength: 512,
    pattern: '^[ -~]*$',
    description: 'W3C trace context.',
  }).optional(),
} as const satisfies Readonly<Record<Exclude<keyof PublishOptions, 'reason'>, z.ZodType>>;

const anyJson: Rule = () => undefined;

export const NewMessage = name(
  'NewMessage',
  closed({
    payload: field<Json>(anyJson, { description: 'What the message says: any JSON.' }).optional(),
    attachment: NewAttachment.optional(),
    format: format.meta({ default: 'generic_json' }).optional(),
    formatVersion: field<number>(messageRules.formatVersion, {
      type: 'integer',
      minimum: 1,
      maximum: Number.MAX_SAFE_INTEGER,
      default: 1,
    }).optional(),
    topics: field<readonly string[]>((value) => messageRules.topics(value), {
      type: 'array',
      items: { type: 'string', maxLength: 200 },
      minItems: 1,
      maxItems: MAX_TOPICS,
      description: 'Further topics to store it under; the id is the same.',
    }).optional(),
    ...options,
  }).meta({ oneOf: [{ required: ['payload'] }, { required: ['attachment'] }] }),
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
export const NewMessages = name('NewMessages', z.array(NewMessage).max(MAX_BATCH));
export const Published = z.union([NewMessage, NewMessages]);
