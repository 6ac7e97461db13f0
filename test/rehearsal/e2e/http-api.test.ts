import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { signedFetch } from '../../../lib/cli/rehearse/signed-fetch.ts';
import { Stage } from '../../../lib/cli/rehearse/stage.ts';
import type { Json } from '../../../lib/core/json.ts';
import { testSeed } from '../../../lib/environment/variables.ts';
import { statusesOf } from '../../../lib/http/openapi.ts';
import type { Route } from '../../../lib/http/route.ts';
import { allRoutes } from '../../../lib/http/routes/all-routes.ts';
import { Problem } from '../../../lib/http/schemas/answers.ts';
import type { Rehearsal } from '../../../lib/rehearsal/rehearsal.ts';
import { rehearse } from '../../../lib/rehearsal/rehearse.ts';
import { fieldsOf, type PageBody, payloadsOf } from '../../http/lab.ts';
import { type Document, requestsOf, type Wanted } from '../../http/wanted-requests.ts';
import { Task } from './fixtures/doc-formats.ts';
import guild from './fixtures/doc-guild.ts';
import { type Assembly, synthesized, timers } from './stack.ts';
import { audience, bearer, issuer, issuerKeys } from './tokens.ts';

const NS = '/v1/namespaces/default';
const namespaces = ['default', 'other'];
let signed: Assembly;
let stage: Stage;
beforeAll(async () => {
  signed = synthesized({ guild, namespaces });
  stage = await Stage.open({
    assembly: signed.folder,
    stack: undefined,
    namespace: 'default',
    timeoutMs: 60_000,
    log: undefined,
  });
}, 60_000);
afterAll(async () => {
  await stage[Symbol.asyncDispose]();
  signed[Symbol.dispose]();
});

interface Answered<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

async function ask<T = Json>(path: string, init?: RequestInit): Promise<Answered<T>> {
  const response = await signedFetch(stage.rehearsal)(`${stage.rehearsal.apiUrl}${path}`, init);
  return { status: response.status, headers: response.headers, body: (await response.json()) as T };
}

const post = <T = Json>(path: string, body: unknown, headers = {}) =>
  ask<T>(path, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...headers },
  });

