import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { expect, test } from 'vitest';
import type { JsonObject } from '../../lib/core/json.ts';
import { rehearse } from '../../lib/rehearsal/rehearse.ts';
import type { RehearseOptions } from '../../lib/rehearsal/rehearse-options.ts';
import { serveLocally } from '../../lib/rehearsal/serve-locally.ts';
import { arnOf, WrittenAssembly } from './fixtures/assembly.ts';
import { signed } from './fixtures/sign.ts';

const ISSUER = 'https://issuer.example';

const route = (key: string, changes: JsonObject = {}): JsonObject => ({
  Type: 'AWS::ApiGatewayV2::Route',
  Properties: {
    ApiId: { Ref: 'Api' },
    RouteKey: key,
    Target: { 'Fn::Join': ['', ['integrations/', { Ref: 'Integration' }]] },
    ...changes,
  },
});

/** Its one function answers with the event, or as the path says. */
function assemblyWith(
  api: JsonObject = {},
  routes: Readonly<Record<string, JsonObject>> = {},
  issuer = ISSUER,
): WrittenAssembly {
  const code = `export const handler = async (event) => {
    if (event.rawPath.endsWith('/throws')) throw new Error('as asked');
    if (event.rawPath.endsWith('/full'))
      return { statusCode: 201, headers: { 'X-One': '1' }, cookies: ['a=1', 'b=2'], body: Buffer.from([0, 255]).toString('base64'), isBase64Encoded: true };
    return event;
  };`;
  return new WrittenAssembly({
    functions: { Answers: code },
    resources: {
      Api: { Type: 'AWS::ApiGatewayV2::Api', Properties: { Name: 'Api', ProtocolType: 'HTTP', ...api } },
      Stage: {
        Type: 'AWS::ApiGatewayV2::Stage',
        Properties: { ApiId: { Ref: 'Api' }, StageName: '$default', AutoDeploy: true },
      },
      Integration: {
        Type: 'AWS::ApiGatewayV2::Integration',
        Properties: {
          ApiId: { Ref: 'Api' },
          IntegrationType: 'AWS_PROXY',
          IntegrationUri: arnOf('Answers'),
          PayloadFormatVersion: '2.0',
        },
      },
      Authorizer: {
        Type: 'AWS::ApiGatewayV2::Authorizer',
        Properties: {
          ApiId: { Ref: 'Api' },
          AuthorizerType: 'JWT',
          IdentitySource: ['$request.header.Authorization'],
          JwtConfiguration: { Audience: ['guild'], Issuer: issuer },
          Name: 'tokens',
        },
      },
      Open: route('ANY /open/{topic}/{rest+}'),
      Fixed: route('GET /open/fixed/{rest+}'),
      Iam: route('POST /iam', { AuthorizationType: 'AWS_IAM' }),
      IamDeep: route('GET /iam/{name}', { AuthorizationType: 'AWS_IAM' }),
      Jwt: route('GET /jwt', { AuthorizationType: 'JWT', AuthorizerId: { Ref: 'Authorizer' } }),
      Scoped: route('GET /scoped', {
        AuthorizationType: 'JWT',
        AuthorizerId: { Ref: 'Authorizer' },
        AuthorizationScopes: ['read'],
      }),
      ...routes,
    },
    template: {
      Outputs: {
        Url: {
          Value: {
            'Fn::Join': [
              '',
              [
                'https://',
                { Ref: 'Api' },
                '.execute-api.',
                { Ref: 'AWS::Region' },
                '.',
                { Ref: 'AWS::URLSuffix' },
                '/',
              ],
            ],
          },
        },
      },
    },
  });
}

async function served(options: Partial<RehearseOptions> = {}, assembly = assemblyWith()) {
  using written = assembly;
  return await rehearse({ assembly: written.directory, ...options });
}

type Event = Record<string, never> & { requestContext: Record<string, JsonObject>; headers: Record<string, string> };
const eventIn = async (response: Response) => (await response.json()) as Event;

test('a request reaches the function of the most specific route, in payload format 2.0', async () => {
  await using rehearsal = await served();
  const at = (path: string, init?: RequestInit) => fetch(`${rehearsal.apiUrl}${path}`, init);

  const posted = await at('/open/news%20of/a/b?x=1&x=2&y=', {
    method: 'POST',
    headers: { 'content-type': 'application/json', cookie: 'a=1; b=2', 'X-Mine': 'yes' },
    body: '{"hello":"ü"}',
  });
  const event = await eventIn(posted);
  const fixed = await eventIn(await at('/open/fixed/x'));
  const binary = await eventIn(await at('/open/a/b', { method: 'PUT', body: new Uint8Array([0, 255]) }));

  expect(event).toMatchObject({
    version: '2.0',
    routeKey: 'ANY /open/{topic}/{rest+}',
    rawPath: '/open/news of/a/b',
    rawQueryString: 'x=1&x=2&y=',
    queryStringParameters: { x: '1,2', y: '' },
    pathParameters: { topic: 'news of', rest: 'a/b' },
    cookies: ['a=1', 'b=2'],
    body: '{"hello":"ü"}',
    isBase64Encoded: false,
    requestContext: {
      http: { method: 'POST', path: '/open/news of/a/b' },
      stage: '$default',
      accountId: '000000000000',
    },
  });
  expect(event.headers['x-mine']).toBe('yes');
  expect(event.requestContext.authorizer).toBeUndefined();
  expect(fixed.routeKey).toBe('GET /open/fixed/{rest+}');
  expect(binary).toMatchObject({ body: 'AP8=', isBase64Encoded: true });
});

