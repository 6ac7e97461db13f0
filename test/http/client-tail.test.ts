import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { genericJson, MemoryBackend, type Message, openBus } from 'guildwire';
import { type Client, createClient, ProblemError } from 'guildwire/client';
import { createHttpApp, type HttpAppOptions } from 'guildwire/http';
import { type HttpServer, serveHttp } from 'guildwire/node';
import { seededRandom, VirtualClock } from 'guildwire/testing';
import { describe, expect, test } from 'vitest';

/** A backend, a server on it that can be killed and started again at the same port, and a bus beside it. */
class Site implements AsyncDisposable {
  readonly backend = new MemoryBackend();
  readonly bus = openBus(this.backend, { sender: 'user:test' });
  readonly client: Client;
  #server: HttpServer;
  readonly #options: Partial<HttpAppOptions>;
  readonly #heard = Promise.withResolvers<void>();
  /** Resolves when the client has something from a server. */
  readonly heard = this.#heard.promise;

  private constructor(server: HttpServer, options: Partial<HttpAppOptions>) {
    this.#server = server;
    this.#options = options;
    this.client = createClient({
      url: server.url,
      random: seededRandom(1),
      fetch: (...asked) => this.#fetch(...asked),
    });
  }

  static async open(options: Partial<HttpAppOptions> = {}): Promise<Site> {
    const site = new Site(await serveHttp(createHttpApp({ backend: new MemoryBackend() }), { port: 0 }), options);
    await site.kill();
    await site.start();
    return site;
  }

  async start(): Promise<void> {
    const app = createHttpApp({ backend: this.backend, ...this.#options });
    this.#server = await serveHttp(app, { port: this.#server.port });
  }

  /** Cuts every connection, as when the process is killed. */
  kill(): Promise<void> {
    return this.#server.close(0);
  }

  async #fetch(...asked: Parameters<typeof fetch>): Promise<Response> {
    const response = await fetch(...asked);
    const listened = new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, controller) => {
        controller.enqueue(chunk);
        this.#heard.resolve();
      },
    });
    return new Response(response.body?.pipeThrough(listened) ?? null, response);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.close(0);
    await this.backend[Symbol.asyncDispose]();
  }
}

const seen = (message: Message) => `${message.topic} ${JSON.stringify(message.payload)}`;

describe('a tail over a server that is killed and started again', () => {
  test('shows each message once, and in order', async () => {
    const ROUNDS = 6;
    const EACH = 100;
    await using site = await Site.open();
    const random = seededRandom(42);
    const shown: string[] = [];
    const states: string[] = [];
    let reached = Promise.withResolvers<void>();
    let goal = Number.POSITIVE_INFINITY;
    const untilShown = (count: number) => {
      reached = Promise.withResolvers<void>();
      goal = count;
      if (shown.length >= goal) reached.resolve();
      return reached.promise;
    };
    const stop = new AbortController();
    const onConnection = (state: string) => void states.push(state);
    const tailed = (async () => {
      for await (const message of site.client.tail(
        { pattern: '**', since: 0 },
        { signal: stop.signal, onConnection },
      )) {
        shown.push(seen(message));
        if (shown.length >= goal) reached.resolve();
      }
    })();

    const published: string[] = [];
    const publish = async (count: number) => {
      for (let n = 0; n < count; n++) {
        const topics = published.length % 7 === 0 ? (['a', 'b', 'c'] as const) : 'a';
        await site.bus.publish(topics, genericJson, published.length);
        const payload = published.length;
        published.push(...[topics].flat().map((topic) => `${topic} ${payload}`));
      }
    };
    for (let round = 0; round < ROUNDS; round++) {
      const before = Math.floor(random() * EACH);
      await publish(before);
      // Somewhere in the middle of what is on its way.
      if (published.length > 0)
        await untilShown(shown.length + Math.floor(random() * (published.length - shown.length)));
      await site.kill();
      await publish(EACH - before);
      await site.start();
    }
    await untilShown(published.length);
    await site.bus.publish('end', genericJson, 'end');
    await untilShown(published.length + 1);
    stop.abort();
    await tailed;

    expect(shown).toEqual([...published, 'end "end"']);
    expect(states.length).toBeGreaterThanOrEqual(2);
    expect(states).toEqual(states.map((_, index) => (index % 2 === 0 ? 'lost' : 'back')));
  });

  test('misses nothing that came before its first message', async () => {
    await using site = await Site.open();
    const lost = Promise.withResolvers<void>();
    const tail = site.client.tail({ topic: 'a' }, { onConnection: (state) => state === 'lost' && lost.resolve() });
    const first = tail.next();
    await site.heard;
    await site.kill();
    await lost.promise;
    await site.bus.publish('a', genericJson, 'meanwhile');
    await site.start();

    expect((await first).value).toMatchObject({ payload: 'meanwhile' });
    await tail.return();
  });
});

/** A server that says what the test wants it to say. */
async function scripted(answers: readonly ((last: string | undefined) => string | number)[]) {
  const asked: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    const last = request.headers['last-event-id'] as string | undefined;
    asked.push(last);
    const answer = answers[asked.length - 1]?.(last) ?? 500;
    if (typeof answer === 'number') response.writeHead(answer).end();
    else response.writeHead(200, { 'content-type': 'text/event-stream' }).end(answer);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = createClient({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, random: () => 0 });
  return { client, asked, [Symbol.asyncDispose]: async () => void server.close().closeAllConnections() };
}

