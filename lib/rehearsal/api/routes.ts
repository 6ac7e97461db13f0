/** @module The routes of an HTTP API, from the template, and which of them a request takes. */
import type { JsonObject } from '../../core/json.ts';
import type { LocalFunction } from '../functions/local-function.ts';
import { UnsupportedTemplateError } from '../rehearsal-errors.ts';
import type { Resource } from '../resources/stack-scope.ts';
import type { JwtRules } from './jwt.ts';

export type Authorization =
  | { readonly kind: 'none' }
  | { readonly kind: 'iam' }
  | { readonly kind: 'jwt'; readonly rules: JwtRules; readonly scopes: readonly string[] };

export interface ApiRoute {
  /** `POST /topics/{topic}`, or `$default`. */
  readonly key: string;
  readonly target: LocalFunction;
  readonly authorization: Authorization;
  readonly timeoutMs: number;
}

const INTEGRATION_TIMEOUT_MS = 30_000;

/** @throws UnsupportedTemplateError for anything but functions behind it, with payload format 2.0. */
export function defineRoutes(
  resources: readonly Resource[],
  functionOf: (arn: string) => LocalFunction | undefined,
): readonly ApiRoute[] {
  const of = (kind: string) => resources.filter(({ type }) => type === `AWS::ApiGatewayV2::${kind}`);
  const byRef = (list: readonly Resource[], ref: unknown) => list.find((resource) => resource.ref === ref);
  const [integrations, authorizers] = [of('Integration'), of('Authorizer')];
  return of('Route').map(({ properties, file, logicalId }) => {
    const refuse = (why: string) => new UnsupportedTemplateError([`${file}: ${logicalId} ${why}`]);
    const integration = byRef(integrations, String(properties.Target).replace('integrations/', ''))?.properties;
    const { IntegrationUri, IntegrationType, PayloadFormatVersion, TimeoutInMillis } = integration ?? {};
    const target = functionOf(arnIn(String(IntegrationUri)));
    if (IntegrationType !== 'AWS_PROXY' || target === undefined) throw refuse('leads to no function');
    if (PayloadFormatVersion !== '2.0') throw refuse(`has payload format ${String(PayloadFormatVersion)}, not 2.0`);
    const authorizer = byRef(authorizers, properties.AuthorizerId);
    const authorization = authorizationOf(properties, authorizer);
    if (authorization === undefined) throw refuse(`has authorization ${String(properties.AuthorizationType)}`);
    const timeoutMs = Number(TimeoutInMillis ?? INTEGRATION_TIMEOUT_MS);
    return { key: String(properties.RouteKey), target, authorization, timeoutMs };
  });
}

/** The ARN itself, or in the address of an invocation through API Gateway. */
const arnIn = (uri: string) => /functions\/(arn:[^/]+)\/invocations$/.exec(uri)?.[1] ?? uri;

function authorizationOf(route: JsonObject, authorizer: Resource | undefined): Authorization | undefined {
  switch (route.AuthorizationType ?? 'NONE') {
    case 'NONE':
      return { kind: 'none' };
    case 'AWS_IAM':
      return { kind: 'iam' };
    case 'JWT': {
      const { Issuer, Audience } = (authorizer?.properties.JwtConfiguration ?? {}) as JsonObject;
      const rules = { issuer: String(Issuer), audience: (Audience ?? []) as readonly string[] };
      return { kind: 'jwt', rules, scopes: (route.AuthorizationScopes ?? []) as readonly string[] };
    }
    default:
      return undefined;
  }
}

export interface RouteMatch {
  readonly route: ApiRoute;
  readonly parameters: Readonly<Record<string, string>>;
}

/** The most specific route: fixed parts before variable ones, a method before any, `$default` last. */
export function findRoute(routes: readonly ApiRoute[], method: string, path: string): RouteMatch | undefined {
  const found = routes.flatMap((route) => {
    const [verb = '', pattern = ''] = route.key.split(' ');
    if (route.key === '$default') return [{ route, parameters: {}, rank: Number.POSITIVE_INFINITY }];
    if (verb !== 'ANY' && verb !== method) return [];
    const groups = patternOf(pattern).exec(path)?.groups;
    if (groups === undefined) return [];
    const variables = pattern.match(/\{/g)?.length ?? 0;
    const rank = (pattern.includes('+}') ? 1000 : 0) + variables * 2 + (verb === 'ANY' ? 1 : 0);
    const names = [...pattern.matchAll(/\{([^}+]+)\+?\}/g)].map(([, name = '']) => name);
    const parameters = Object.fromEntries(
      names.map((name, index) => [name, decodeURIComponent(groups[`p${index}`] ?? '')]),
    );
    return [{ route, parameters, rank }];
  });
  return found.toSorted((one, other) => one.rank - other.rank)[0];
}

function patternOf(pattern: string): RegExp {
  let index = 0;
  const source = pattern.replaceAll(/[.*+?^$()|[\]\\](?!\})|\{[^}+]+(\+?)\}/g, (found, greedy: string | undefined) => {
    if (!found.startsWith('{')) return `\\${found}`;
    return `(?<p${index++}>${greedy === '+' ? '.+' : '[^/]+'})`;
  });
  return new RegExp(`^${source}(?<end>)$`);
}
