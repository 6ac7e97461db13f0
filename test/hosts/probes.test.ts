import { MemoryBackend, silentLog } from 'guildwire';
import { bearerToken, createHttpApp } from 'guildwire/http';
import { expect, test } from 'vitest';
import { probesOf } from '../../lib/hosts/node/probes.ts';

const TOKEN = 'a-token-of-sixteen-and-more';

test('of the whole API only health and metrics are there, whatever is asked and by whom', async () => {
  const backend = new MemoryBackend();
  const app = probesOf(createHttpApp({ backend, log: silentLog, authenticate: bearerToken(TOKEN) }));
  const authorization = `Bearer ${TOKEN}`;
  const body = JSON.stringify({ payload: {} });
  const ask = async (path: string, init: RequestInit = {}) => (await app.request(path, init)).status;

  expect(app.isOpen).toBe(false);
  expect([await ask('/health/live'), await ask('/health/ready')]).toEqual([200, 200]);
  expect([await ask('/metrics'), await ask('/metrics', { headers: { authorization } })]).toEqual([401, 200]);
  for (const path of ['/', '/v1/openapi.json', '/v1/namespaces/default/topics', '/health/live/', '/HEALTH/live'])
    expect([path, await ask(path, { headers: { authorization } })]).toEqual([path, 404]);
  const headers = { authorization, 'content-type': 'application/json' };
  expect(await ask('/v1/namespaces/default/topics/said/messages', { method: 'POST', body, headers })).toBe(404);

  await app.close();
  expect([await ask('/health/live'), await ask('/health/ready')]).toEqual([200, 503]);
});
