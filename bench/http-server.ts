/** The server that `bench/http.ts` measures, or the bare one beside it, in a process of its own. */
import { serve } from '@hono/node-server';
import { genericJson, MemoryBackend, openBus } from 'guildwire';
import { createHttpApp } from 'guildwire/http';
import { serveHttp } from 'guildwire/node';
import { Hono } from 'hono';
// The bare routes parse by the very schemas of the API, which are no part of the package.
import { NewMessage } from '../lib/http/schemas/new-message.ts';
import { HistoryQuery } from '../lib/http/schemas/queries.ts';
import { message } from './message.ts';

/** What the bench asks its server for. */
export type Asked = { readonly cpu: true } | { readonly publish: number; readonly topic: string };

const STORED = 1_000;
const [kind] = process.argv.slice(2);
const backend = new MemoryBackend();
const bus = openBus(backend, { sender: 'user:bench' });
for (let n = 0; n < STORED; n++) await bus.publish('stored', genericJson, message);

const port = kind?.startsWith('bare')
  ? await serveBare(kind === 'bare, stores')
  : (await serveHttp(createHttpApp({ backend }), { port: 0 })).port;
process.on('message', async (asked: Asked) => {
  if ('cpu' in asked) {
    const { user, system } = process.cpuUsage();
    process.send?.({ microseconds: user + system });
    return;
  }
  for (let n = 0; n < asked.publish; n++)
    await bus.publish(asked.topic, genericJson, { ...message, sentAt: Date.now() });
});
process.send?.({ port });

/**
 * No more than the parse, and an answer of the same size.
 *
 * @param stores Whether what was parsed is published as well.
 */
async function serveBare(stores: boolean): Promise<number> {
  const { items } = await bus.read({ topic: 'stored', limit: 100, order: 'desc' });
  const bare = new Hono();
  let count = 0;
  bare.post('/v1/namespaces/:namespace/topics/:topic/messages', async (c) => {
    const { payload } = NewMessage.parse(await c.req.json());
    const id = stores ? await bus.publish('bench', genericJson, payload ?? null) : String(++count).padStart(26, '0');
    return c.json({ id, duplicate: false }, 202);
  });
  bare.get('/v1/namespaces/:namespace/topics/:topic/messages', (c) => {
    const { limit = 100 } = HistoryQuery.parse(c.req.query());
    return c.json({ items: items.slice(0, limit), next: 'x'.repeat(64) });
  });
  return new Promise((resolve) => {
    serve({ fetch: bare.fetch, port: 0, hostname: '127.0.0.1' }, (listening) => resolve(listening.port));
  });
}
