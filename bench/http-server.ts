/** The server that `bench/http.ts` measures, or the bare one beside it, in a process of its own. */
import { serve } from '@hono/node-server';
import { genericJson, MemoryBackend, openBus } from 'guildwire';
import { createHttpApp } from 'guildwire/http';
import { serveHttp } from 'guildwire/node';
import { Hono } from 'hono';
// The bare routes parse by the very schemas of the API, which are no part of the package.
import { HistoryQuery, NewMessage } from '../lib/http/schemas/requests.ts';
import { message } from './message.ts';

const STORED = 1_000;
const [kind] = process.argv.slice(2);

const backend = new MemoryBackend();
const bus = openBus(backend, { sender: 'user:bench' });
for (let n = 0; n < STORED; n++) await bus.publish('stored', genericJson, message);

if (kind === 'bare') {
  const { items } = await bus.read({ topic: 'stored', limit: 100, order: 'desc' });
  const bare = new Hono();
  let count = 0;
  bare.post('/v1/namespaces/:namespace/topics/:topic/messages', async (c) => {
    const { payload } = NewMessage.parse(await c.req.json());
    return c.json({ id: payload === undefined ? '' : String(++count), duplicate: false }, 202);
  });
  bare.get('/v1/namespaces/:namespace/topics/:topic/messages', (c) => {
    const { limit = 100 } = HistoryQuery.parse(c.req.query());
    return c.json({ items: items.slice(0, limit), next: 'x'.repeat(64) });
  });
  serve({ fetch: bare.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) => process.send?.({ port }));
} else {
  const app = createHttpApp({ backend });
  const { port } = await serveHttp(app, { port: 0 });
  process.send?.({ port });
  process.on('message', async (asked: { readonly publish: number; readonly topic: string }) => {
    for (let n = 0; n < asked.publish; n++) await bus.publish(asked.topic, genericJson, { ...message, sentAt: Date.now() });
    process.send?.({ published: asked.publish });
  });
}
