import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { genericJson, MemoryBackend, openBus, silentLog } from 'guildwire';
import { bearerToken, createHttpApp, type HttpAppOptions } from 'guildwire/http';
import { type HttpServer, OpenAccessError, type ServeOptions, serveHttp } from 'guildwire/node';
import { afterEach, describe, expect, test } from 'vitest';
import { RecordedLog } from '../guild/lab.ts';
import { EventReader } from '../http/lab.ts';

const BASE = '/v1/namespaces/default';
const opened: AsyncDisposable[] = [];
afterEach(async () => {
  for (const each of opened.splice(0).toReversed()) await each[Symbol.asyncDispose]();
});

async function serve(options: Partial<HttpAppOptions & ServeOptions> = {}) {
  const { port = 0, host, requestTimeoutMs, keepAliveMs, ...rest } = options;
  const backend = new MemoryBackend();
  const log = new RecordedLog();
  const app = createHttpApp({ backend, log, ...rest });
  const server: HttpServer = await serveHttp(app, {
    port,
    ...(host !== undefined && { host }),
    ...(requestTimeoutMs !== undefined && { requestTimeoutMs }),
    ...(keepAliveMs !== undefined && { keepAliveMs }),
  });
  opened.push(backend, { [Symbol.asyncDispose]: () => server.close(0) });
  return { app, server, log, backend, bus: openBus(backend, { sender: 'user:test' }) };
}

/** What a client says byte by byte, and all that it hears until the connection ends. */
async function raw(
  server: HttpServer,
  text: string,
): Promise<{ readonly socket: Socket; readonly heard: Promise<string> }> {
  const socket = connect(server.port, server.host);
  await once(socket, 'connect');
  const pieces: string[] = [];
  socket.setEncoding('latin1').on('data', (piece: string) => pieces.push(piece));
  socket.on('error', () => {});
  const heard = once(socket, 'close').then(() => pieces.join(''));
  socket.write(text);
  return { socket, heard };
}

describe('the server', () => {
  test('listens where it is told, and says where that is', async () => {
    const { server } = await serve();
    const other = await serve({ host: 'localhost' });

    expect(server.url).toBe(`http://127.0.0.1:${server.port}`);
    expect(other.server.url).toBe(`http://localhost:${other.server.port}`);
    expect((await fetch(`${server.url}/health/live`)).status).toBe(200);
    expect((await fetch(`${other.server.url}/health/live`)).status).toBe(200);
  });

  test('serves publishing and history', async () => {
    const { server } = await serve();
    const path = `${server.url}${BASE}/topics/doc.a/messages`;
    const body = JSON.stringify({ payload: { text: 'ü\ufffd' } });
    const published = await fetch(path, { method: 'POST', body, headers: { 'content-type': 'application/json' } });
    const { items } = (await (await fetch(path)).json()) as { items: { payload: unknown }[] };

    expect(published.status).toBe(202);
    expect(items).toMatchObject([{ payload: { text: 'ü\ufffd' } }]);
  });

  test('says which port is in use', async () => {
    const { server } = await serve();

    await expect(serve({ port: server.port })).rejects.toMatchObject({
      code: 'LISTEN_FAILED',
      message: `cannot listen on 127.0.0.1:${server.port}: it is in use: choose another port, or 0 for any`,
    });
  });

  test('says everything that is wrong with its options', async () => {
    const wrong = { port: 70_000, host: '', requestTimeoutMs: 0, keepAliveMs: 1.5 };

    await expect(serveHttp({} as never, wrong)).rejects.toMatchObject({
      faults: ['app', 'port', 'host', 'requestTimeoutMs', 'keepAliveMs'].map((field) => ({ field })),
    });
  });
});

describe('over the network', () => {
  test.each(['0.0.0.0', '::', '192.0.2.1', 'example.test'])(
    'an open app is not served on %s, and it is said why',
    async (host) => {
      const error: unknown = await serve({ host }).catch((thrown: unknown) => thrown);

      expect(error).toBeInstanceOf(OpenAccessError);
      expect(error).toMatchObject({ code: 'OPEN_ACCESS', retryable: false });
      expect(String(error)).toMatch(/without `authenticate` anybody who reaches it may read, publish and operate/);
    },
  );

  test('one that knows its callers is', async () => {
    const authenticate = bearerToken('a-long-secret-of-mine');
    const { server } = await serve({ host: '0.0.0.0', authenticate });
    const ask = (headers: Readonly<Record<string, string>>) =>
      fetch(`http://127.0.0.1:${server.port}${BASE}/topics`, { headers });

    expect((await ask({})).status).toBe(401);
    expect((await ask({ authorization: 'Bearer a-long-secret-of-mine' })).status).toBe(200);
  });
});

describe('what is no request', () => {
  test.each([
    ['a host that is none', 'GET /health/live HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n'],
    ['a path that is none', 'GET /\\x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'],
  ])('such as %s is a problem as well', async (_, request) => {
    const { server } = await serve();
    const { heard } = await raw(server, request);
    const text = await heard;

    expect(text).toMatch(/^HTTP\/1\.1 400 /);
    expect(text).toMatch(/application\/problem\+json/);
    expect(text).toMatch(/MALFORMED_REQUEST/);
  });

  test('is refused if it is no HTTP at all', async () => {
    const { server } = await serve();
    const { heard } = await raw(server, 'hello\r\n\r\n');

    expect(await heard).toMatch(/^HTTP\/1\.1 400 /);
  });
});