test('what the function answers becomes the response', async () => {
  await using rehearsal = await served();

  const full = await fetch(`${rehearsal.apiUrl}/open/a/full`);
  const failed = await fetch(`${rehearsal.apiUrl}/open/a/throws`);
  const unknown = await fetch(`${rehearsal.apiUrl}/nowhere`);
  const malformed = await fetch(`${rehearsal.apiUrl}/open/a/%zz`);

  expect([full.status, full.headers.get('x-one'), full.headers.getSetCookie()]).toEqual([201, '1', ['a=1', 'b=2']]);
  expect(new Uint8Array(await full.arrayBuffer())).toEqual(new Uint8Array([0, 255]));
  expect([failed.status, await failed.json()]).toEqual([500, { message: 'Internal Server Error' }]);
  expect([unknown.status, await unknown.json()]).toEqual([404, { message: 'Not Found' }]);
  expect([malformed.status, await malformed.json()]).toEqual([400, { message: 'Bad Request' }]);
});

test('an address of the API in the template is the one of this machine', async () => {
  await using rehearsal = await served();

  expect(rehearsal.outputs).toEqual({ Url: `${rehearsal.apiUrl}/` });
});

test('a route with IAM authorization takes who has signed, and says to the function who it is', async () => {
  await using rehearsal = await served();
  const { accessKeyId, secretAccessKey } = rehearsal.credentials;
  const call = (path: string, method: string, body = '') => {
    const url = `${rehearsal.apiUrl}${path}`;
    return fetch(url, signed(url, method, body, secretAccessKey, accessKeyId));
  };

  const posted = await call('/iam', 'POST', '{"a":1}');
  const read = await call('/iam/caf%C3%A9%20one?b=2&a=x%20y', 'GET');

  expect([posted.status, read.status]).toEqual([200, 200]);
  expect((await eventIn(posted)).requestContext.authorizer).toMatchObject({
    iam: { userArn: 'arn:aws:iam::000000000000:user/rehearsal', accessKey: accessKeyId },
  });
});

test('a route with IAM authorization refuses who has not signed, or has signed something else', async () => {
  const callers = [{ accessKeyId: 'AKIAALICE', secretAccessKey: 'hers', userArn: 'arn:aws:iam::1:user/alice' }];
  await using rehearsal = await served({ callers });
  const url = `${rehearsal.apiUrl}/iam`;
  const with_ = (init: RequestInit) => fetch(url, { ...init, body: '{}' });
  const good = () => signed(url, 'POST', '{}', 'hers', 'AKIAALICE');

  const answers = await Promise.all([
    with_(good()),
    with_({ method: 'POST' }),
    with_(signed(url, 'POST', '{}', 'not hers', 'AKIAALICE')),
    with_(signed(url, 'POST', '{}', 'hers', 'AKIANOBODY')),
    with_(signed(url, 'POST', '{"other":1}', 'hers', 'AKIAALICE')),
    with_(signed(`${url}/other`, 'POST', '{}', 'hers', 'AKIAALICE')),
    with_(signed(url, 'POST', '{}', 'hers', 'AKIAALICE', new Date(Date.now() - 3_600_000))),
  ]);

  expect(answers.map(({ status }) => status)).toEqual([200, 403, 403, 403, 403, 403, 403]);
  expect(await answers[1]?.json()).toEqual({ message: 'Forbidden' });
});

const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

