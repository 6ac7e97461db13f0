/** @module Serves the HTTP API from a process of Node. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener, type HttpBindings } from '@hono/node-server';
import { type FieldFault, GuildwireError, InvalidArgumentError } from '../../core/errors.ts';
import { show } from '../../core/show.ts';
import { isLoopback } from '../../http/cors.ts';
import type { Host, HttpApp } from '../../http/http-app.ts';
import { MalformedRequestError } from '../../http/http-errors.ts';
import { PROBLEM_TYPE, toProblem } from '../../http/problems.ts';

export interface ServeOptions {
  /** 0 for any that is free. @default 4100 */
  readonly port?: number;
  /** The address to listen on. @default '127.0.0.1' */
  readonly host?: string;
  /** How long a request may take to arrive, its head and its body. @default 30,000 */
  readonly requestTimeoutMs?: number;
  /** How long a connection may be idle between two requests. @default 65,000 */
  readonly keepAliveMs?: number;
}

export interface HttpServer extends AsyncDisposable {
  /** Without a slash at the end. */
  readonly url: string;
  readonly port: number;
  readonly host: string;
  /**
   * Takes no new connections, ends the streams, lets running requests finish for up to `deadlineMs`, and cuts the rest. The app
   * is closed with it, the backend is not.
   *
   * @param deadlineMs @default 10,000
   */
  close(deadlineMs?: number): Promise<void>;
}

/** The server would let anybody on the network do everything. */
export class OpenAccessError extends GuildwireError {
  readonly code = 'OPEN_ACCESS';
  readonly retryable = false;

  constructor(host: string) {
    super(
      `refuses to listen on ${show(host)}: without \`authenticate\` anybody who reaches it may read, publish and operate; pass bearerToken(…) to createHttpApp, or listen on 127.0.0.1`,
    );
  }
}

/** The port is taken, or the address is not this machine's. */
export class ListenError extends GuildwireError {
  readonly code = 'LISTEN_FAILED';
  readonly retryable = false;
}

const defaults = { port: 4_100, host: '127.0.0.1', requestTimeoutMs: 30_000, keepAliveMs: 65_000 } as const;
const CLOSE_MS = 10_000;
/** How often connections are looked at while the server closes. */
const SWEEP_MS = 20;
/** How often connections are looked at that are too slow; Node's own default is 30 s. */
const CHECK_MS = 5_000;
const LOOPBACK_ADDRESS = /^(?:127\.|::1$|::ffff:127\.)/;

/**
 * The app, served until it is closed; resolves when it listens.
 *
 * @throws OpenAccessError for an app without `authenticate` on an address that others can reach.
 * @throws InvalidArgumentError with every fault; ListenError.
 * @example
 * await using server = await serveHttp(createHttpApp({ backend }), { port: 0 });
 * const answer = await fetch(`${server.url}/health/ready`);
 */
export async function serveHttp(app: HttpApp, options: ServeOptions = {}): Promise<HttpServer> {
  const faults = optionFaults(app, options);
  if (faults.length > 0) throw new InvalidArgumentError(faults);
  const { port, host, requestTimeoutMs, keepAliveMs } = { ...defaults, ...options };
  if (app.isOpen && !isLoopback(host) && !LOOPBACK_ADDRESS.test(host)) throw new OpenAccessError(host);
  const server = createServer(
    {
      requestTimeout: requestTimeoutMs,
      headersTimeout: requestTimeoutMs,
      keepAliveTimeout: keepAliveMs,
      connectionsCheckingInterval: Math.min(CHECK_MS, requestTimeoutMs),
    },
    listenerFor(app),
  );
  const address = await listen(server, port, host);
  // A name such as "localhost" may have been given any address.
  if (app.isOpen && !LOOPBACK_ADDRESS.test(address.address)) {
    server.close();
    throw new OpenAccessError(`${host} (${address.address})`);
  }
  const shown = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  const close = closerOf(server, app);
  return {
    url: `http://${isLoopback(host) ? host : shown}:${address.port}`,
    port: address.port,
    host: address.address,
    close,
    [Symbol.asyncDispose]: () => close(),
  };
}

function listenerFor(app: HttpApp) {
  return getRequestListener((request, env) => app.fetch(request, new NodeHost(env as HttpBindings)), {
    errorHandler: refuse,
  });
}

class NodeHost implements Host {
  readonly #bindings: HttpBindings;

  constructor(bindings: HttpBindings) {
    this.#bindings = bindings;
  }

  readonly drop = (): void => void this.#bindings.outgoing.destroy();

  /** Node joins what comes twice, as `Headers` do. */
  readonly header = (name: string): string | undefined => {
    const value = this.#bindings.incoming.headers[name];
    return typeof value === 'string' ? value : value?.join(', ');
  };
}

/** What no app gets to see: a request whose target or host is none. */
function refuse(): Response {
  const problem = toProblem(new MalformedRequestError());
  return new Response(JSON.stringify(problem), { status: problem.status, headers: { 'content-type': PROBLEM_TYPE } });
}

function listen(server: Server, port: number, host: string): Promise<AddressInfo> {
  const { promise, resolve, reject } = Promise.withResolvers<AddressInfo>();
  server.once('error', (cause: NodeJS.ErrnoException) => {
    const isTaken = cause.code === 'EADDRINUSE';
    const advice = isTaken ? 'it is in use: choose another port, or 0 for any' : `${cause.code ?? cause.message}`;
    reject(new ListenError(`cannot listen on ${host}:${port}: ${advice}`, { cause }));
  });
  server.listen(port, host, () => resolve(server.address() as AddressInfo));
  return promise;
}

function closerOf(server: Server, app: HttpApp): (deadlineMs?: number) => Promise<void> {
  let closed: Promise<void> | undefined;
  return (deadlineMs = CLOSE_MS) => {
    if (deadlineMs === 0) server.closeAllConnections();
    closed ??= new Promise((resolve) => {
      const timer = setTimeout(() => server.closeAllConnections(), deadlineMs);
      // A connection that was busy is kept for a next request when it is done.
      const sweeps = setInterval(() => server.closeIdleConnections(), SWEEP_MS);
      server.close(() => {
        clearTimeout(timer);
        clearInterval(sweeps);
        resolve();
      });
      void app.close();
      if (deadlineMs === 0) server.closeAllConnections();
    });
    return closed;
  };
}

function optionFaults(app: HttpApp, options: ServeOptions): FieldFault[] {
  const faults: FieldFault[] = [];
  const check = (field: string, isRight: boolean, value: unknown, allowed: string) =>
    isRight || faults.push({ field, problem: `got ${show(value)}: allowed is ${allowed}` });
  const isWhole = (value: unknown, least: number, most: number) =>
    value === undefined || (Number.isInteger(value) && (value as number) >= least && (value as number) <= most);
  check('app', typeof app?.fetch === 'function', app, 'what createHttpApp gave');
  check('port', isWhole(options.port, 0, 65_535), options.port, 'a port from 0 to 65535');
  const { host } = options;
  check('host', host === undefined || (typeof host === 'string' && host !== ''), host, 'an address or a host name');
  for (const field of ['requestTimeoutMs', 'keepAliveMs'] as const)
    check(field, isWhole(options[field], 1, 86_400_000), options[field], 'a whole number from 1 to a day');
  return faults;
}
