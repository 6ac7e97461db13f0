import { genericJson, systemClock } from 'guildwire';
import { type Client, type ClientOptions, createClient, ProblemError, UploadFailedError } from 'guildwire/client';
import { bearerToken } from 'guildwire/http';
import { VirtualClock } from 'guildwire/testing';
import { expect, test } from 'vitest';
import { weightOf } from '../../lib/http/client/weight.ts';
import { HttpLab, NS } from './lab.ts';
import { UploadLab } from './upload-lab.ts';

const MB = 1_024 * 1_024;
const TOKEN = 'a-secret-of-sixteen-and-more';
const large = (mark: string) => mark.padEnd(5 * MB, 'x');
/** What a function takes, as AWS counts it, with all that an API says around the body. */
const weightInEvent = (body: string) => Buffer.byteLength(JSON.stringify({ body }));

class ClientLab extends HttpLab {
  readonly store: UploadLab;
  readonly client: Client;
  /** Path and weight of every request. */
  readonly requests: { readonly path: string; readonly weight: number }[] = [];

  constructor(options: { readonly hasStore?: boolean; readonly client?: Partial<ClientOptions> } = {}) {
    const store = new UploadLab();
    super({ ...(options.hasStore !== false && { wrap: store.wrap }), authenticate: bearerToken(TOKEN) });
    this.store = store;
    const send: typeof fetch = async (input, init) => {
      const { pathname: path } = new URL(String(input));
      this.requests.push({ path, weight: weightInEvent(String(init?.body ?? '')) });
      return this.app.fetch(new Request(input, init));
    };
    const clock = systemClock;
    const url = 'http://localhost:4100';
    const fetches = { fetch: send, uploadFetch: store.fetch };
    this.client = createClient({
      url,
      token: TOKEN,
      lingerMs: 0,
      clock,
      random: () => 0,
      ...fetches,
      ...options.client,
    });
  }

  get paths(): readonly string[] {
    return this.requests.map(({ path }) => path.slice(NS.length));
  }

  /** The first characters of what is stored. */
  async stored(): Promise<readonly string[]> {
    const { items } = await this.client.read({ topic: 'a' });
    return items.map(({ payload }) => String(payload).slice(0, 3));
  }
}

test('a payload of more than 4 MB is uploaded, and named; the store sees no token', async () => {
  await using lab = new ClientLab();

  const id = await lab.client.publish('a', genericJson, large('one'), { key: 'k' });
  const [message] = await lab.client.get([{ topic: 'a', id }]);

  expect(lab.paths.slice(0, 2)).toEqual(['/attachments', '/topics/a/messages']);
  expect(lab.requests.every(({ weight }) => weight < 1_000)).toBe(true);
  expect(message?.payload === large('one')).toBe(true);
  expect(message?.key).toBe('k');
  expect(lab.store.requests.map(({ init: { method, headers } }) => [method, headers])).toEqual([
    ['PUT', { 'x-digest': expect.any(String) }],
  ]);
});

test('a smaller one travels in its message', async () => {
  await using lab = new ClientLab();

  await lab.client.publish('a', genericJson, 'x'.repeat(4 * MB - 1_000));

  expect(lab.paths).toEqual(['/topics/a/messages']);
  expect(lab.store.requests).toEqual([]);
});

test('no request is heavier than a function takes, whatever characters are in it', async () => {
  await using lab = new ClientLab();
  const payloads = ['"'.repeat(1.5 * MB), '語'.repeat(1.5 * MB), '\\'.repeat(0.6 * MB), 'é'.repeat(1.9 * MB)];

  const entries = payloads.flatMap((payload) => [payload, payload]);
  const outcomes = await lab.client.publishMany(
    entries.map((payload) => ({ topics: 'a', format: genericJson, payload })),
  );
  const many = Array.from({ length: 300 }, () => ({ topics: 'b', format: genericJson, payload: '"'.repeat(8_000) }));
  await lab.client.publishMany(many);

  expect(outcomes.every(({ ok }) => ok)).toBe(true);
  expect(Math.max(...lab.requests.map(({ weight }) => weight))).toBeLessThan(4.1 * MB);
  const { items } = await lab.client.read({ topic: 'a' });
  expect(items.map(({ payload }) => payload)).toEqual(entries);
});

