import * as crypto from 'node:crypto';
import { MemoryBackend } from 'guildwire';
import { type Authenticate, bearerToken, createHttpApp, type HttpAppOptions, type Principal } from 'guildwire/http';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { HttpLab, NS, type PageBody } from './lab.ts';

vi.mock('node:crypto', async (original) => {
  const real = await original<typeof crypto>();
  return { ...real, timingSafeEqual: vi.fn(real.timingSafeEqual) };
});
afterEach(() => vi.mocked(crypto.timingSafeEqual).mockClear());

const ADA = 'ada-has-a-long-token';
const BOB = 'bob-has-another-token';
const EVE = 'eve-operates-only-here';
const authenticate = bearerToken([
  { token: ADA, id: 'ada' },
  { token: BOB, id: 'bob', namespaces: ['default', 'n2'], may: ['read'] },
  { token: EVE, id: 'eve', namespaces: ['default'], may: ['operate', 'publish'] },
]);
const as = (token: string) => ({ authorization: `Bearer ${token}` });
const MESSAGES = `${NS}/topics/doc.a/messages`;

describe('who has a token', () => {
  test('is let in, and is the sender of what is published', async () => {
    await using lab = new HttpLab({ authenticate });

    const { status } = await lab.post(MESSAGES, { payload: 1 }, as(ADA));
    const { body } = await lab.ask<PageBody>(MESSAGES, { headers: as(BOB) });

    expect(status).toBe(202);
    expect(body.items[0]?.sender).toEqual({ id: 'user:ada' });
  });

  test.each([
    ['none', {}, 'Bearer realm="guildwire"'],
    ['an unknown one', as('somebody-else-altogether'), 'Bearer realm="guildwire", error="invalid_token"'],
    ['a longer one', as(`${ADA}x`), 'Bearer realm="guildwire", error="invalid_token"'],
    ['another scheme', { authorization: `Basic ${ADA}` }, 'Bearer realm="guildwire", error="invalid_token"'],
  ])('is asked for it with %s', async (_, headers, challenge) => {
    await using lab = new HttpLab({ authenticate });

    const { status, headers: answered, body } = await lab.ask(MESSAGES, { headers });

    expect({ status, body }).toMatchObject({ status: 401, body: { code: 'UNAUTHENTICATED' } });
    expect(answered.get('www-authenticate')).toBe(challenge);
  });

  test('is compared with all of them, in constant time', async () => {
    await using lab = new HttpLab({ authenticate });

    await lab.ask(MESSAGES, { headers: as(ADA) });
    await lab.ask(MESSAGES, { headers: as('x') });

    const calls = vi.mocked(crypto.timingSafeEqual).mock.calls;
    expect(calls).toHaveLength(6);
    expect(new Set(calls.flat().map(({ byteLength }) => byteLength))).toEqual(new Set([32]));
  });

  test('may do what the token says, where it says, and is told what is missing', async () => {
    await using lab = new HttpLab({ authenticate });
    const detail = async (token: string, path: string, init: RequestInit = {}) => {
      const { status, body } = await lab.ask<{ detail: string; code: string }>(path, { ...init, headers: as(token) });
      return `${status} ${body.detail}`;
    };
    const post = { method: 'POST' };

    expect(await detail(BOB, MESSAGES, post)).toBe('403 "bob" may not publish: it may read');
    expect(await detail(BOB, `${NS}/agents/x/pause`, post)).toBe('403 "bob" may not operate: it may read');
    expect(await detail(EVE, MESSAGES)).toBe('403 "eve" may not read: it may operate and publish');
    expect(await detail(BOB, '/v1/namespaces/n3/topics')).toBe(
      '403 "bob" has no access to namespace "n3": it has to default, n2',
    );
    expect(await detail(EVE, `${NS}/plans`, post)).toMatch(/^415 /);
  });

  test('is not asked for by probes, nor for the description of the API', async () => {
    await using lab = new HttpLab({ authenticate });

    for (const path of ['/health/live', '/health/ready', '/v1/openapi.json'])
      expect((await lab.ask(path)).status).toBe(200);
    expect((await lab.ask('/metrics')).status).toBe(401);
  });
});

