/** @module From a request to its answer: who asks, whether they may, what they say, and every failure as a problem. */
import { randomUUID } from 'node:crypto';
import type * as z from 'zod/mini';
import { type FieldFault, InvalidArgumentError } from '../core/errors.ts';
import { type Authenticate, anybody, authorize, type Principal, principalFaults } from './authenticate.ts';
import { corsHeaders, OpenGuard } from './cors.ts';
import { Deadlines } from './deadlines.ts';
import type { Host } from './http-app.ts';
import { MethodNotAllowedError, TimedOutError, UnauthenticatedError } from './http-errors.ts';
import { PathParams } from './path-params.ts';
import { isTold, PROBLEM_TYPE, problemHeaders, toProblem } from './problems.ts';
import type { RateLimiter } from './rate-limit.ts';
import { readJson } from './read-body.ts';
import type { RequestCounts } from './request-counts.ts';
import type { Answer, Call, Header, Route } from './route.ts';
import { faultsOf } from './schemas/faults.ts';
import type { Services } from './services.ts';

export interface Arrival {
  readonly request: Request;
  /** Without the query. */
  readonly path: string;
  readonly params: () => Readonly<Record<string, string>>;
  readonly host: Host;
}

export interface ExchangeOptions {
  readonly services: Services;
  readonly authenticate: Authenticate | undefined;
  readonly limiter: RateLimiter | undefined;
  readonly requests: RequestCounts;
}

const REQUEST_ID = /^[\w.:-]{1,128}$/;

export class Exchange {
  readonly #options: ExchangeOptions;
  readonly #deadlines: Deadlines;
  readonly #openGuard: OpenGuard;
  /** Those that were looked at before. */
  readonly #sound = new WeakSet<Principal>();

  constructor(options: ExchangeOptions) {
    const { clock, settings } = options.services;
    this.#options = options;
    this.#openGuard = new OpenGuard(settings);
    this.#deadlines = new Deadlines(clock, settings.timeoutMs);
  }

  /** What answers the requests for a route; it never rejects. */
  answerer(route: Route): (arrival: Arrival) => Promise<Response> {
    const pathParams = new PathParams(route.params);
    return async (arrival) => {
      const header = headersOf(arrival);
      const given = header('x-request-id');
      const requestId = given !== null && REQUEST_ID.test(given) ? given : randomUUID();
      const work = this.#run(route, pathParams, arrival, header, requestId);
      try {
        const answer = await this.#deadlines.keep(work);
        return this.#toResponse(route.id, header, requestId, answer);
      } catch (error) {
        if (error instanceof TimedOutError) work.then(discard, () => {});
        return this.#refuse(error, route.id, header, requestId);
      }
    };
  }

  /** The answer to a request that came to no route. */
  refuse(error: unknown, request: Request): Response {
    return this.#refuse(error, 'none', (name) => request.headers.get(name), randomUUID());
  }

  /** The problem that an error is; one that nobody may be told of is logged. */
  #refuse(error: unknown, route: string, header: Header, requestId: string): Response {
    const problem = toProblem(error, requestId);
    if (!isTold(error)) {
      const { stack = String(error) } = (error ?? {}) as { readonly stack?: string };
      this.#options.services.log.error('a request failed', { requestId, route, error: stack });
    }
    const headers = problemHeaders(error, problem.status);
    const body = JSON.stringify(problem);
    return this.#toResponse(route, header, requestId, { status: problem.status, body, type: PROBLEM_TYPE, headers });
  }

  #toResponse(route: string, header: Header, requestId: string, answer: Answer): Response {
    const { services, requests } = this.#options;
    const { status, body, type = 'application/json', headers } = answer;
    requests.add(route, status);
    const cors = corsHeaders(header, services.settings);
    // A plain object: the server then writes it as it is.
    return new Response(body, {
      status,
      headers: { 'content-type': type, 'x-request-id': requestId, ...headers, ...cors },
    });
  }

  async #run(
    route: Route,
    pathParams: PathParams,
    { request, path, params: given, host }: Arrival,
    header: Header,
    requestId: string,
  ): Promise<Answer> {
    const { services, authenticate, limiter } = this.#options;
    const { url } = request;
    // JSON is nothing that a browser sends for a page without asking first.
    if (authenticate === undefined) this.#openGuard.check(request, header, route.body === undefined);
    if (route.isStream && request.method === 'HEAD') throw new MethodNotAllowedError('HEAD', ['GET']);
    const isKnown = route.needs === undefined || authenticate === undefined;
    const principal = isKnown ? anybody : await this.#identify(authenticate, request, header);
    if (route.needs !== undefined) limiter?.take(principal.id);
    const faults: FieldFault[] = [];
    const check = (schema: z.ZodMiniType, value: unknown, root: string): unknown => {
      const result = schema.safeParse(value);
      if (!result.success) faults.push(...faultsOf(result.error, root));
      return result.data;
    };
    const params = pathParams.of(path, given, faults);
    if (route.needs !== undefined) authorize(principal, route.needs, namespaceOf(params));
    const query = check(route.query, queryOf(url, faults), 'query');
    let body: unknown;
    if (route.body !== undefined) {
      const isLeftOut = route.bodyIsOptional === true && isEmpty(header);
      body = isLeftOut ? {} : await readJson(request, header, services.settings.maxBodyBytes);
      if (!route.checksBody) body = check(route.body, body, 'body');
    }
    if (faults.length > 0) throw new InvalidArgumentError(faults);
    const call: Call = { services, principal, params, query, body, header, url, requestId, host };
    return route.run(call as Call<never, never, never>);
  }

  /** @throws UnauthenticatedError */
  async #identify(authenticate: Authenticate, request: Request, header: Header): Promise<Principal> {
    const principal = await authenticate(request);
    if (principal === undefined) throw new UnauthenticatedError(header('authorization') !== null);
    if (!this.#sound.has(principal)) {
      const [fault] = principalFaults(principal);
      if (fault !== undefined) throw new TypeError(`authenticate gave no principal: ${fault.field} ${fault.problem}`);
      this.#sound.add(principal);
    }
    return principal;
  }
}

/** An answer that came too late: nobody will read its stream. */
function discard({ body }: Answer): void {
  if (typeof body !== 'string') void body.cancel();
}

const headersOf = ({ request, host }: Arrival): Header => {
  const { header } = host;
  return header === undefined ? (name) => request.headers.get(name) : (name) => header(name) ?? null;
};

const namespaceOf = (params: Readonly<Record<string, unknown>> | undefined) => params?.namespace as string | undefined;

const isEmpty = (header: Header) =>
  (header('content-length') ?? '0') === '0' && header('transfer-encoding') === null && header('content-type') === null;

const NO_QUERY = Object.freeze({});

/** Adds a fault for each parameter that comes twice: nobody could say which one holds. */
function queryOf(url: string, faults: FieldFault[]): Readonly<Record<string, string>> {
  const at = url.indexOf('?');
  if (at < 0) return NO_QUERY;
  const query: Record<string, string> = Object.create(null);
  const hash = url.indexOf('#', at);
  for (const [name, value] of new URLSearchParams(url.slice(at + 1, hash < 0 ? undefined : hash))) {
    if (name in query) faults.push({ field: name, problem: 'is given twice: give it once' });
    query[name] = value;
  }
  return query;
}