describe('limits', () => {
  const head = (...lines: readonly string[]) =>
    [
      `POST ${BASE}/topics/a/messages HTTP/1.1`,
      'Host: localhost',
      'Content-Type: application/json',
      ...lines,
      '',
      '',
    ].join('\r\n');

  test('a body that says that it is too large is refused before it comes', async () => {
    const { server } = await serve({ maxBodyBytes: 1_000 });
    const { heard } = await raw(server, head('Content-Length: 1000000', 'Connection: close'));

    expect(await heard).toMatch(/^HTTP\/1\.1 413 [\s\S]*BODY_TOO_LARGE/);
  });

  test('a body that does not say its length is refused once it is too large', async () => {
    const { server } = await serve({ maxBodyBytes: 1_000 });
    const chunk = `400\r\n${'x'.repeat(1_024)}\r\n`;
    const { heard } = await raw(server, head('Transfer-Encoding: chunked', 'Connection: close') + chunk + chunk);

    expect(await heard).toMatch(/^HTTP\/1\.1 413 [\s\S]*BODY_TOO_LARGE/);
  });

  test('a request that does not come to its end is given up', async () => {
    const { server } = await serve({ requestTimeoutMs: 50 });
    const slow = await raw(server, head('Content-Length: 100'));
    const silent = await raw(server, 'GET /health/live HTTP/1.1\r\n');

    expect(await slow.heard).toMatch(/^HTTP\/1\.1 408 /);
    expect(await silent.heard).toMatch(/^HTTP\/1\.1 408 /);
  });

  test('a request that breaks off does no harm', async () => {
    const { server, log } = await serve();
    const { socket, heard } = await raw(server, `${head('Content-Length: 100')}{"payload":`);
    socket.destroy();
    await heard;

    expect((await fetch(`${server.url}/health/live`)).status).toBe(200);
    expect(log.texts).toEqual([]);
  });
});

describe('streams', () => {
  test('come over the socket as they are stored', async () => {
    const { server, bus } = await serve();
    const response = await fetch(`${server.url}${BASE}/stream?topic=doc.*`);
    const reader = new EventReader(response);
    await reader.next();

    await bus.publish('doc.a', genericJson, 'x');
    const [first] = await reader.messages(1);

    expect(response.headers.get('content-type')).toBe('text/event-stream');
    expect(first?.message.payload).toBe('x');
    await reader.cancel();
  });

  test('end when the client goes', async () => {
    const { app, server } = await serve();
    const stop = new AbortController();
    const reader = new EventReader(await fetch(`${server.url}${BASE}/stream?topic=a`, { signal: stop.signal }));
    await reader.next();
    expect(app.openStreams).toBe(1);

    stop.abort();
    // The app closes when its last stream has ended.
    await app.close();

    expect(app.openStreams).toBe(0);
  });

  test('of a client that takes nothing are cut', async () => {
    const dropped = Promise.withResolvers<void>();
    const log = { ...silentLog, warn: () => dropped.resolve() };
    const { app, server, bus } = await serve({ streams: { stallMs: 30 }, log });
    const socket = connect(server.port, server.host);
    await once(socket, 'connect');
    socket.pause();
    socket.write(`GET ${BASE}/stream?topic=a&since=2020-01-01T00:00:00Z HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    const closed = once(socket, 'close');
    socket.on('error', () => {});
    // More than the buffers of both sides hold.
    const payload = 'x'.repeat(1024 * 1024);
    for (let n = 0; n < 40; n++) await bus.publish('a', genericJson, payload);
    await dropped.promise;
    socket.resume();
    await closed;

    expect(app.openStreams).toBe(0);
  });
});

describe('closing', () => {
  test('ends streams, and then connections', async () => {
    const { app, server } = await serve();
    const reader = new EventReader(await fetch(`${server.url}${BASE}/stream?topic=a`));
    await reader.next();

    const closed = server.close();

    expect(await reader.next()).toBeUndefined();
    await closed;
    expect(app.openStreams).toBe(0);
    await expect(fetch(`${server.url}/health/live`)).rejects.toThrow();
  });

  test('lets a request finish that is under way', async () => {
    const asked = Promise.withResolvers<void>();
    const answered = Promise.withResolvers<void>();
    const wait = async () => {
      asked.resolve();
      await answered.promise;
    };
    const { server } = await serve({ dependencies: { wait } });
    const response = fetch(`${server.url}/health/ready`);
    await asked.promise;

    const closed = server.close();
    answered.resolve();

    expect((await response).status).toBe(503);
    expect(await (await response).json()).toMatchObject({ status: 'closing' });
    await closed;
  });

  test('cuts what does not finish by the deadline', async () => {
    const asked = Promise.withResolvers<void>();
    const wait = () => {
      asked.resolve();
      return new Promise(() => {});
    };
    const { server } = await serve({ dependencies: { wait } });
    const failed = fetch(`${server.url}/health/ready`).catch((error: unknown) => error);
    await asked.promise;

    await server.close(10);

    expect(await failed).toBeInstanceOf(TypeError);
  });

  test('may be asked for twice, and be hurried', async () => {
    const asked = Promise.withResolvers<void>();
    const wait = () => {
      asked.resolve();
      return new Promise(() => {});
    };
    const { server } = await serve({ dependencies: { wait } });
    const failed = fetch(`${server.url}/health/ready`).catch((error: unknown) => error);
    await asked.promise;

    const slowly = server.close(60_000);
    await Promise.all([slowly, server.close(0)]);

    expect(await failed).toBeInstanceOf(TypeError);
  });

  test('frees the port', async () => {
    const { server } = await serve();
    await server.close();
    const again = await serve({ port: server.port });

    expect((await fetch(`${again.server.url}/health/live`)).status).toBe(200);
  });
});
