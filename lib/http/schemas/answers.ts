/** @module What the HTTP API answers. */
import * as z from 'zod';
import { agent, format, gemstoneId, name, namespace, reference, topic } from './fields.ts';

const count = z.int().min(0);
const time = (description: string) => z.int().meta({ description: `${description} Unix ms.` });

export const Fault = name('Fault', z.object({ field: z.string(), problem: z.string() }));

export const Problem = name(
  'Problem',
  z
    .object({
      type: z.string().meta({ description: 'A URI that names the kind of problem.' }),
      title: z.string(),
      status: z.int(),
      detail: z.string().meta({ description: 'What was wrong, what came, and what to do.' }),
      code: z.string().meta({ description: 'Stable: branch on this.' }),
      retryable: z.boolean().meta({ description: 'Whether the same request can succeed later without a change.' }),
      faults: z.array(Fault).optional(),
      requestId: z.string().optional(),
    })
    .meta({ description: 'https://www.rfc-editor.org/rfc/rfc9457' }),
);
export type Problem = z.output<typeof Problem>;

const sender = z.object({ id: z.string(), name: z.string().optional() });

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
      formatVersion: z.int().min(1),
      encoding: z.enum(['json', 'base64', 'jwe']),
      payload: z.unknown(),
      attachment: z.object({ bytes: count, sha256: z.string(), location: z.string() }).optional(),
      key: z.string().optional(),
      recipients: z.array(agent),
      inReplyTo: reference.optional(),
      thread: z.array(reference).meta({ description: 'The root first, then the nearest seven; empty for a root.' }),
      conversationId: z.string().optional(),
      correlationId: z.string().optional(),
      replyTo: z.string().optional(),
      forwardHeader: z.object({ origin: reference, onBehalfOf: sender }).optional(),
      steps: z.array(
        z.object({ agent: z.string(), origin: reference, topics: z.array(topic), reason: z.string().optional() }),
      ),
      sessionState: z.record(z.string(), z.unknown()),
      enrichWithHistory: count,
      expiresAt: time('Neither delivered nor read after it.').optional(),
      deliverAt: time('Not delivered before it.').optional(),
      status: z.enum(['running', 'error', 'completed']).optional(),
      hops: count.meta({ description: 'Generations from the root, which has 0.' }),
      deadlineAt: time('When all that descends from the root must have started.').optional(),
      budget: z.object({ usd: z.number().optional(), tokens: z.number().optional() }).optional(),
      idempotencyKey: z.string().optional(),
      traceparent: z.string().optional(),
      tracestate: z.string().optional(),
      headers: z.record(z.string(), z.string()),
    })
    .meta({
      description:
        'What one publisher said once. Its id is a ULID: the first ten characters are its time, and the last is its priority.',
    }),
);

const next = z.string().optional().meta({ description: 'The cursor of the next page; not there on the last.' });
export const Messages = name('Messages', z.object({ items: z.array(Message), next }));
export const Topics = name('Topics', z.object({ items: z.array(z.object({ topic, lastId: gemstoneId })), next }));

export const Stored = name(
  'Stored',
  z.object({
    id: gemstoneId,
    duplicate: z.boolean().meta({ description: 'Whether it was there already, under the same idempotency key.' }),
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
      .meta({ description: 'One for each message, in their order.' }),
  }),
);

export const UploadPlace = name(
  'UploadPlace',
  z
    .object({
      method: z.literal('PUT'),
      url: z.string().meta({ description: 'Whoever has it may put the payload there.' }),
      headers: z.record(z.string(), z.string()).meta({ description: 'To be sent as they are.' }),
      expiresAt: time('Until when it is taken.'),
    })
    .meta({ description: 'The request that uploads the payload: its body is the JSON, and nothing else is taken.' }),
);
export type UploadPlace = z.output<typeof UploadPlace>;

export const AgentView = name(
  'Agent',
  z.object({
    agent,
    subscribed: z.boolean().meta({ description: 'Whether it has a subscription; without one nothing waits for it.' }),
    waiting: count.meta({ description: 'Deliveries that wait, delayed ones and retries included.' }),
    dead: count.meta({ description: 'Dead letters neither redriven nor discarded.' }),
    dropped: z.record(z.string(), count).meta({ description: 'Deliveries that ended without their handler.' }),
    oldestAt: time('The oldest message that waits.').optional(),
    paused: z.boolean(),
    subscribes: z.array(z.string()).optional(),
    publishes: z.array(z.string()).optional(),
    formats: z.array(z.string()).optional(),
    handlesAny: z.boolean().optional(),
  }),
);
export const Agents = name(
  'Agents',
  z.object({
    items: z.array(AgentView),
    guild: z.string().optional(),
    edges: z
      .array(z.object({ from: agent, to: agent, publishes: z.string(), subscribes: z.string() }))
      .optional()
      .meta({ description: 'Which agent can reach which, if the guild is known here.' }),
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
      done: count.meta({ description: 'Entries that were worked off, the skipped ones included.' }),
      skipped: count,
      finished: z.boolean(),
    })
    .meta({ description: 'A list that was frozen when it was made.' }),
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
      z.object({ status: z.enum(['up', 'down']), ms: z.number(), code: z.string().optional() }),
    ),
  }),
);
export type Health = z.output<typeof Health>;
