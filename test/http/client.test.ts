import { type Bus, type GemstoneId, genericJson, type PlanId, systemClock } from 'guildwire';
import { type Client, type ClientOptions, createClient, ProblemError, UnreachableError } from 'guildwire/client';
import { bearerToken } from 'guildwire/http';
import { VirtualClock } from 'guildwire/testing';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { docGuild, HttpLab, Result, Task } from './lab.ts';

interface Seen {
  readonly client: Client;
  /** Method, path and body of every request. */
  readonly requests: { readonly line: string; readonly body: unknown }[];
}

/** A client whose requests go straight to the app. */
function clientOf(lab: HttpLab, options: Partial<ClientOptions> = {}): Seen {
  const requests: Seen['requests'] = [];
  const fetch: ClientOptions['fetch'] = async (input, init) => {
    const request = new Request(input as string, init);
    const { pathname, search } = new URL(request.url);
    const body = await request.clone().text();
    requests.push({ line: `${request.method} ${pathname}${search}`, body: body === '' ? undefined : JSON.parse(body) });
    return lab.app.fetch(request);
  };
  return {
    client: createClient({ url: 'http://localhost:4100/', fetch, lingerMs: 0, clock: lab.clock, ...options }),
    requests,
  };
}

async function failure(work: Promise<unknown>): Promise<ProblemError> {
  return (await work.then(
    () => expect.unreachable(),
    (error: unknown) => error,
  )) as ProblemError;
}

async function all<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

test('a client has the calls of a bus', () => {
  type Common =
    | 'publish'
    | 'publishMany'
    | 'read'
    | 'tail'
    | 'get'
    | 'topics'
    | 'stats'
    | 'explain'
    | 'plan'
    | 'runPlan'
    | 'pause'
    | 'resume';
  expectTypeOf<Client>().toExtend<Pick<Bus, Common>>();
});

describe('publish', () => {
  test('gives the id of a message that is stored as its format writes it', async () => {
    await using lab = new HttpLab({ guild: docGuild });
    const { client } = clientOf(lab);

    const id = await client.publish(
      ['doc.tasks', 'doc.also'],
      Task,
      { text: 'x' },
      { priority: 2, conversationId: 'c' },
    );
    const [message] = await client.get([{ topic: 'doc.also', id }]);

    expect(message).toMatchObject({
      id,
      topics: ['doc.tasks', 'doc.also'],
      format: 'doc.task',
      formatVersion: 2,
      payload: { text: 'x' },
      conversationId: 'c',
    });
  });

  test('checks topics and payload before anything is sent', async () => {
    await using lab = new HttpLab();
    const { client, requests } = clientOf(lab);

    const error = await failure(client.publish('a..b', Task, { text: 1 } as never));

    expect(error).toMatchObject({ code: 'INVALID_MESSAGE', retryable: false });
    expect(error.faults.map(({ field }) => field)).toEqual(['topics', 'payload.text']);
    expect(await failure(client.publish([] as never, Task, { text: 'x' }))).toMatchObject({ code: 'INVALID_MESSAGE' });
    expect(requests).toEqual([]);
  });

  test('rejects with the error of the server: its code, whether it can be repeated, every fault', async () => {
    await using lab = new HttpLab({ guild: docGuild });
    const { client } = clientOf(lab);

    const error = await failure(client.publish('other', Task, { text: 'x' }, { key: '' }));

    expect(error).toBeInstanceOf(ProblemError);
    expect(error).toMatchObject({ name: 'ProblemError', code: 'INVALID_MESSAGE', retryable: false, status: 400 });
    expect(error.faults.map(({ field }) => field)).toEqual(['key']);
    expect(error.requestId).toMatch(/^[\da-f-]{36}$/);
  });

  test('under an idempotency key stores once', async () => {
    await using lab = new HttpLab();
    const { client } = clientOf(lab);
    const publish = () => client.publish('a', genericJson, 1, { idempotencyKey: 'k' });

    expect(await publish()).toBe(await publish());
  });
});

