/** @module The HTTP API of the template, served on this machine with its authorizers. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import type { JsonObject } from '../../core/json.ts';
import { MAX_PAYLOAD_BYTES } from '../functions/local-function.ts';
import { readBody } from '../serve-locally.ts';
import { corsHeaders, preflightHeaders } from './cors.ts';
import { claimTexts, grants, type JwtVerifier } from './jwt.ts';
import { type ApiAnswer, type ApiIdentity, answerOf, eventOf, headersOf } from './payload.ts';
import { type ApiRoute, findRoute } from './routes.ts';
import { type Caller, signerOf } from './sigv4.ts';

export interface HttpApiDefinition extends ApiIdentity {
  readonly routes: readonly ApiRoute[];
  readonly cors: JsonObject | undefined;
}

const MAX_BODY_BYTES = 10 * 1024 * 1024;

const says = (status: number, message: string, headers: Readonly<Record<string, string>> = {}): ApiAnswer => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body: Buffer.from(JSON.stringify({ message })),
});

function isDecodable(path: string): boolean {
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
}

/** What the authorizer says of the caller, or the answer that refuses it. */
type Verdict = { readonly authorizer: JsonObject | undefined } | { readonly refusal: ApiAnswer };

export class HttpApi {
  readonly #api: HttpApiDefinition;
  readonly #callers: readonly Caller[];
  readonly #tokens: JwtVerifier;

  constructor(api: HttpApiDefinition, callers: readonly Caller[], tokens: JwtVerifier) {
    this.#api = api;
    this.#callers = callers;
    this.#tokens = tokens;
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { cors } = this.#api;
    const { origin, 'access-control-request-method': asked } = request.headers;
    if (cors !== undefined && request.method === 'OPTIONS' && asked !== undefined)
      return void response.writeHead(204, preflightHeaders(cors, origin)).end();
    const { status, headers, body } = await this.#handle(request, await readBody(request));
    const all = { ...headers, ...corsHeaders(cors, origin), 'content-length': `${body.length}` };
    response.writeHead(status, all as Record<string, string | string[]>).end(body);
  }

  async #handle(request: IncomingMessage, body: Buffer): Promise<ApiAnswer> {
    const { routes, stage } = this.#api;
    const [path = '/'] = (request.url ?? '/').split('?');
    if (!isDecodable(path)) return says(400, 'Bad Request');
    const prefix = stage === '$default' ? '' : `/${stage}`;
    const found = path.startsWith(prefix)
      ? findRoute(routes, request.method ?? 'GET', path.slice(prefix.length))
      : undefined;
    if (found === undefined) return says(404, 'Not Found');
    if (body.length > MAX_BODY_BYTES) return says(413, 'Request Entity Too Large');
    const { route, parameters } = found;
    const verdict = await this.#authorize(route, request, body);
    if ('refusal' in verdict) return verdict.refusal;
    const routed = { request, body, routeKey: route.key, parameters, authorizer: verdict.authorizer };
    const event = JSON.stringify(eventOf(routed, this.#api));
    if (Buffer.byteLength(event) > MAX_PAYLOAD_BYTES) return says(413, 'Request Too Long');
    return await this.#invoke(route, event);
  }

  async #invoke(route: ApiRoute, event: string): Promise<ApiAnswer> {
    const timer = new AbortController();
    const late = wait(route.timeoutMs, undefined, { signal: timer.signal }).catch(() => undefined);
    const result = await Promise.race([route.target.invoke(event), late]);
    timer.abort();
    if (result === undefined) return says(503, 'Service Unavailable');
    return result.functionError === undefined ? answerOf(result.payload) : says(500, 'Internal Server Error');
  }

  async #authorize({ authorization }: ApiRoute, request: IncomingMessage, body: Buffer): Promise<Verdict> {
    const headers = headersOf(request);
    if (authorization.kind === 'none') return { authorizer: undefined };
    if (authorization.kind === 'iam') {
      const signed = { method: request.method ?? 'GET', url: request.url ?? '/', headers, body };
      const caller = signerOf(signed, this.#callers, this.#api.region);
      return caller === undefined ? { refusal: says(403, 'Forbidden') } : { authorizer: this.#iamContext(caller) };
    }
    const claims = await this.#tokens.claimsOf(headers.authorization, authorization.rules);
    if (claims === undefined) return { refusal: says(401, 'Unauthorized', { 'www-authenticate': 'Bearer' }) };
    if (!grants(claims, authorization.scopes)) return { refusal: says(403, 'Forbidden') };
    return { authorizer: { jwt: { claims: claimTexts(claims), scopes: authorization.scopes } } };
  }

  #iamContext({ accessKeyId, userArn }: Caller): JsonObject {
    return {
      iam: {
        accessKey: accessKeyId,
        accountId: this.#api.account,
        callerId: accessKeyId,
        cognitoIdentity: null,
        principalOrgId: null,
        userArn,
        userId: accessKeyId,
      },
    };
  }
}
