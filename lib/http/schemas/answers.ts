/** @module What the HTTP API answers. */
import * as z from 'zod/mini';
import { agent, format, gemstoneId, name, namespace, reference, topic } from './fields.ts';

const count = z.int().check(z.minimum(0));
const time = (description: string) => z.int().check(z.describe(`${description} Unix ms.`));

export const Fault = name('Fault', z.object({ field: z.string(), problem: z.string() }));

export const Problem = name(
  'Problem',
  z
    .object({
      type: z.string().check(z.describe('A URI that names the kind of problem.')),
      title: z.string(),
      status: z.int(),
      detail: z.string().check(z.describe('What was wrong, what came, and what to do.')),
      code: z.string().check(z.describe('Stable: branch on this.')),
      retryable: z.boolean().check(z.describe('Whether the same request can succeed later without a change.')),
      faults: z.optional(z.array(Fault)),
      requestId: z.optional(z.string()),
    })
    .check(z.describe('https://www.rfc-editor.org/rfc/rfc9457')),
);
export type Problem = z.output<typeof Problem>;

const sender = z.object({ id: z.string(), name: z.optional(z.string()) });

/** Open: what a newer version wrote is kept. */
export const Message = name(
  'Message',
  z
    .looseObject({
      id: gemstoneId,
      namespace,
      topic,
      topics: z.array(topic),
      sender,
      format,
      formatVersion: z.int().check(z.minimum(1)),
      encoding: z.enum(['json', 'base64', 'jwe']),
      payload: z.unknown(),
      attachment: z.optional(z.object({ bytes: count, sha256: z.string(), location: z.string() })),
      key: z.optional(z.string()),
      recipients: z.array(agent),
      inReplyTo: z.optional(reference),
      thread: z.array(reference).check(z.describe('The root first, then the nearest seven; empty for a root.')),
      conversationId: z.optional(z.string()),
      correlationId: z.optional(z.string()),
      replyTo: z.optional(z.string()),
      forwardHeader: z.optional(z.object({ origin: reference, onBehalfOf: sender })),
      steps: z.array(
        z.object({ agent: z.string(), origin: reference, topics: z.array(topic), reason: z.optional(z.string()) }),
      ),
      sessionState: z.record(z.string(), z.unknown()),
      enrichWithHistory: count,
      expiresAt: z.optional(time('Neither delivered nor read after it.')),
      deliverAt: z.optional(time('Not delivered before it.')),
      status: z.optional(z.enum(['running', 'error', 'completed'])),
      hops: count.check(z.describe('Generations from the root, which has 0.')),
      deadlineAt: z.optional(time('When all that descends from the root must have started.')),
      budget: z.optional(z.object({ usd: z.optional(z.number()), tokens: z.optional(z.number()) })),
      idempotencyKey: z.optional(z.string()),
      traceparent: z.optional(z.string()),
      tracestate: z.optional(z.string()),
      headers: z.record(z.string(), z.string()),
    })
    .check(
      z.meta({
        description:
          'What one publisher said once. Its id is a ULID: the first ten characters are its time, and the last is its priority.',
      }),
    ),
);

const next = z.optional(z.string()).check(z.describe('The cursor of the next page; not there on the last.'));
export const Messages = name('Messages', z.object({ items: z.array(Message), next }));
export const Topics = name('Topics', z.object({ items: z.array(z.object({ topic, lastId: gemstoneId })), next }));

export const Stored = name(
  'Stored',
  z.object({
    id: gemstoneId,
    duplicate: z.boolean().check(z.describe('Whether it was there already, under the same idempotency key.')),
  }),
);
export const Outcomes = name(
  'Outcomes',
  z.object({
    outcomes: z
      .array(
        z.union([
          z.object({ ok: z.literal(true), ...Stored.shape }),
          z.object({ ok: z.literal(false), problem: Problem }),
        ]),
      )
      .check(z.describe('One for each message, in their order.')),
  }),
);

export const UploadPlace = name(
  'UploadPlace',
  z
    .object({
      method: z.literal('PUT'),
      url: z.string().check(z.describe('Whoever has it may put the payload there.')),
      headers: z.record(z.string(), z.string()).check(z.describe('To be sent as they are.')),
      expiresAt: time('Until when it is taken.'),
    })
    .check(z.describe('The request that uploads the payload: its body is the JSON, and nothing else is taken.')),
);
export type UploadPlace = z.output<typeof UploadPlace>;

export const AgentView = name(
  'Agent',
  z.object({
    agent,
    subscribed: z.boolean().check(z.describe('Whether it has a subscription; without one nothing waits for it.')),
    waiting: count.check(z.describe('Deliveries that wait, delayed ones and retries included.')),
    dead: count.check(z.describe('Dead letters neither redriven nor discarded.')),
    dropped: z.record(z.string(), count).check(z.describe('Deliveries that ended without their handler.')),
    oldestAt: z.optional(time('The oldest message that waits.')),
    paused: z.boolean(),
    subscribes: z.optional(z.array(z.string())),
    publishes: z.optional(z.array(z.string())),
    formats: z.optional(z.array(z.string())),
    handlesAny: z.optional(z.boolean()),
  }),
);
export const Agents = name(
  'Agents',
  z.object({
    items: z.array(AgentView),
    guild: z.optional(z.string()),
    edges: z
      .optional(z.array(z.object({ from: agent, to: agent, publishes: z.string(), subscribes: z.string() })))
      .check(z.describe('Which agent can reach which, if the guild is known here.')),
  }),
);
export const Paused = name('Paused', z.object({ agent, paused: z.boolean() }));

export const Plan = name(
  'Plan',
  z
    .object({
      id: z.string(),
      namespace,
      agent,
      action: z.enum(['redrive', 'discard', 'replay']),
      total: count,
      done: count.check(z.describe('Entries that were worked off, the skipped ones included.')),
      skipped: count,
      finished: z.boolean(),
    })
    .check(z.describe('A list that was frozen when it was made.')),
);

export const Explained = name(
  'Explained',
  z.object({
    reference,
    agents: z.array(
      z.object({
        agent,
        verdict: z.string(),
        matched: z.array(z.string()),
        patterns: z.array(z.string()),
        attempts: count,
        epoch: count,
      }),
    ),
  }),
);

export const Alive = name('Alive', z.object({ status: z.literal('alive') }));
export const Health = name(
  'Health',
  z.object({
    status: z.enum(['ready', 'not ready', 'closing']),
    dependencies: z.record(
      z.string(),
      z.object({ status: z.enum(['up', 'down']), ms: z.number(), code: z.optional(z.string()) }),
    ),
  }),
);
export type Health = z.output<typeof Health>;
