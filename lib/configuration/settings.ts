/** @module What can be configured: one schema, from which the types, the checks and the defaults come. */
import * as z from 'zod';

const count = z.int().min(1);
const topicSettings = z.strictObject({
  /** Days that messages are kept. */
  retentionDays: z.number().positive().optional(),
  /** What a deployment does with the topic; a backend on machines has neither. */
  relay: z.enum(['log', 'direct']).optional(),
  shards: z.union([z.literal(1), z.literal(4), z.literal(16)]).optional(),
});

const httpSettings = z.strictObject({
  host: z.string().min(1).default('127.0.0.1'),
  port: z.int().min(0).max(65_535).default(4_100),
  /** Origins that browsers may call from. */
  corsOrigins: z.array(z.string().min(1)).default([]),
});
const retrySettings = z.strictObject({
  attempts: count.optional(),
  baseMs: z.int().min(0).optional(),
  maxMs: z.int().min(0).optional(),
});
const agentSettings = z.strictObject({
  concurrency: count.optional(),
  ordering: z.enum(['none', 'key']).optional(),
  guarantee: z.enum(['at-least-once', 'at-most-once', 'exactly-once']).optional(),
  profile: z.enum(['fast', 'llm']).optional(),
  timeoutMs: count.max(870_000).optional(),
  retry: retrySettings.optional(),
});

export const settingsSchema = z.strictObject({
  /** File whose default export is the guild, relative to the configuration file. */
  guild: z.string().min(1).optional(),
  /** URL, or a file whose default export gives a backend. */
  backend: z.string().min(1).default('memory:'),
  namespace: z.string().min(1).default('default'),
  /** A server to talk to instead of a backend. */
  url: z
    .url({ protocol: /^https?$/, error: 'is no URL of a server: write http://127.0.0.1:4100, say' })
    .refine((url) => (URL.parse(url)?.username ?? '') === '', 'holds credentials: set GUILDWIRE_TOKEN instead')
    .optional(),
  /** Bearer token; from the environment only. */
  token: z
    .string()
    .regex(/^[!-~]{16,1024}$/, 'is not at least 16 visible characters without a space')
    .optional(),
  http: httpSettings.prefault({}),
  topics: z.record(z.string(), topicSettings).default({}),
  agents: z.record(z.string(), agentSettings).default({}),
});

export type Settings = z.output<typeof settingsSchema>;
/** What a configuration file holds. */
export type SettingsInput = z.input<typeof settingsSchema>;

/** Never shown, and refused in a file. */
export const SECRETS: readonly string[] = ['token'];

const schemas = { '': settingsSchema, http: httpSettings, topics: topicSettings, agents: agentSettings };

/** What may be set there: `['agents', 'grammar']` gives the names of an agent's settings. */
export function namesIn(path: readonly PropertyKey[]): readonly string[] {
  const [first = '', , inner] = path;
  const schema = inner === 'retry' ? retrySettings : schemas[first as keyof typeof schemas];
  return Object.keys(schema?.shape ?? {});
}