function token(claims: JsonObject, key: KeyObject, alg: 'RS256' | 'ES256', kid: string): string {
  const text = `${encoded({ alg, kid })}.${encoded(claims)}`;
  return `${text}.${sign('sha256', Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 });
const keySet = [
  { ...rsa.publicKey.export({ format: 'jwk' }), kid: 'r' },
  { ...ec.publicKey.export({ format: 'jwk' }), kid: 'e' },
];
const inAnHour = () => Math.floor(Date.now() / 1000) + 3600;
const claims = (changes: JsonObject = {}): JsonObject => ({
  iss: ISSUER,
  aud: 'guild',
  sub: 'alice',
  exp: inAnHour(),
  ...changes,
});

test('a route with a JWT authorizer takes tokens of its issuer, and gives their claims to the function as text', async () => {
  await using rehearsal = await served({ issuerKeys: { [ISSUER]: keySet } });
  const call = (authorization: string, path = '/jwt') =>
    fetch(`${rehearsal.apiUrl}${path}`, { headers: { authorization } });

  const byRsa = await call(
    `Bearer ${token(claims({ namespaces: ['one', 'two'], admin: true }), rsa.privateKey, 'RS256', 'r')}`,
  );
  const bare = await call(token(claims(), rsa.privateKey, 'RS256', 'r'));
  const scoped = await call(
    `Bearer ${token(claims({ scope: 'write read' }), rsa.privateKey, 'RS256', 'r')}`,
    '/scoped',
  );
  const unscoped = await call(`Bearer ${token(claims({ scope: 'write' }), rsa.privateKey, 'RS256', 'r')}`, '/scoped');

  expect([byRsa.status, bare.status, scoped.status, unscoped.status]).toEqual([200, 200, 200, 403]);
  expect((await eventIn(byRsa)).requestContext.authorizer).toMatchObject({
    jwt: { claims: { sub: 'alice', namespaces: '[one two]', admin: 'true' } },
  });
});

test.for([
  ['none', ''],
  ['no token', 'Bearer nonsense'],
  ['a stranger', `Bearer ${token(claims(), stranger.privateKey, 'RS256', 'r')}`],
  ['another audience', `Bearer ${token(claims({ aud: 'other' }), rsa.privateKey, 'RS256', 'r')}`],
  ['another issuer', `Bearer ${token(claims({ iss: 'https://other.example' }), rsa.privateKey, 'RS256', 'r')}`],
  ['the past', `Bearer ${token(claims({ exp: 1 }), rsa.privateKey, 'RS256', 'r')}`],
  ['the future', `Bearer ${token(claims({ nbf: inAnHour() }), rsa.privateKey, 'RS256', 'r')}`],
  ['no signature', `Bearer ${encoded({ alg: 'none' })}.${encoded(claims())}.`],
  ['an algorithm that API Gateway does not take', `Bearer ${token(claims(), ec.privateKey, 'ES256', 'e')}`],
  ['another key of the issuer', `Bearer ${token(claims(), rsa.privateKey, 'RS256', 'e')}`],
  ['no algorithm at all', `Bearer ${encoded({ alg: 'constructor', kid: 'r' })}.${encoded(claims())}.eA`],
  ['no claims', `Bearer ${encoded({ alg: 'RS256', kid: 'r' })}.${encoded(null)}.eA`],
] as const)('a route with a JWT authorizer refuses a token of %s', async ([, authorization]) => {
  await using rehearsal = await served({ issuerKeys: { [ISSUER]: keySet } });

  const response = await fetch(`${rehearsal.apiUrl}/jwt`, { headers: { authorization } });

  expect([response.status, await response.json()]).toEqual([401, { message: 'Unauthorized' }]);
  expect(rehearsal.counts().functions['Test-Answers']?.invocations).toBe(0);
});

test('keys that are not given are found as the issuer says', async () => {
  let keysAt = '';
  await using issuer = await serveLocally(async ({ url }, response) => {
    response.end(JSON.stringify(url === '/keys' ? { keys: keySet } : { jwks_uri: keysAt }));
  });
  const iss = issuer.url;
  keysAt = `${iss}/keys`;
  await using rehearsal = await served({}, assemblyWith({}, {}, iss));

  const authorization = `Bearer ${token(claims({ iss }), rsa.privateKey, 'RS256', 'r')}`;
  const response = await fetch(`${rehearsal.apiUrl}/jwt`, { headers: { authorization } });

  expect(response.status).toBe(200);
});

test('cross-origin requests are answered by the rules of the API, and preflights without the function', async () => {
  const CorsConfiguration = {
    AllowOrigins: ['https://site.example'],
    AllowMethods: ['GET', 'POST'],
    AllowHeaders: ['authorization'],
    MaxAge: 60,
  };
  await using rehearsal = await served({}, assemblyWith({ CorsConfiguration }));
  const preflight = (origin: string) =>
    fetch(`${rehearsal.apiUrl}/iam`, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST' },
    });

  const allowed = await preflight('https://site.example');
  const refused = await preflight('https://other.example');
  const read = await fetch(`${rehearsal.apiUrl}/open/a/b`, { headers: { origin: 'https://site.example' } });

  expect(allowed.status).toBe(204);
  expect(Object.fromEntries(allowed.headers)).toMatchObject({
    'access-control-allow-origin': 'https://site.example',
    'access-control-allow-methods': 'GET,POST',
    'access-control-allow-headers': 'authorization',
    'access-control-max-age': '60',
  });
  expect(refused.headers.get('access-control-allow-origin')).toBeNull();
  expect(read.headers.get('access-control-allow-origin')).toBe('https://site.example');
});

test('fails when a route has an authorizer that a rehearsal does not know', async () => {
  const custom = route('GET /custom', { AuthorizationType: 'CUSTOM' });

  await expect(served({}, assemblyWith({}, { Custom: custom }))).rejects.toThrow(
    'Test.template.json: Custom has authorization CUSTOM',
  );
});
