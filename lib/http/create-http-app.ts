/** @module The HTTP API as a web-standard app, on any backend. */
import { Hono } from 'hono';
import { type Log, stderrLog, unfailing } from '../bus/log.ts';
import { systemClock } from '../core/clock.ts';
import { TopicFamilies } from '../core/topic-family.ts';
import type { Agent } from '../guild/define-agent.ts';
import { subscriptionOf } from '../guild/subscription-of.ts';
import { Buses } from './buses.ts';
import { corsHeaders, preflightHeaders } from './cors.ts';
import { EventTexts } from './event-texts.ts';
import { Exchange } from './exchange.ts';
import type { Host, HttpApp } from './http-app.ts';
import { MethodNotAllowedError, NoSuchRouteError } from './http-errors.ts';
import { KnownFormats } from './known-formats.ts';
import { RateLimiter } from './rate-limit.ts';
import { RequestCounts } from './request-counts.ts';
import type { Route } from './route.ts';
import { allRoutes } from './routes/all-routes.ts';
import type { Services } from './services.ts';
import { type HttpAppOptions, toSettings } from './settings.ts';
import { Streams } from './streams.ts';

interface Bindings {
  readonly Bindings: Host;
}

/**
 * The HTTP API of a backend: publishing, history, streams, agents, recovery, health and metrics. It answers `Request` with
 * `Response`, so any host can serve it; `serveHttp` of `guildwire/node` is one.
 *
 * @throws InvalidArgumentError with every fault of the options.
 * @example
 * const app = createHttpApp({ backend, guild, authenticate: bearerToken('a-long-secret-of-mine') });
 * const answer = await app.request('/v1/namespaces/default/topics');
 */
export function createHttpApp(options: HttpAppOptions): HttpApp {
  const settings = toSettings(options);
  const { backend, guild, authenticate, clock = systemClock, dependencies = {} } = options;
  const log: Log = unfailing(options.log ?? stderrLog);
  const streams = new Streams(settings.streams);
  const requests = new RequestCounts();
  const isOpen = authenticate === undefined;
  const around = surroundings(options);
  let document: Promise<string> | undefined;
  const services: Services = {
    backend,
    guild,
    interests: around.interests,
    buses: new Buses(backend, { ...around, clock, log }),
    formats: new KnownFormats(guild, options.families),
    streams,
    eventTexts: new EventTexts(),
    settings,
    dependencies,
    clock,
    log,
    requestLines: () => requests.lines(streams.size),
    document: () => {
      document ??= describe(isOpen);
      return document;
    },
  };
  const limiter = settings.rateLimit === undefined ? undefined : new RateLimiter(settings.rateLimit, clock);
  const hono = routed(new Exchange({ services, authenticate, limiter, requests }), services);
  const fetch = (request: Request, host: Host = {}) => Promise.resolve(hono.fetch(request, host));
  return {
    fetch,
    request: (path, init) => fetch(new Request(new URL(path, 'http://localhost'), init)),
    isOpen,
    get openStreams() {
      return streams.size;
    },
    close: () => streams.close(),
  };
}

/** Loaded when it is asked for: what makes it weighs as much as what checks requests. */
async function describe(isOpen: boolean): Promise<string> {
  const { openApiDocument } = await import('./openapi.ts');
  return JSON.stringify(openApiDocument(allRoutes, isOpen));
}

/** What buses know of the guild. */
function surroundings({ guild, families, interests = [], use = [] }: HttpAppOptions) {
  if (guild === undefined) return { families: families ?? new TopicFamilies([], true), interests, use };
  return {
    families: guild.families,
    interests: Object.values<Agent>(guild.agents).map((agent) => subscriptionOf(agent, '')),
    use: guild.use.filter(({ publish }) => publish !== undefined),
  };
}

function routed(exchange: Exchange, { settings }: Services): Hono<Bindings> {
  const hono = new Hono<Bindings>();
  for (const route of allRoutes) {
    const answer = exchange.answerer(route);
    hono.on(route.method, toHonoPath(route), (c) =>
      answer({ request: c.req.raw, path: c.req.path, params: () => c.req.param(), host: c.env }),
    );
  }
  const known = byPath(allRoutes);
  hono.notFound((c) => {
    const request = c.req.raw;
    const allowed = known.find(({ pattern }) => pattern.test(c.req.path))?.methods;
    if (allowed === undefined) return exchange.refuse(new NoSuchRouteError(), request);
    const cors = corsHeaders((name) => request.headers.get(name), settings);
    if (request.method === 'OPTIONS' && cors?.['access-control-allow-origin'] !== undefined)
      return new Response(null, { status: 204, headers: { ...cors, ...preflightHeaders(allowed) } });
    return exchange.refuse(new MethodNotAllowedError(request.method, allowed), request);
  });
  // Routes do not throw; what does is the router, on what no URL may hold.
  hono.onError((error, c) => exchange.refuse(error, c.req.raw));
  return hono;
}

const toHonoPath = ({ path }: Route) => path.replaceAll(/\{(\w+)\}/g, ':$1');

/** What each path takes; a router that finds nothing does not say. */
function byPath(
  routes: readonly Route[],
): readonly { readonly pattern: RegExp; readonly methods: readonly string[] }[] {
  const methods = new Map<string, string[]>();
  for (const { path, method } of routes) {
    const taken = methods.get(path) ?? [];
    taken.push(...(method === 'GET' ? ['GET', 'HEAD'] : [method]));
    methods.set(path, taken);
  }
  return [...methods].map(([path, taken]) => ({
    pattern: new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`),
    methods: taken,
  }));
}
