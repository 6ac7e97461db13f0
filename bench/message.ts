/** The message of all measurements: about 1 KB of JSON in 15 fields. */
import { defineFormat } from 'guildwire';
import * as z from 'zod';

export const message = {
  docId: 'doc-2026-000123',
  chunkId: 'c0042',
  title: 'On the delivery of messages between agents',
  author: { id: 'user-77', name: 'Ada Example', roles: ['editor', 'reviewer'] },
  line: 42,
  column: 7,
  tags: ['messaging', 'agents', 'delivery', 'contract'],
  language: 'en',
  kind: 'review',
  severity: 'low',
  meta: { source: 'cli', attempt: 1, flags: [true, false, true], host: 'worker-3' },
  score: 0.75,
  parts: [
    { at: 0, text: 'A message is accepted once it is stored.' },
    { at: 41, text: 'From then on it reaches every active subscription that matches, whatever crashes.' },
    { at: 122, text: 'A handler that fails is tried again.' },
  ],
  text: 'Every agent has its own queue, and its instances compete for what is in it. '.repeat(4),
  done: false,
};

export const MessageFormat = defineFormat(
  'bench.message',
  z.object({
    docId: z.string(),
    chunkId: z.string(),
    title: z.string(),
    author: z.object({ id: z.string(), name: z.string(), roles: z.array(z.string()) }),
    line: z.int(),
    column: z.int(),
    tags: z.array(z.string()),
    language: z.string(),
    kind: z.string(),
    severity: z.enum(['low', 'medium', 'high']),
    meta: z.object({ source: z.string(), attempt: z.int(), flags: z.array(z.boolean()), host: z.string() }),
    score: z.number(),
    parts: z.array(z.object({ at: z.int(), text: z.string() })),
    text: z.string(),
    done: z.boolean(),
  }),
);