describe('publishMany', () => {
  test('sends what comes together in batches of a hundred per topic, and keeps the order of each', async () => {
    await using lab = new HttpLab();
    const { client, requests } = clientOf(lab);
    const entries = Array.from({ length: 250 }, (_, n) => ({
      topics: n % 5 === 0 ? 'b' : 'a',
      format: genericJson,
      payload: n,
    }));

    const [first, second] = await Promise.all([
      lab.clock.runUntil(client.publishMany(entries.slice(0, 130))),
      lab.clock.runUntil(client.publishMany(entries.slice(130))),
    ]);

    expect([...first, ...second].every(({ ok }) => ok)).toBe(true);
    expect(requests.map(({ line, body }) => `${line.split('/').at(-2)} ${(body as []).length}`).toSorted()).toEqual([
      'a 100',
      'a 100',
      'b 50',
    ]);
    const payloads = (await all(client.history({ topic: 'a' }))).map(({ payload }) => payload);
    expect(payloads).toEqual(entries.filter(({ topics }) => topics === 'a').map(({ payload }) => payload));
  });

  test('has an outcome for each, whoever refused it', async () => {
    await using lab = new HttpLab({ guild: docGuild });
    const { client } = clientOf(lab);

    const outcomes = await lab.clock.runUntil(
      client.publishMany([
        { topics: 'doc.tasks', format: Task, payload: { text: 'x' } },
        { topics: 'doc.tasks', format: Task, payload: { text: 1 as never } },
        { topics: 'strict.x', format: Result, payload: { text: 'x' }, options: { ttlMs: -1 } },
        {
          topics: 'doc.tasks',
          format: Task,
          payload: { text: 'y' },
          options: { priority: 11 as never },
        },
      ]),
    );

    expect(outcomes.map((outcome) => (outcome.ok ? 'ok' : outcome.error.code))).toEqual([
      'ok',
      'INVALID_MESSAGE',
      'INVALID_MESSAGE',
      'INVALID_MESSAGE',
    ]);
  });

  test('waits a moment for others, unless it is flushed', async () => {
    await using lab = new HttpLab();
    const { client, requests } = clientOf(lab, { lingerMs: 1_000 });
    const outcomes = client.publishMany([{ topics: 'a', format: genericJson, payload: 1 }]);
    await lab.clock.advance(999);
    expect(requests).toHaveLength(0);

    await client.flush();

    expect(requests).toHaveLength(1);
    expect(await outcomes).toMatchObject([{ ok: true }]);
    await client.flush();
    expect(requests).toHaveLength(1);
  });

  test('is flushed when the client is disposed of', async () => {
    await using lab = new HttpLab();
    const { client, requests } = clientOf(lab, { lingerMs: 1_000 });
    void client.publishMany([{ topics: 'a', format: genericJson, payload: 1 }]);

    await client[Symbol.asyncDispose]();

    expect(requests).toHaveLength(1);
  });

  test('splits what is large', async () => {
    await using lab = new HttpLab();
    const { client, requests } = clientOf(lab);
    const payload = 'x'.repeat(3 * 1024 * 1024);

    await lab.clock.runUntil(client.publishMany([1, 2, 3].map(() => ({ topics: 'a', format: genericJson, payload }))));

    expect(requests.map(({ body }) => (body as []).length)).toEqual([1, 1, 1]);
  });

  test('tells every message of a batch when the server cannot be reached', async () => {
    const client = createClient({
      url: 'http://localhost:1',
      lingerMs: 0,
      fetch: () => Promise.reject(new TypeError('fetch failed', { cause: { code: 'ECONNREFUSED' } })),
    });

    const outcomes = await client.publishMany([1, 2].map((payload) => ({ topics: 'a', format: genericJson, payload })));

    expect(outcomes).toMatchObject([1, 2].map(() => ({ ok: false, error: { code: 'UNREACHABLE', retryable: true } })));
  });
});

