/** @module What a publisher may say about a message besides its topics and payload. */
import type { FieldFault } from '../core/errors.ts';
import type { Priority } from '../core/gemstone-id.ts';
import { copyJson, type JsonObject } from '../core/json.ts';
import type { Budget, Reference } from '../core/message.ts';
import {
  budgetRule,
  durationRule,
  enrichmentRule,
  messageRules,
  priorityRule,
  type Rule,
} from '../core/message-rules.ts';

export interface PublishOptions {
  /** What orders the message among others, for agents that take them in order. @default - the conversation, else the root */
  readonly key?: string;
  /** 0 is the most urgent. @default - that of the message being handled, else 4 (NORMAL) */
  readonly priority?: Priority;
  /** Not delivered before so many ms have passed. @default 0 */
  readonly delayMs?: number;
  /** Neither delivered nor read after so many ms. @default - never expires */
  readonly ttlMs?: number;
  /** Agents that the message is for, by name. @default - nobody in particular */
  readonly recipients?: readonly string[];
  /** Text of your own, at most 2 KB. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Published again within 24 hours under the same key, nothing new is stored and the first id is returned. */
  readonly idempotencyKey?: string;
  /** Carried to everything that descends from the message. @default - that of the message being handled */
  readonly conversationId?: string;
  /** A foreign system's name for the exchange; a reply carries it back. */
  readonly correlationId?: string;
  /** The topic to answer on. @default - the inbox of the sender, if it is an agent */
  readonly replyTo?: string;
  readonly inReplyTo?: Reference;
  /** Delivers the last so many messages on the way with the message. @default 0 */
  readonly enrichWithHistory?: number;
  /** Travels along, merged over that of the message being handled; 16 KB in all. */
  readonly sessionState?: JsonObject;
  /** Unix ms by which the message and all that descends from it must have started; past it deliveries become dead letters. */
  readonly deadlineAt?: number;
  /** What handling the message and all that descends from it may cost, as handlers report with `context.spend`. */
  readonly budget?: Budget;
  readonly status?: 'running' | 'error' | 'completed';
  readonly traceparent?: string;
  readonly tracestate?: string;
  /** Why it was published, kept among the message's steps. Only while a message is being handled. */
  readonly reason?: string;
}

const { key, recipients, headers, idempotencyKey, conversationId, correlationId, replyTo, inReplyTo } = messageRules;
const { sessionState, deadlineAt, status, traceparent, tracestate } = messageRules;

/** Options that become the field of the message that has their name. */
const fieldRules: Readonly<Record<string, Rule>> = {
  key,
  recipients,
  headers,
  idempotencyKey,
  conversationId,
  correlationId,
  replyTo,
  inReplyTo,
  enrichWithHistory: enrichmentRule,
  deadlineAt,
  budget: budgetRule,
  status,
  traceparent,
  tracestate,
};
const otherRules: Readonly<Record<string, Rule>> = {
  priority: priorityRule,
  delayMs: durationRule,
  ttlMs: durationRule,
  sessionState,
  reason: key,
};
const rules: Readonly<Record<string, Rule>> = { ...fieldRules, ...otherRules };

/** Adds everything that is wrong with the options to `faults`. */
export function checkOptions(options: PublishOptions, faults: FieldFault[]): void {
  for (const [field, value] of Object.entries(options)) {
    if (value === undefined) continue;
    const rule = Object.hasOwn(rules, field) ? rules[field] : undefined;
    const problem = rule === undefined ? `is unknown: allowed are ${Object.keys(rules).join(', ')}` : rule(value);
    if (problem !== undefined) faults.push({ field, problem });
  }
  const { ttlMs, delayMs } = options;
  const areValid = durationRule(ttlMs) === undefined && durationRule(delayMs) === undefined;
  if (areValid && (ttlMs as number) <= (delayMs as number) && delayMs !== 0) {
    faults.push({
      field: 'ttlMs',
      problem: `got ${ttlMs}: allowed is more than delayMs, or the message expires in its delay`,
    });
  }
}

/** The options that are fields of the message, deeply frozen copies of those that are no plain values. */
export function messageFields(options: PublishOptions): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(options)) {
    if (value === undefined || !Object.hasOwn(fieldRules, field)) continue;
    fields[field] = typeof value === 'object' ? copyJson(value, field, []) : value;
  }
  return fields;
}