test('what a text is said to weigh is never less than what it does', () => {
  for (const text of ['', 'a', '"\\"', 'é語', '😀', 'x'.repeat(9_000), '"'.repeat(9_000), '語'.repeat(3_000)])
    expect(weightOf(text)).toBeGreaterThanOrEqual(Buffer.byteLength(JSON.stringify(text)) - 2);
});

test('messages of one topic stay in their order, though one of them has to be uploaded', async () => {
  await using lab = new ClientLab();

  const payloads = ['one', large('two'), 'three', large('four'), 'five'];
  const publishing = payloads.map((payload) => lab.client.publishMany([{ topics: 'a', format: genericJson, payload }]));
  await Promise.all(publishing);

  expect(await lab.stored()).toEqual(['one', 'two', 'thr', 'fou', 'fiv']);
});

test('where the server has no place for it, it travels in its message', async () => {
  await using lab = new ClientLab({ hasStore: false });

  await lab.client.publish('a', genericJson, large('one'));

  expect(lab.paths).toEqual(['/attachments', '/topics/a/messages']);
  expect(await lab.stored()).toEqual(['one']);
});

test('one that is larger than any message is refused by the server, and not uploaded', async () => {
  await using lab = new ClientLab();

  const publishing = lab.client.publish('a', genericJson, 'x'.repeat(25 * MB));

  await expect(publishing).rejects.toBeInstanceOf(ProblemError);
  await expect(publishing).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE', status: 413 });
  expect(lab.store.requests).toEqual([]);
});

test('a store that fails, throttles or breaks off is tried again', async () => {
  await using lab = new ClientLab();
  lab.store.failures.push(503, new TypeError('fetch failed'));

  await lab.client.publish('a', genericJson, large('one'));

  expect(lab.store.requests).toHaveLength(3);
  expect(await lab.stored()).toEqual(['one']);
});

test.each<[string, (number | Error)[], boolean, RegExp]>([
  ['fails', [500, 500, 500], true, /store\.example answered 500/],
  ['cannot be reached', [new TypeError('x'), new TypeError('x'), new TypeError('x')], true, /gave no answer/],
  ['says that it was too late', [403, 403, 403], true, /answered 403/],
  ['is not there', [404], false, /answered 404/],
])('if the store %s nothing is published, and the error tells no secret', async (_, failures, retryable, text) => {
  await using lab = new ClientLab();
  lab.store.failures.push(...failures);

  const error = await lab.client.publish('a', genericJson, large('one')).then(
    () => undefined,
    (thrown: unknown) => thrown as UploadFailedError,
  );

  expect(error).toBeInstanceOf(UploadFailedError);
  expect(error).toMatchObject({ code: 'UPLOAD_FAILED', retryable, message: expect.stringMatching(text) });
  expect(error?.message).not.toContain('signature');
  expect(new Set(lab.paths)).toEqual(new Set(['/attachments']));
});

test('each try is at a place of its own, since the one before may have expired', async () => {
  await using lab = new ClientLab();
  lab.store.failures.push(403);

  await lab.client.publish('a', genericJson, large('one'));

  expect(lab.paths.filter((path) => path === '/attachments')).toHaveLength(2);
  expect(await lab.stored()).toEqual(['one']);
});

test('a failed upload keeps no other message of a batch back', async () => {
  await using lab = new ClientLab();
  lab.store.failures.push(404);

  const outcomes = await lab.client.publishMany(
    ['one', large('two'), 'three'].map((payload) => ({ topics: 'a', format: genericJson, payload })),
  );

  expect(outcomes.map(({ ok }) => ok)).toEqual([true, false, true]);
  expect(await lab.stored()).toEqual(['one', 'thr']);
});

test('a store that does not answer is given up after its time, which is longer for what is larger', async () => {
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  const never: typeof fetch = (_, init) => {
    resolve();
    return new Promise((__, reject) => init?.signal?.addEventListener('abort', () => reject(init.signal?.reason)));
  };
  const clock = new VirtualClock();
  await using lab = new ClientLab({ client: { uploadFetch: never, timeoutMs: 1_000, clock } });
  const startedAt = clock.now();

  const failed = lab.client.publish('a', genericJson, large('one')).catch((error: unknown) => error);
  await asked;

  expect(await clock.runUntil(failed)).toMatchObject({ code: 'UPLOAD_FAILED', retryable: true });
  expect(clock.now() - startedAt).toBeGreaterThan(3 * 50_000);
  expect(new Set(lab.paths)).toEqual(new Set(['/attachments']));
});