describe('reading', () => {
  test('gives what a bus gives: pages, and the whole history', async () => {
    await using lab = new HttpLab({ guild: docGuild });
    const running = await lab.start();
    const { client } = clientOf(lab);
    for (const text of ['x', 'y', 'z'])
      await lab.publish('doc.tasks', { text }, { format: 'doc.task', conversationId: 'c' });
    await lab.clock.quiet();

    const query = { pattern: 'doc.*', limit: 2, order: 'desc' } as const;
    const page = await client.read(query);
    const whole = await all(client.history({ pattern: 'doc.*', limit: 4 }));

    expect(page).toEqual(await running.read(query));
    expect(whole).toEqual((await running.read({ pattern: 'doc.*' })).items);
    expect(whole).toHaveLength(6);
    const [root] = whole;
    expect(await all(client.thread(root?.id as GemstoneId))).toEqual(
      (await running.read({ thread: root?.id as GemstoneId })).items,
    );
    expect(await all(client.conversation('c', { order: 'desc' }))).toHaveLength(6);
    expect(await client.topics()).toEqual(await running.topics());
    expect(await client.stats()).toEqual(
      (await running.stats()).toSorted((one, other) => (one.agent < other.agent ? -1 : 1)),
    );
  });

  test('between times and with filters is the same as on a bus', async () => {
    await using lab = new HttpLab();
    const { client } = clientOf(lab);
    for (let n = 0; n < 4; n++) {
      await lab.publish('a', n, { priority: n });
      await lab.clock.advance(1_000);
    }
    const start = lab.clock.now() - 4_000;
    const found = async (query: object) =>
      (await client.read({ topic: 'a', ...query })).items.map(({ payload }) => payload);

    expect(await found({ since: start + 1_000, until: start + 2_000 })).toEqual([1, 2]);
    expect(await found({ priority: 3 })).toEqual([3]);
    expect(await found({ sender: 'user:nobody' })).toEqual([]);
    expect(await failure(client.read({ topic: 'a', pattern: 'b', limit: 0 }))).toMatchObject({
      code: 'INVALID_ARGUMENT',
      faults: [{ field: 'limit' }, { field: 'query' }],
    });
  });

  test('by reference keeps the order, and leaves out what is not there', async () => {
    await using lab = new HttpLab();
    const { client } = clientOf(lab);
    const ids: GemstoneId[] = [];
    for (let n = 0; n < 25; n++) ids.push((await lab.publish('a', n)) as GemstoneId);
    const wanted = [...ids.toReversed(), '01HF7YAT000000000000000004' as GemstoneId].map((id) => ({ topic: 'a', id }));

    expect((await client.get(wanted)).map(({ id }) => id)).toEqual(ids.toReversed());
    expect(await failure(client.get(['nonsense' as never]))).toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});

describe('operating', () => {
  test('pauses, resumes, explains, and tells who reaches whom', async () => {
    await using lab = new HttpLab({ guild: docGuild });
    await lab.start();
    const { client } = clientOf(lab);

    await client.pause('worker');
    const id = (await lab.publish('doc.tasks', { text: 'x' }, { format: 'doc.task' })) as GemstoneId;
    await lab.clock.quiet();
    const waiting = await client.explain({ topic: 'doc.tasks', id });
    await client.resume('worker');
    await lab.clock.quiet();

    expect(waiting).toMatchObject([{ agent: 'reader' }, { agent: 'worker', verdict: 'waiting' }]);
    expect((await client.explain(`doc.tasks/${id}` as never))[1]?.verdict).toBe('handled');
    expect((await client.agents()).edges).toHaveLength(1);
    expect(await failure(client.pause('nobody'))).toMatchObject({ code: 'NOT_FOUND', status: 404 });
  });

  test('makes plans and works them off, telling how far it is', async () => {
    await using lab = new HttpLab({ guild: docGuild });
    await lab.start();
    const { client } = clientOf(lab);
    for (let n = 0; n < 12; n++) await lab.publish('doc.tasks', { text: 'bad' }, { format: 'doc.task' });
    await lab.clock.quiet();

    expect(await all(client.deadLetters('worker'))).toHaveLength(12);
    const plan = await client.plan({ action: 'discard', agent: 'worker', errorName: 'TypeError' });
    const seen: number[] = [];
    const startedAt = lab.clock.now();
    const done = await lab.clock.runUntil(
      client.runPlan(plan.id, { perSecond: 4, onProgress: (at) => seen.push(at.done) }),
    );

    expect(done).toMatchObject({ done: 12, finished: true });
    expect(seen).toEqual([4, 8, 12]);
    expect(lab.clock.now() - startedAt).toBeGreaterThanOrEqual(2_000);
    expect(await client.planOf(plan.id)).toEqual(done);
    expect(await all(client.deadLetters('worker'))).toEqual([]);
  });

  test('keeps a pace of less than one in five seconds, which is how long the server answers', async () => {
    await using lab = new HttpLab({ guild: docGuild });
    await lab.start();
    const { client } = clientOf(lab);
    for (let n = 0; n < 3; n++) await lab.publish('doc.tasks', { text: 'bad' }, { format: 'doc.task' });
    await lab.clock.quiet();
    const plan = await client.plan({ action: 'discard', agent: 'worker' });
    const startedAt = lab.clock.now();

    await lab.clock.runUntil(client.runPlan(plan.id, { perSecond: 0.1 }));

    expect(lab.clock.now() - startedAt).toBe(20_000);
  });

  test('stops a plan when it is told to', async () => {
    await using lab = new HttpLab({ guild: docGuild });
    await lab.start();
    const { client } = clientOf(lab);
    for (let n = 0; n < 3; n++) await lab.publish('doc.tasks', { text: 'bad' }, { format: 'doc.task' });
    await lab.clock.quiet();
    const plan = await client.plan({ action: 'discard', agent: 'worker' });
    const stop = new AbortController();

    const done = await lab.clock.runUntil(
      client.runPlan(plan.id, { perSecond: 1, signal: stop.signal, onProgress: () => stop.abort() }),
    );

    expect(done).toMatchObject({ done: 1, finished: false });
  });

  test('replays what a history query names', async () => {
    await using lab = new HttpLab({ guild: docGuild });
    await lab.start();
    const { client } = clientOf(lab);
    await lab.publish('doc.tasks', { text: 'x' }, { format: 'doc.task' });
    await lab.clock.quiet();
    const since = lab.clock.now() - 1_000;

    const plan = await client.plan({ action: 'replay', agent: 'worker', messages: { pattern: 'doc.**', since } });
    await client.runPlan(plan.id);
    await lab.clock.quiet();

    expect((await client.read({ topic: 'doc.results' })).items).toHaveLength(2);
    expect(await failure(client.plan({ action: 'replay', agent: 'worker' } as never))).toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    expect(await failure(client.runPlan('none' as PlanId))).toMatchObject({ code: 'NOT_FOUND' });
  });

  test('knows whether the server is ready, without an error if it is not', async () => {
    await using lab = new HttpLab({ dependencies: { mail: () => Promise.reject(new Error('down')) } });
    const { client } = clientOf(lab);

    expect(await client.health()).toMatchObject({ status: 'not ready', dependencies: { backend: { status: 'up' } } });
  });
});

describe('the way to the server', () => {
  test('carries the token', async () => {
    await using lab = new HttpLab({ authenticate: bearerToken('a-long-secret-of-mine') });

    expect(await clientOf(lab, { token: 'a-long-secret-of-mine' }).client.topics()).toEqual([]);
    expect(await failure(clientOf(lab).client.topics())).toMatchObject({ code: 'UNAUTHENTICATED', status: 401 });
  });

  test('waits when the server says that it is asked too often', async () => {
    const authenticate = bearerToken('a-long-secret-of-mine');
    await using lab = new HttpLab({ authenticate, rateLimit: { perSecond: 1, burst: 1 } });
    const { client, requests } = clientOf(lab, { token: 'a-long-secret-of-mine' });

    await client.topics();
    await lab.clock.runUntil(client.topics());

    expect(requests).toHaveLength(3);
  });

  test('does not wait for ever', async () => {
    const clock = new VirtualClock();
    let asked = 0;
    const fetch = async () => {
      asked++;
      return Response.json(
        { code: 'RATE_LIMITED', detail: 'no', retryable: true },
        { status: 429, headers: { 'retry-after': '2' } },
      );
    };

    const error = await failure(clock.runUntil(createClient({ url: 'http://x', fetch, clock }).topics()));

    expect(error).toMatchObject({ code: 'RATE_LIMITED', status: 429, retryable: true });
    expect(asked).toBe(11);
  });

  test('may be blocked: then it says where it wanted to go, and why it failed', async () => {
    const error = await failure(createClient({ url: 'http://127.0.0.1:1' }).topics());

    expect(error).toBeInstanceOf(UnreachableError);
    expect(error.message).toMatch(/^cannot reach http:\/\/127\.0\.0\.1:1 \(ECONNREFUSED|^cannot reach .*bad port/);
  });

  test('has a limit in time', async () => {
    const clock = new VirtualClock();
    const fetch: ClientOptions['fetch'] = (_, init) =>
      new Promise((_resolve, reject) => init?.signal?.addEventListener('abort', () => reject(init.signal?.reason)));

    const error = await failure(
      clock.runUntil(createClient({ url: 'http://x', fetch, clock, timeoutMs: 5_000 }).topics()),
    );

    expect(error).toMatchObject({ code: 'UNREACHABLE', message: 'http://x gave no answer within 5000 ms' });
  });

  test.each([
    [502, '<html>', 'HTTP_502', true],
    [404, '{"message":"no"}', 'HTTP_404', false],
    [500, '', 'HTTP_500', true],
  ])('may lead to something else, which answers %i %s', async (status, body, code, retryable) => {
    const client = createClient({ url: 'http://x', fetch: async () => new Response(body, { status }) });

    expect(await failure(client.topics())).toMatchObject({ code, retryable, status, faults: [] });
  });

  test.each([
    [403, 'Forbidden', 'signed requests, or a token'],
    [413, 'Request Too Long', 'no body of that size'],
    [404, 'Not Found', 'see whether the URL'],
  ])('may be of the gateway before a deployed API: %i', async (status, message, advice) => {
    const client = createClient({ url: 'http://x', fetch: async () => Response.json({ message }, { status }) });

    const error = await failure(client.topics());

    expect(error).toMatchObject({ code: `HTTP_${status}`, message: expect.stringContaining(advice) });
  });

  test('may break in the middle of an answer', async () => {
    const client = createClient({ url: 'http://x', fetch: async () => new Response('{"items":[') });

    expect(await failure(client.topics())).toMatchObject({ code: 'UNREACHABLE' });
  });
});

test('options are all looked at, and no secret is shown', () => {
  const wrong = {
    url: 'http://ada:tuna@x/?q',
    namespace: 'a b',
    token: 'a secret tuna',
    timeoutMs: -1,
    lingerMs: 0.5,
    idleMs: 'x',
  };
  try {
    createClient(wrong as unknown as ClientOptions);
    expect.unreachable();
  } catch (error) {
    const { message, faults } = error as ProblemError;
    expect(faults.map(({ field }) => field)).toEqual(['url', 'namespace', 'token', 'timeoutMs', 'lingerMs', 'idleMs']);
    expect(message).not.toMatch(/tuna/);
  }
  expect(() => createClient({ url: 'http://ada:tuna@x' })).toThrow(/holds credentials/);
  expect(() => createClient(undefined as unknown as ClientOptions)).toThrow(/options/);
});

test('a payload is what its format makes of it, also without a type', async () => {
  await using lab = new HttpLab();
  const { client } = clientOf(lab, { clock: systemClock });

  const id = await client.publish('a', Result, { text: 'x' });

  expect((await client.get([{ topic: 'a', id }]))[0]).toMatchObject({ format: 'doc.result', payload: { text: 'x' } });
});