const event = (id: string, payload: unknown) => `id: ${id}\ndata: ${JSON.stringify({ payload })}\n\n`;

describe('a tail', () => {
  test('goes on behind the last message, and shows none again that a server repeats', async () => {
    await using server = await scripted([
      () => `retry: 1\nid: start\n\n${event('a/1', 1)}${event('a/2', 2)}`,
      () => `${event('a/1', 1)}${event('a/2', 2)}${event('a/3', 3)}data: {"payl`,
      () => event('a/4', 4),
    ]);
    const payloads: unknown[] = [];
    for await (const { payload } of server.client.tail({ topic: 'a' })) {
      payloads.push(payload);
      if (payloads.length === 4) break;
    }

    expect(payloads).toEqual([1, 2, 3, 4]);
    expect(server.asked).toEqual([undefined, 'a/2', 'a/3']);
  });

  test('goes on where it began, if nothing came yet', async () => {
    await using server = await scripted([() => 'retry: 1\nid: 00000000000000000000000000\n\n', () => event('a/1', 1)]);
    const tail = server.client.tail({ topic: 'a' });

    expect((await tail.next()).value).toEqual({ payload: 1 });
    expect(server.asked).toEqual([undefined, '00000000000000000000000000']);
    await tail.return();
  });

  test('outlives a server that fails for a while', async () => {
    await using server = await scripted([() => event('a/1', 1), () => 503, () => 502, () => event('a/2', 2)]);
    const tail = server.client.tail({ topic: 'a' });

    expect((await tail.next()).value).toEqual({ payload: 1 });
    expect((await tail.next()).value).toEqual({ payload: 2 });
    await tail.return();
  });

  test('ends with the error of a server that will not have it any more', async () => {
    await using server = await scripted([() => event('a/1', 1), () => 403]);
    const tail = server.client.tail({ topic: 'a' });
    await tail.next();

    await expect(tail.next()).rejects.toMatchObject({ code: 'HTTP_403', retryable: false });
  });

  test('ends with a problem that no repetition can mend, and repeats after one that it can', async () => {
    const problem = (code: string, retryable: boolean) =>
      `event: problem\ndata: ${JSON.stringify({ code, retryable, detail: code, status: 500, title: '', type: '' })}\n\n`;
    await using server = await scripted([
      () => event('a/1', 1) + problem('BACKEND_UNAVAILABLE', true),
      () => event('a/2', 2) + problem('INTERNAL', false),
    ]);
    const tail = server.client.tail({ topic: 'a' });

    expect((await tail.next()).value).toEqual({ payload: 1 });
    expect((await tail.next()).value).toEqual({ payload: 2 });
    const error: unknown = await tail.next().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ProblemError);
    expect(error).toMatchObject({ code: 'INTERNAL' });
  });

  test('fails at once if its first connection does', async () => {
    const client = createClient({ url: 'http://127.0.0.1:9' });

    await expect(client.tail({ topic: 'a' }).next()).rejects.toMatchObject({ code: 'UNREACHABLE' });
  });

  test('does not take a page of something else for a stream', async () => {
    const client = createClient({ url: 'http://x', fetch: async () => new Response('<html>') });

    await expect(client.tail({ topic: 'a' }).next()).rejects.toMatchObject({ code: 'HTTP_200', retryable: false });
  });

  test('refuses what a server does not follow', () => {
    const client = createClient({ url: 'http://127.0.0.1:9' });

    expect(() => client.tail({ topic: 'a', pattern: 'b' })).toThrow(/exactly one/);
    expect(() => client.tail({ deadLettersOf: 'a' })).toThrow(/\$dead\.a/);
  });

  test('ends when it is aborted, also while it waits to come back', async () => {
    await using server = await scripted([() => event('a/1', 1)]);
    const stop = new AbortController();
    const onConnection = () => stop.abort();
    const tail = server.client.tail({ topic: 'a' }, { signal: stop.signal, onConnection });
    await tail.next();

    expect(await tail.next()).toEqual({ done: true, value: undefined });
    const never = server.client.tail({ topic: 'a' }, { signal: AbortSignal.abort() });
    expect(await never.next()).toEqual({ done: true, value: undefined });
  });

  test('gives a connection up that shows no sign of life', async () => {
    const clock = new VirtualClock();
    const streams: AbortSignal[] = [];
    const fetch = async (_: unknown, init: RequestInit = {}) => {
      const { signal } = init;
      if (signal) streams.push(signal);
      const isFirst = streams.length === 1;
      const body = new ReadableStream<Uint8Array>({
        start: (controller) => {
          controller.enqueue(new TextEncoder().encode(event(`a/${streams.length}`, streams.length)));
          if (isFirst) signal?.addEventListener('abort', () => controller.error(signal.reason));
        },
      });
      return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
    };
    const client = createClient({
      url: 'http://x',
      fetch: fetch as typeof globalThis.fetch,
      clock,
      idleMs: 1_000,
      random: () => 0,
    });
    const tail = client.tail({ topic: 'a' });

    expect((await tail.next()).value).toEqual({ payload: 1 });
    expect((await clock.runUntil(tail.next())).value).toEqual({ payload: 2 });
    expect(streams[0]?.aborted).toBe(true);
    await tail.return();
    expect(streams[1]?.aborted).toBe(true);
  });
});