describe("an authenticator of one's own", () => {
  const ask = async (own: Authenticate) => {
    await using lab = new HttpLab({ authenticate: own });
    return { ...(await lab.ask(MESSAGES)), log: lab.log.texts };
  };
  const principal: Principal = { id: 'x', namespaces: '*', may: ['read'] };

  test('may take its time', async () => {
    expect((await ask(async () => principal)).status).toBe(200);
    expect((await ask(async () => undefined)).status).toBe(401);
  });

  test.each([
    ['an id that is none', { ...principal, id: '' }],
    ['namespaces that are none', { ...principal, namespaces: 'default' as '*' }],
    ['permissions that are none', { ...principal, may: ['write' as 'read'] }],
  ])('that gives %s is a failure of the server', async (_, wrong) => {
    const { status, log } = await ask(() => wrong);

    expect(status).toBe(500);
    expect(log).toEqual(['error: a request failed']);
  });

  test('that throws is one as well', async () => {
    const { status, body } = await ask(() => {
      throw new Error('secret');
    });

    expect(status).toBe(500);
    expect(JSON.stringify(body)).not.toMatch(/secret/);
  });
});

describe('tokens', () => {
  test.each([
    ['short', 'short', ['token']],
    ['with spaces', 'a token with some spaces', ['token']],
    ['none', [], ['tokens']],
    [
      'twice the same',
      [
        { token: ADA, id: 'a' },
        { token: ADA, id: 'b' },
      ],
      ['tokens'],
    ],
    [
      'of odd people',
      [{ token: '', id: '', namespaces: ['a b'], may: ['fly' as 'read'] }],
      ['tokens[0].token', 'tokens[0].id', 'tokens[0].namespaces', 'tokens[0].may'],
    ],
  ])('that are %s are refused, and not shown', (_, tokens, fields) => {
    try {
      bearerToken(tokens);
      expect.unreachable();
    } catch (error) {
      const { code, faults, message } = error as { code: string; faults: { field: string }[]; message: string };
      expect(code).toBe('INVALID_ARGUMENT');
      expect(faults.map(({ field }) => field)).toEqual(fields);
      expect(message).not.toContain(ADA);
    }
  });

  test('may be a single one, whose bearer may do everything', async () => {
    await using lab = new HttpLab({ authenticate: bearerToken(ADA) });

    expect((await lab.post(MESSAGES, { payload: 1 }, as(ADA))).status).toBe(202);
    expect((await lab.ask(MESSAGES, { headers: { authorization: `bearer  ${ADA} ` } })).status).toBe(200);
  });
});

describe('an open app', () => {
  const at = (lab: HttpLab, url: string, init?: RequestInit) => lab.app.fetch(new Request(url, init));

  test.each(['localhost', '127.0.0.1', '127.1.2.3', '[::1]', 'LOCALHOST:4100', 'dev.test'])(
    'answers as %s',
    async (host) => {
      await using lab = new HttpLab({ hosts: ['dev.test'] });

      expect((await at(lab, `http://${host}${MESSAGES}`)).status).toBe(200);
    },
  );

  test.each(['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', '10.0.0.1', '[::2]'])(
    'does not answer as %s, to which a page could have bent its own name',
    async (host) => {
      await using lab = new HttpLab();
      await at(lab, `http://localhost${MESSAGES}`);

      const response = await at(lab, `http://${host}/metrics`);

      expect(response.status).toBe(421);
      expect(await response.json()).toMatchObject({ code: 'MISDIRECTED' });
    },
  );

  test('does nothing that a page of another origin sends without asking', async () => {
    await using lab = new HttpLab({ origins: ['https://console.test'] });
    const from = async (origin: string, method = 'POST') =>
      (await at(lab, `http://localhost:4100${NS}/agents/x/pause`, { method, headers: { origin } })).status;

    expect(await from('https://evil.example')).toBe(403);
    expect(await from('null')).toBe(403);
    expect(await from('https://console.test')).toBe(404);
    expect(await from('http://localhost:4100')).toBe(404);
  });
});

