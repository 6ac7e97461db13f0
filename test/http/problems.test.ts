import { readFileSync } from 'node:fs';
import { BackendUnavailableError, GuildwireError, MemoryBackend } from 'guildwire';
import type { Problem } from 'guildwire/http';
import { describe, expect, test } from 'vitest';
import { isTold, toProblem } from '../../lib/http/problems.ts';
import { HttpLab, NS } from './lab.ts';

const MESSAGES = `${NS}/topics/doc.a/messages`;
const sending = (body: NonNullable<RequestInit['body']>, type = 'application/json', headers: object = {}) => ({
  method: 'POST',
  body,
  headers: { 'content-type': type, ...headers },
});

describe('a problem', () => {
  test('has the shape of RFC 9457, with the code, the faults and the id of the request', async () => {
    await using lab = new HttpLab();

    const { status, headers, body } = await lab.ask<Problem>(`${MESSAGES}?limit=x`);

    expect(status).toBe(400);
    expect(headers.get('content-type')).toBe('application/problem+json');
    expect(body).toEqual({
      type: 'urn:guildwire:problem:INVALID_ARGUMENT',
      title: 'The request is invalid',
      status: 400,
      detail: 'limit: got "x": allowed is a whole number from 1 to 1000',
      code: 'INVALID_ARGUMENT',
      retryable: false,
      faults: [{ field: 'limit', problem: 'got "x": allowed is a whole number from 1 to 1000' }],
      requestId: headers.get('x-request-id'),
    });
  });

  test.each([
    [404, 'NO_SUCH_ROUTE', '/v1/nothing', {}],
    [404, 'NO_SUCH_ROUTE', '/', {}],
    [405, 'METHOD_NOT_ALLOWED', MESSAGES, { method: 'DELETE' }],
    [405, 'METHOD_NOT_ALLOWED', `${NS}/stream?topic=a`, { method: 'HEAD' }],
    [405, 'METHOD_NOT_ALLOWED', MESSAGES, { method: 'OPTIONS' }],
    [400, 'MALFORMED_BODY', MESSAGES, sending('{"payload":')],
    [400, 'MALFORMED_BODY', MESSAGES, sending('')],
    [400, 'MALFORMED_BODY', MESSAGES, sending(Uint8Array.from([0x22, 0xff, 0x22]))],
    [415, 'UNSUPPORTED_MEDIA_TYPE', MESSAGES, sending('{}', 'text/plain')],
    [415, 'UNSUPPORTED_MEDIA_TYPE', MESSAGES, sending('{}', 'application/json; charset=latin1')],
    [415, 'UNSUPPORTED_MEDIA_TYPE', MESSAGES, { method: 'POST' }],
    [501, 'UNSUPPORTED_FEATURE', `${NS}/attachments`, sending(JSON.stringify({ bytes: 1, sha256: 'a'.repeat(64) }))],
  ] as readonly [number, string, string, RequestInit][])('%i %s for %s %j', async (status, code, path, init) => {
    await using lab = new HttpLab();

    const response = await lab.app.request(path, init);
    const text = await response.text();

    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    if (init.method !== 'HEAD') expect(JSON.parse(text)).toMatchObject({ code, status });
  });

  test('says which methods a path takes', async () => {
    await using lab = new HttpLab();

    const { headers } = await lab.ask(MESSAGES, { method: 'PUT' });
    const one = await lab.ask(`${NS}/plans`, {});

    expect(headers.get('allow')).toBe('POST, GET, HEAD');
    expect(one.headers.get('allow')).toBe('POST');
  });

  test.each([
    'application/json; charset=UTF-8',
    'application/json;charset="utf-8"',
    'application/vnd.x+json',
    'APPLICATION/JSON',
  ])('is not made of %s', async (type) => {
    await using lab = new HttpLab();

    expect((await lab.ask(MESSAGES, sending('{"payload":"ü\ufffd"}', type))).status).toBe(202);
  });

  test('carries the id that the request brought, if it is one', async () => {
    await using lab = new HttpLab();
    const idOf = async (given: string) =>
      (await lab.ask('/health/live', { headers: { 'x-request-id': given } })).headers.get('x-request-id');

    expect(await idOf('abc-1')).toBe('abc-1');
    expect(await idOf('a b"')).toMatch(/^[\da-f-]{36}$/);
    expect(await idOf('x'.repeat(129))).toMatch(/^[\da-f-]{36}$/);
  });
});

describe('a body', () => {
  const body = (length: number) => JSON.stringify({ payload: 'x'.repeat(length - 14) });

  test('may have so many bytes and no more, whether it says its length or not', async () => {
    await using lab = new HttpLab({ maxBodyBytes: 1_000 });
    const statusOf = async (length: number, headers: object) =>
      (await lab.ask<Problem>(MESSAGES, sending(body(length), undefined, headers))).status;

    expect(await statusOf(1_000, {})).toBe(202);
    expect(await statusOf(1_001, {})).toBe(413);
    expect(await statusOf(1_000, { 'content-length': '1000' })).toBe(202);
    expect(await statusOf(1_001, { 'content-length': '1001' })).toBe(413);
  });

  test('is not read to the end once it is too large', async () => {
    await using lab = new HttpLab({ maxBodyBytes: 1_000 });
    let pulled = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        pulled++;
        controller.enqueue(new Uint8Array(600));
      },
    });

    const { status } = await lab.ask(MESSAGES, { ...sending(endless), duplex: 'half' } as RequestInit);

    expect(status).toBe(413);
    expect(pulled).toBeLessThan(10);
  });

  test('that breaks off is malformed', async () => {
    await using lab = new HttpLab();
    const broken = new ReadableStream<Uint8Array>({ pull: (controller) => controller.error(new Error('gone')) });

    const { body: problem } = await lab.ask(MESSAGES, { ...sending(broken), duplex: 'half' } as RequestInit);

    expect(problem).toMatchObject({ status: 400, code: 'MALFORMED_BODY' });
  });

  test('with more payload than the backend takes is told both numbers', async () => {
    await using lab = new HttpLab();
    const large = 'x'.repeat(25 * 1024 * 1024);

    const { status, body: problem } = await lab.post<Problem>(MESSAGES, { payload: large });

    expect(status).toBe(413);
    expect(problem.code).toBe('PAYLOAD_TOO_LARGE');
    expect(problem.detail).toMatch(/26214402 bytes but the limit is 26214400/);
  });
});

