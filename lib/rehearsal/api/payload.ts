/** @module An HTTP request as a function gets it (payload format 2.0), and what it answers as an HTTP response. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Json, JsonObject } from '../../core/json.ts';

export interface ApiIdentity {
  readonly id: string;
  readonly account: string;
  readonly region: string;
  readonly stage: string;
}

export interface RoutedRequest {
  readonly request: IncomingMessage;
  readonly body: Buffer;
  readonly routeKey: string;
  readonly parameters: Readonly<Record<string, string>>;
  /** What the authorizer says of the caller. */
  readonly authorizer: JsonObject | undefined;
}

const TEXT = /^(text\/|application\/(.+\+)?(json|xml|javascript))/;

/** https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html */
export function eventOf(
  { request, body, routeKey, parameters, authorizer }: RoutedRequest,
  api: ApiIdentity,
): JsonObject {
  const [wirePath = '/', query = ''] = (request.url ?? '/').split('?');
  const path = decodedPath(wirePath);
  const headers = headersOf(request);
  const { cookie, ...others } = headers;
  const isText = body.length === 0 || TEXT.test(headers['content-type'] ?? '');
  const domainPrefix = api.id;
  const now = new Date();
  return {
    version: '2.0',
    routeKey,
    rawPath: path,
    rawQueryString: query,
    ...(cookie === undefined ? {} : { cookies: cookie.split('; ') }),
    headers: others,
    ...(query === '' ? {} : { queryStringParameters: joined(new URLSearchParams(query)) }),
    ...(Object.keys(parameters).length === 0 ? {} : { pathParameters: parameters }),
    requestContext: {
      accountId: api.account,
      apiId: api.id,
      ...(authorizer === undefined ? {} : { authorizer }),
      domainName: `${domainPrefix}.execute-api.${api.region}.amazonaws.com`,
      domainPrefix,
      http: {
        method: request.method ?? 'GET',
        path,
        protocol: 'HTTP/1.1',
        sourceIp: '127.0.0.1',
        userAgent: headers['user-agent'] ?? '',
      },
      requestId: randomUUID(),
      routeKey,
      stage: api.stage,
      time: now.toUTCString(),
      timeEpoch: now.getTime(),
    },
    ...(body.length === 0 ? {} : { body: body.toString(isText ? 'utf8' : 'base64') }),
    isBase64Encoded: !isText,
  };
}

/** An HTTP API decodes the path, and takes what then looks like a query away: its functions cannot tell `%2F` from `/`. */
const decodedPath = (wirePath: string) => decodeURIComponent(wirePath).split('?')[0] ?? '';

/** Names in lower case; what came several times is one, with commas. */
export function headersOf({ headers }: IncomingMessage): Record<string, string> {
  const entries = Object.entries(headers).map(([name, value]) => [
    name,
    Array.isArray(value) ? value.join(',') : (value ?? ''),
  ]);
  return Object.fromEntries(entries) as Record<string, string>;
}

function joined(parameters: URLSearchParams): Record<string, string> {
  return Object.fromEntries([...new Set(parameters.keys())].map((name) => [name, parameters.getAll(name).join(',')]));
}

export interface ApiAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: Buffer;
}

/** What a function returned: an answer with a status, or anything else, which is the body of a success. */
export function answerOf(payload: string): ApiAnswer {
  const value = JSON.parse(payload) as Json;
  const isAnswer =
    typeof value === 'object' && value !== null && !Array.isArray(value) && Object.hasOwn(value, 'statusCode');
  if (!isAnswer) {
    const body = typeof value === 'string' ? value : payload;
    return { status: 200, headers: { 'content-type': 'application/json' }, body: Buffer.from(body) };
  }
  const { statusCode, headers = {}, cookies, body = '', isBase64Encoded } = value as JsonObject;
  const own = Object.entries(headers as JsonObject).map(([name, text]) => [name.toLowerCase(), String(text)]);
  return {
    status: Number(statusCode),
    headers: {
      'content-type': 'text/plain; charset=utf-8',
      ...Object.fromEntries(own),
      ...(Array.isArray(cookies) ? { 'set-cookie': cookies.map(String) } : {}),
    },
    body: Buffer.from(String(body), isBase64Encoded === true ? 'base64' : 'utf8'),
  };
}