describe('whoever has signed', () => {
  test('publishes, once under one idempotency key, and reads what came of it', async () => {
    const messages = `${NS}/topics/doc.tasks/messages`;
    const body = { payload: { text: 'one' }, format: 'doc.task', formatVersion: 2, conversationId: 'a b/ü' };
    const first = await post<{ id: string }>(messages, body, { 'idempotency-key': 'k1' });
    const again = await post<{ id: string }>(messages, body, { 'idempotency-key': 'k1' });
    await stage.settled();
    const { id } = first.body;

    expect([first.status, again.status]).toEqual([202, 202]);
    expect(again.body).toEqual({ ...first.body, duplicate: true });
    const thread = await ask<PageBody>(`${NS}/threads/${id}`);
    expect(payloadsOf(thread.body)).toEqual([{ text: 'one' }, { text: 'ONE' }]);
    const one = await ask(`${NS}/messages/doc.tasks/${id}`);
    expect(one.body).toMatchObject({ id, topic: 'doc.tasks', sender: { id: 'user:user/rehearsal' } });
  });

  test('publishes many at once, each with its outcome, and reads them in pages', async () => {
    const batch = [1, 2, 3, 4, 5].map((n) => ({ payload: n }));
    const { status, body } = await post<{ outcomes: { ok: boolean }[] }>(`${NS}/topics/doc.paged/messages`, [
      ...batch,
      { payload: 6, priority: 12 },
    ]);
    const seen: Json[] = [];
    for (let path: string | undefined = `${NS}/topics/doc.paged/messages?limit=2&order=desc`; path !== undefined; ) {
      const { headers, body: page }: Answered<PageBody> = await ask<PageBody>(path);
      seen.push([...payloadsOf(page)]);
      path = /^<(.*)>; rel="next"$/.exec(headers.get('link') ?? '')?.[1];
    }

    expect(status).toBe(202);
    expect(body.outcomes.map(({ ok }) => ok)).toEqual([true, true, true, true, true, false]);
    expect(seen).toEqual([[5, 4], [3, 2], [1]]);
  });

  test('is told everything that is wrong, and nothing is stored of it', async () => {
    const messages = `${NS}/topics/strict.a/messages`;
    const wrong = await post<Problem>(messages, { payload: 1, format: 'doc.other' });
    const query = await ask<Problem>(`${messages}?limit=0&order=up&foo=1`);
    const cursor = await ask<Problem>(`${messages}?cursor=nonsense`);
    const none = await ask<PageBody>(messages);
    const noJson = await ask<Problem>(messages, { method: 'POST', body: '{' });

    expect(fieldsOf(wrong.body)).toEqual(['format']);
    expect([query.status, fieldsOf(query.body).toSorted()]).toEqual([400, ['foo', 'limit', 'order']]);
    expect([cursor.status, fieldsOf(cursor.body)]).toEqual([400, ['cursor']]);
    expect(none.body.items).toEqual([]);
    expect([400, 415]).toContain(noJson.status);
    expect((await ask<Problem>(`${NS}/messages/doc.tasks/01ARZ3NDEKTSV4RRFFQ69G5FA4`)).status).toBe(404);
  });

  test('learns nothing of a namespace that the deployment does not serve', async () => {
    const paths = ['topics', 'topics/doc.tasks/messages', 'agents', 'threads/01ARZ3NDEKTSV4RRFFQ69G5FA4'];
    for (const path of paths) {
      const { status, body } = await ask<Problem>(`/v1/namespaces/secret/${path}`);
      expect({ status, code: body.code }, path).toEqual({ status: 403, code: 'FORBIDDEN' });
    }
    const write = await post<Problem>('/v1/namespaces/secret/topics/doc.tasks/messages', { payload: 1 });
    expect(write.status).toBe(403);
  });

  test('finds dead letters, and has them handled again by a plan', async () => {
    await post(`${NS}/topics/doc.tasks/messages`, { payload: { text: 'bad' }, format: 'doc.task', formatVersion: 2 });
    await stage.settled();
    const plan = await post<{ id: string; total: number }>(`${NS}/plans`, { action: 'redrive', agent: 'worker' });
    const run = await post(`${NS}/plans/${plan.body.id}/run`, {});
    await stage.settled();

    expect([plan.status, run.status]).toEqual([201, 200]);
    const letters = await ask<PageBody>(`${NS}/agents/worker/dead-letters`);
    expect(letters.body.items).toHaveLength(1);
    expect(JSON.stringify(letters.body.items[0])).toContain('TypeError');
  });
});

