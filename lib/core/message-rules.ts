/** @module What each field of a message may hold: the closed schema, one rule a field, used by publishing and by the codec. */
import type { FieldFault } from './errors.ts';
import { formatNameProblem } from './format.ts';
import { isPriority } from './gemstone-id.ts';
import { copyJson } from './json.ts';
import { MAX_STEPS, MAX_THREAD, referenceProblem } from './message.ts';
import { show } from './show.ts';
import { isPlatformOnly, MAX_AGENT_NAME, MAX_NAMESPACE, nameProblem, topicProblem } from './topic.ts';

/** What is wrong with a value, as "got … : what is allowed", or undefined. */
export type Rule = (value: unknown) => string | undefined;

export const MAX_SESSION_STATE_BYTES = 16 * 1024;
export const MAX_HEADERS_BYTES = 2 * 1024;
const MAX_TEXT = 256;
export const MAX_TOPICS = 100;
const MAX_RECIPIENTS = 100;

const rule = (allowed: string, holds: (value: unknown) => boolean): Rule => {
  return (value) => (holds(value) ? undefined : `got ${show(value)}: allowed is ${allowed}`);
};
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= MAX_TEXT;
const isWhole = (value: unknown, least: number) => Number.isSafeInteger(value) && (value as number) >= least;

const text = rule(`text of 1 to ${MAX_TEXT} characters`, isText);
const time = rule('a Unix time in ms', (value) => isWhole(value, 0));
const amount = (value: unknown) =>
  value === undefined || (typeof value === 'number' && Number.isFinite(value) && value >= 0);

const list = (what: string, max: number, item: Rule, least = 0): Rule => {
  return (value) => {
    if (!Array.isArray(value)) return `got ${show(value)}: allowed is an array of ${what}`;
    if (value.length < least || value.length > max)
      return `got ${value.length} ${what}: allowed are ${least} to ${max}`;
    const at = value.findIndex((entry) => item(entry) !== undefined);
    return at < 0 ? undefined : `[${at}] ${item(value[at])}`;
  };
};

/** Checks an object's known properties; further ones are a newer version's. */
const object = (rules: Readonly<Record<string, Rule>>, optional: readonly string[] = []): Rule => {
  return (value) => {
    if (!isObject(value)) return `got ${show(value)}: allowed is an object`;
    for (const [name, check] of Object.entries(rules)) {
      if (value[name] === undefined && optional.includes(name)) continue;
      const problem = check(value[name]);
      if (problem !== undefined) return `.${name} ${problem}`;
    }
    return undefined;
  };
};

/** Where an answer may go: anywhere but where only the platform writes. */
const addressProblem = (topic: string) =>
  isPlatformOnly(topic) && !topic.startsWith('$reply.')
    ? `got ${show(topic)}: only the platform publishes there`
    : undefined;

const sender = object({ id: text, name: text }, ['name']);
const topics = list('topics', MAX_TOPICS, topicProblem, 1);

/** JSON object of at most `maxBytes`. */
const smallJson = (maxBytes: number): Rule => {
  return (value) => {
    const faults: FieldFault[] = [];
    if (!isObject(value)) return `got ${show(value)}: allowed is a JSON object`;
    copyJson(value, '', faults);
    if (faults[0] !== undefined) return `${faults[0].field} ${faults[0].problem}`;
    const bytes = Buffer.byteLength(JSON.stringify(value));
    return bytes <= maxBytes ? undefined : `got ${bytes} bytes: allowed are ${maxBytes}`;
  };
};
const headers: Rule = (value) => {
  if (!isObject(value)) return `got ${show(value)}: allowed is an object of text`;
  const wrong = Object.keys(value).find((name) => typeof value[name] !== 'string');
  if (wrong !== undefined) return `.${wrong} got ${show(value[wrong])}: allowed is text`;
  return smallJson(MAX_HEADERS_BYTES)(value);
};

/** https://www.w3.org/TR/trace-context/#traceparent-header: version ff, and ids of zeros alone, are invalid. */
const TRACEPARENT = /^(?!ff)[\da-f]{2}-(?!0{32})[\da-f]{32}-(?!0{16})[\da-f]{16}-[\da-f]{2}$/;

/** The rules of the message's fields, but for `payload`, which any JSON satisfies, and for what derives from the id. */
export const messageRules = {
  namespace: (value: unknown) => nameProblem(value, MAX_NAMESPACE),
  topics,
  sender,
  format: formatNameProblem,
  formatVersion: rule('a whole number from 1', (value) => isWhole(value, 1)),
  encoding: rule('json, base64 or jwe', (value) => value === 'json' || value === 'base64' || value === 'jwe'),
  attachment: object({
    bytes: rule('a number of bytes', (value) => isWhole(value, 0)),
    sha256: rule('64 hexadecimal digits', (value) => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)),
    location: rule('text', (value) => typeof value === 'string' && value.length > 0 && value.length <= 1024),
  }),
  key: text,
  recipients: list('agents', MAX_RECIPIENTS, (value) => nameProblem(value, MAX_AGENT_NAME)),
  inReplyTo: referenceProblem,
  thread: list('references', MAX_THREAD, referenceProblem),
  conversationId: text,
  correlationId: text,
  replyTo: (value: unknown) => topicProblem(value) ?? addressProblem(value as string),
  forwardHeader: object({ origin: referenceProblem, onBehalfOf: sender }),
  steps: list('steps', MAX_STEPS, object({ agent: text, origin: referenceProblem, topics, reason: text }, ['reason'])),
  sessionState: smallJson(MAX_SESSION_STATE_BYTES),
  enrichWithHistory: rule('a whole number from 0', (value) => isWhole(value, 0)),
  expiresAt: time,
  deliverAt: time,
  status: rule(
    'running, error or completed',
    (value) => value === 'running' || value === 'error' || value === 'completed',
  ),
  hops: rule('a whole number from 0', (value) => isWhole(value, 0)),
  deadlineAt: time,
  budget: rule(
    'an object of usd and tokens, numbers from 0',
    (value) => isObject(value) && amount(value.usd) && amount(value.tokens),
  ),
  idempotencyKey: rule(
    `text of 1 to ${MAX_TEXT} characters that does not begin with "$"`,
    (value) => isText(value) && !value.startsWith('$'),
  ),
  traceparent: rule('a W3C traceparent', (value) => typeof value === 'string' && TRACEPARENT.test(value)),
  tracestate: rule(
    'a W3C tracestate of at most 512 characters',
    (value) => typeof value === 'string' && /^[\x20-\x7e]{0,512}$/.test(value),
  ),
  headers,
} as const satisfies Record<string, Rule>;

export const priorityRule: Rule = rule('a whole number from 0 (most urgent) to 9', isPriority);
/** What publishers may ask for, which is less than what readers take. */
export const enrichmentRule: Rule = rule(
  `a whole number from 0 to ${MAX_STEPS}`,
  (value) => isWhole(value, 0) && (value as number) <= MAX_STEPS,
);
export const budgetRule: Rule = (value) => {
  const problem = messageRules.budget(value);
  if (problem !== undefined) return problem;
  const faults: FieldFault[] = [];
  copyJson(value, 'budget', faults);
  const unknown = Object.keys(value as object).find((name) => name !== 'usd' && name !== 'tokens');
  return unknown === undefined && faults.length === 0 ? undefined : `got ${show(value)}: allowed are usd and tokens`;
};

const MAX_DURATION_MS = 100 * 365 * 86_400_000;
export const durationRule: Rule = rule(
  'a whole number of ms from 0 to 100 years',
  (value) => isWhole(value, 0) && (value as number) <= MAX_DURATION_MS,
);