describe('a failure of the server', () => {
  const failing = (error: unknown) => ({
    wrap: () =>
      Object.assign(new MemoryBackend(), {
        topics: () => Promise.reject(error),
      }),
  });

  test('is told without what is inside, and logged with it', async () => {
    await using lab = new HttpLab(failing(new Error('the password is tuna')));

    const { status, body } = await lab.ask<Problem>(`${NS}/topics`);

    expect(status).toBe(500);
    expect(body).toMatchObject({ code: 'INTERNAL', retryable: false });
    expect(JSON.stringify(body)).not.toMatch(/tuna|stack/);
    expect(lab.log.said).toMatchObject([{ level: 'error', data: { requestId: body.requestId, route: 'topics' } }]);
    expect(JSON.stringify(lab.log.said)).toMatch(/tuna/);
  });

  test.each([[undefined], [null], ['text'], [{ code: 'NOT_FOUND' }], [Object.create(null)]])(
    'may be anything that was thrown, such as %s',
    async (thrown) => {
      await using lab = new HttpLab(failing(thrown));

      expect((await lab.ask(`${NS}/topics`)).status).toBe(500);
    },
  );

  test('is retryable with a time to wait where the backend cannot be reached', async () => {
    await using lab = new HttpLab(failing(new BackendUnavailableError('gone')));

    const { status, headers, body } = await lab.ask(`${NS}/topics`);

    expect({ status, body }).toMatchObject({ status: 503, body: { code: 'BACKEND_UNAVAILABLE', retryable: true } });
    expect(headers.get('retry-after')).toBe('1');
  });

  test('to answer in time is told as well', async () => {
    await using lab = new HttpLab({
      timeoutMs: 5_000,
      wrap: () => Object.assign(new MemoryBackend(), { topics: () => new Promise(() => {}) }),
    });

    const { status, body } = await lab.clock.runUntil(lab.ask(`${NS}/topics`));

    expect({ status, body }).toMatchObject({ status: 503, body: { code: 'TIMED_OUT', retryable: true } });
  });
});

test('a stream that is ready too late is let go', async () => {
  const late = Promise.withResolvers<{ items: []; next: undefined }>();
  await using lab = new HttpLab({
    timeoutMs: 5_000,
    wrap: () => Object.assign(new MemoryBackend(), { read: () => late.promise }),
  });
  const { status } = await lab.clock.runUntil(lab.ask(`${NS}/stream?topic=a`));
  late.resolve({ items: [], next: undefined });
  await lab.clock.quiet();

  expect(status).toBe(503);
  expect(lab.app.openStreams).toBe(0);
});

describe('every error', () => {
  class Coded extends GuildwireError {
    readonly code: string;
    readonly retryable = false;

    constructor(code: string) {
      super(code);
      this.code = code;
    }
  }
  const codes = ['core/errors.ts', 'core/handler-errors.ts', 'http/http-errors.ts'].flatMap((file) => {
    const source = readFileSync(new URL(`../../lib/${file}`, import.meta.url), 'utf8');
    return [...source.matchAll(/readonly code = '(\w+)'/g)].map(([, code = '']) => code);
  });
  /** Those that no request can end with: they belong to agents, to definitions, and to the waits of programs. */
  const inside = [
    'ATTEMPT_ENDED',
    'BUDGET_EXCEEDED',
    'DEADLINE_EXCEEDED',
    'HANDLER_CRASHED',
    'HANDLER_TIMEOUT',
    'HOP_LIMIT',
    'INVALID_DEFINITION',
    'LEASE_LOST',
    'NO_REPLY_ADDRESS',
    'PERMANENT',
    'REMOTE',
    'REQUEST_TIMEOUT',
    'RETRY_LATER',
    'STATE_CONFLICT',
    'STATE_TOO_LARGE',
    'TOO_MANY_OUTPUTS',
    'UNDECODABLE',
  ];

  test('of HTTP, and of what it calls, is told by its own code', () => {
    expect(codes.length).toBeGreaterThan(40);
    expect(codes.filter((code) => !isTold(new Coded(code))).toSorted()).toEqual(inside);
  });

  test('has a status that fits: 4xx where the client is wrong, 5xx where the server is', () => {
    for (const code of codes.filter((each) => !inside.includes(each))) {
      const problem = toProblem(new Coded(code));
      expect(problem, code).toMatchObject({ code, type: `urn:guildwire:problem:${code}` });
      expect(problem.status, code).toBeGreaterThanOrEqual(400);
      expect(problem.status, code).toBeLessThan(600);
    }
  });
});
