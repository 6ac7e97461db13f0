/**
 * @module The wire form of a message: canonical JSON, keys in one order, defaults omitted, `null` never written for a field.
 *
 * `namespace`, `topic` and `id` live in the key under which a backend stores the message, not in the body, and readers take
 * them from there, so that a body cannot claim to be elsewhere.
 */
import { type FieldFault, UndecodableError } from './errors.ts';
import { freezeJson, type Json, type JsonObject, sameJson } from './json.ts';
import type { Message, MessageKey } from './message.ts';
import { messageRules, type Rule } from './message-rules.ts';
import { show } from './show.ts';

export const WIRE_VERSION = 1;

/** The order of keys on the wire, each with its default, if it has one. `topics` defaults to the one topic of the key. */
const wireFields: readonly (readonly [field: keyof Message, fallback?: Json])[] = [
  ['topics'],
  ['sender'],
  ['format', 'generic_json'],
  ['formatVersion', 1],
  ['encoding', 'json'],
  ['payload'],
  ['attachment'],
  ['key'],
  ['recipients', []],
  ['inReplyTo'],
  ['thread', []],
  ['conversationId'],
  ['correlationId'],
  ['replyTo'],
  ['forwardHeader'],
  ['steps', []],
  ['sessionState', {}],
  ['enrichWithHistory', 0],
  ['expiresAt'],
  ['deliverAt'],
  ['status'],
  ['hops', 0],
  ['deadlineAt'],
  ['budget'],
  ['idempotencyKey'],
  ['traceparent'],
  ['tracestate'],
  ['headers', {}],
];
const inKey: readonly string[] = ['namespace', 'topic', 'id'];
const known = new Set<string>([...wireFields.map(([field]) => field), ...inKey, 'v']);

/**
 * The message as it is stored: with its payload, or with its attachment instead if `setAside` says that the payload lies
 * there. Fields that this version does not know are written last.
 */
export function encodeMessage(message: Message, options: { readonly setAside?: boolean } = {}): string {
  const body: Record<string, unknown> = { v: WIRE_VERSION };
  const fields = message as unknown as Record<string, Json | undefined>;
  for (const [field, fallback] of wireFields) {
    const value = fields[field];
    if (value === undefined || (field === 'payload' && options.setAside)) continue;
    const implied = field === 'topics' ? [message.topic] : fallback;
    if (implied === undefined || !sameJson(value, implied)) body[field] = value;
  }
  return JSON.stringify({ ...body, ...unknownFields(message) });
}

/**
 * The message that the bytes of a store hold, deeply frozen; fields that this version does not know are kept. A message
 * whose payload was set aside comes with `payload` null, for the backend to fetch.
 *
 * @throws UndecodableError naming every field that is wrong.
 */
export function decodeMessage(wire: string | Uint8Array, namespace: string, key: MessageKey): Message {
  const body = parseBody(wire);
  const faults: FieldFault[] = [];
  if (body.v !== WIRE_VERSION)
    faults.push({ field: 'v', problem: `got ${show(body.v)}: this version reads ${WIRE_VERSION}` });
  const fields: [string, Json][] = [
    ['namespace', namespace],
    ['topic', key.topic],
    ['id', key.id],
  ];
  for (const [field, fallback] of wireFields) {
    const value = body[field] ?? (field === 'topics' ? [key.topic] : field === 'payload' ? null : fallback);
    if (value !== undefined) fields.push([field, value]);
    const problem = fieldProblem(field, body);
    if (problem !== undefined) faults.push({ field, problem });
  }
  for (const [field, value] of Object.entries(body)) if (!known.has(field)) fields.push([field, value]);
  if (faults.length > 0) throw new UndecodableError(faults);
  try {
    // Not assigned one by one: a field called `__proto__` would then not become a field.
    return freezeJson(Object.fromEntries(fields)) as unknown as Message;
  } catch (cause) {
    throw new UndecodableError([{ field: 'body', problem: 'is nested too deep' }], { cause });
  }
}

/** The fields that a newer version wrote and this one does not know. */
export function unknownFields(message: Message): Readonly<Record<string, Json>> {
  return Object.fromEntries(Object.entries(message).filter(([field]) => !known.has(field)));
}

function fieldProblem(field: keyof Message, body: JsonObject): string | undefined {
  const value = body[field];
  if (field === 'payload') return value === undefined && body.attachment === undefined ? 'is missing' : undefined;
  if (value === undefined) return field === 'sender' ? 'is missing' : undefined;
  return (messageRules as Readonly<Record<string, Rule>>)[field]?.(value);
}

function parseBody(wire: string | Uint8Array): JsonObject {
  let body: unknown;
  try {
    body = JSON.parse(typeof wire === 'string' ? wire : new TextDecoder('utf-8', { fatal: true }).decode(wire));
  } catch (cause) {
    throw new UndecodableError([{ field: 'body', problem: 'is not JSON in UTF-8' }], { cause });
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new UndecodableError([{ field: 'body', problem: `got ${show(body)}: a message is a JSON object` }]);
  }
  return body as JsonObject;
}