describe('the document of the API', () => {
  const REQUESTS = 400;
  const AT_ONCE = 40;

  /** What an HTTP API makes of a path before a function sees it leads elsewhere: there only failures are looked for. */
  const isPlain = (path: string) => !/%(?:2F|3F|25|00|0A|0D)/i.test(path);

  async function check({ id, path, init }: Wanted): Promise<number> {
    const route = allRoutes.find((each) => each.id === id) as Route;
    const { rehearsal } = stage;
    const response = await signedFetch(rehearsal)(`${rehearsal.apiUrl}${path}`, init as RequestInit);
    const { status } = response;
    const text = await response.text();
    const about = `${init.method} ${path} ${init.body ?? ''} -> ${status} ${text.slice(0, 300)}`;
    expect([500, 502, 503, 504], about).not.toContain(status);
    const isOfGateway = /^\{"message":"[^"]*"\}$/.test(text);
    if (isOfGateway || !isPlain(path)) return status;
    expect(statusesOf(route).has(status), about).toBe(true);
    const answer = route.answers[status];
    if (answer === undefined) expect(Problem.safeParse(JSON.parse(text)).error, about).toBeUndefined();
    else if (answer.schema !== undefined)
      expect(answer.schema.safeParse(JSON.parse(text)).error, about).toBeUndefined();
    return status;
  }

  test(`holds for ${REQUESTS} requests that are made from it`, async () => {
    const seed = testSeed() ?? 20_260_101;
    const { body: document } = await ask<Document>('/v1/openapi.json');
    const id = await stage.client.publish('doc.tasks', Task, { text: 'bad' }, { conversationId: 'c' });
    await stage.settled();
    const plan = await post<{ id: string }>(`${NS}/plans`, { action: 'redrive', agent: 'worker' });
    const fill = (text: string) => text.replaceAll(/@id|%40id/g, id).replaceAll(/@plan|%40plan/g, plan.body.id);
    const statuses = new Map<number, number>();

    await fc.assert(
      fc.asyncProperty(fc.array(requestsOf(document), { minLength: AT_ONCE, maxLength: AT_ONCE }), async (requests) => {
        for (const { path, init, ...rest } of requests) {
          const headers = Object.fromEntries(Object.entries(init.headers).map(([name, of]) => [name, fill(of)]));
          const status = await check({ ...rest, path: fill(path), init: { ...init, headers } });
          statuses.set(status, (statuses.get(status) ?? 0) + 1);
        }
      }),
      { seed, numRuns: REQUESTS / AT_ONCE, endOnFailure: true },
    );

    const succeeded = [...statuses].filter(([status]) => status < 300).reduce((sum, [, count]) => sum + count, 0);
    expect(succeeded).toBeGreaterThan(REQUESTS / 5);
    await stage.settled();
  });
});

describe('whoever bears a token', () => {
  let tokens: Assembly;
  let rehearsal: Rehearsal;
  beforeAll(async () => {
    tokens = synthesized({ guild, namespaces, api: { authorization: { issuer, audience: [audience] } } });
    rehearsal = await rehearse({ assembly: tokens.folder, issuerKeys });
  }, 60_000);
  afterAll(async () => {
    await rehearsal[Symbol.asyncDispose]();
    tokens[Symbol.dispose]();
  });

  const call = (path: string, claims: Parameters<typeof bearer>[0], body?: Json) =>
    fetch(`${rehearsal.apiUrl}/v1/namespaces/${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { ...bearer(claims), 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  const ada = { sub: 'ada', guildwire_namespaces: 'default' };

  test('publishes and reads in the namespaces of its claims, as itself', async () => {
    const published = await call('default/topics/doc.tasks/messages', ada, {
      payload: { text: 'x' },
      format: 'doc.task',
    });
    await rehearsal.idle({ ignoring: timers });
    const page = (await (await call('default/topics/doc.tasks/messages', ada)).json()) as PageBody;

    expect(published.status).toBe(202);
    expect(page.items.map(({ sender }) => sender.id)).toEqual(['user:ada']);
  });

  test('gets the same 403 for a namespace of others and for one that does not exist', async () => {
    const bodies = await Promise.all(
      ['other', 'nobody'].map(async (name) => {
        const response = await call(`${name}/topics`, ada);
        const text = (await response.text()).replaceAll(name, '…').replaceAll(/"requestId":"[^"]*"/g, '');
        return { status: response.status, text };
      }),
    );

    expect(bodies[0]?.status).toBe(403);
    expect(bodies[0]).toEqual(bodies[1]);
    expect((await call('default/topics', { sub: 'eve' })).status).toBe(403);
  });

  test('may do what its claims say, and nothing without a token', async () => {
    const reader = { ...ada, guildwire_permissions: 'read' };

    expect((await call('default/topics', reader)).status).toBe(200);
    expect((await call('default/topics/doc.tasks/messages', reader, { payload: 1 })).status).toBe(403);
    expect((await call('default/agents/worker/pause', ada, {})).status).toBe(403);
    expect((await fetch(`${rehearsal.apiUrl}/v1/namespaces/default/topics`)).status).toBe(401);
  });
});