describe('pages of other origins', () => {
  const origin = 'https://console.test';
  const preflight = (lab: HttpLab, headers: object = {}) =>
    lab.app.request(MESSAGES, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST', ...headers },
    });

  test('may not ask', async () => {
    await using lab = new HttpLab();

    const asked = await preflight(lab);
    const { headers } = await lab.ask(MESSAGES, { headers: { origin } });

    expect(asked.status).toBe(405);
    expect(headers.get('access-control-allow-origin')).toBeNull();
  });

  test('may ask if they are named', async () => {
    await using lab = new HttpLab({ origins: [origin] });

    const asked = await preflight(lab);
    const { headers } = await lab.ask(MESSAGES, { headers: { origin } });
    const other = await lab.ask(MESSAGES, { headers: { origin: 'https://evil.example' } });

    expect(asked.status).toBe(204);
    expect(asked.headers.get('access-control-allow-methods')).toBe('POST, GET, HEAD');
    expect(asked.headers.get('access-control-allow-headers')).toMatch(/authorization/);
    expect(headers.get('access-control-allow-origin')).toBe(origin);
    expect(headers.get('vary')).toBe('Origin');
    expect(other.headers.get('access-control-allow-origin')).toBeNull();
    expect((await preflight(lab, { origin: 'https://evil.example' })).status).toBe(405);
  });
});

describe('the rate', () => {
  test('is limited for each principal, who is told when to come back', async () => {
    await using lab = new HttpLab({ authenticate, rateLimit: { perSecond: 0.5, burst: 2 } });
    const ask = (token: string) => lab.ask(MESSAGES, { headers: as(token) });

    expect([(await ask(ADA)).status, (await ask(ADA)).status]).toEqual([200, 200]);
    const { status, headers, body } = await ask(ADA);
    expect({ status, body }).toMatchObject({ status: 429, body: { code: 'RATE_LIMITED', retryable: true } });
    expect(headers.get('retry-after')).toBe('2');
    expect((await ask(BOB)).status).toBe(200);

    await lab.clock.advance(2_000);
    expect((await ask(ADA)).status).toBe(200);
    expect((await ask(ADA)).status).toBe(429);
    await lab.clock.advance(3_600_000);
    expect([(await ask(ADA)).status, (await ask(ADA)).status, (await ask(ADA)).status]).toEqual([200, 200, 429]);
  });

  test('does not suffer from a clock that is set back', async () => {
    await using lab = new HttpLab({ authenticate, rateLimit: { perSecond: 1, burst: 5 } });

    await lab.ask(MESSAGES, { headers: as(ADA) });
    lab.clock.step(-3_600_000);

    expect((await lab.ask(MESSAGES, { headers: as(ADA) })).status).toBe(200);
  });
});

describe('options', () => {
  test('are all looked at', () => {
    const wrong = {
      backend: {},
      guild: {},
      families: {},
      authenticate: 1,
      origins: ['*', 'https://x/path'],
      hosts: ['a b'],
      maxBodyBytes: 0,
      rateLimit: { perSecond: 0, burst: 0 },
      timeoutMs: 1.5,
      streams: { max: -1, heartbeatMs: 86_400_001 },
      dependencies: { backend: async () => {} },
      namespaces: ['a/b'],
    };
    try {
      createHttpApp(wrong as unknown as HttpAppOptions);
      expect.unreachable();
    } catch (error) {
      expect((error as { faults: { field: string }[] }).faults.map(({ field }) => field)).toEqual([
        'backend',
        'guild',
        'authenticate',
        'families',
        'origins',
        'origins',
        'hosts',
        'namespaces',
        'dependencies.backend',
        'rateLimit.perSecond',
        'rateLimit.burst',
        'maxBodyBytes',
        'timeoutMs',
        'streams.max',
        'streams.heartbeatMs',
      ]);
    }
  });

  test('have defaults: no limit for an open app, one for others', async () => {
    const backend = new MemoryBackend();
    const open = createHttpApp({ backend });
    const closed = createHttpApp({ backend, authenticate });

    expect([open.isOpen, closed.isOpen]).toEqual([true, false]);
    const statuses = await Promise.all(
      Array.from({ length: 2_100 }, async () => (await closed.request('/metrics', { headers: as(ADA) })).status),
    );
    expect(statuses.filter((status) => status === 429).length).toBeGreaterThan(0);
    await backend[Symbol.asyncDispose]();
  });
});
