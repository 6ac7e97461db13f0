/** @module The HTTP API of the template, if it has one. */
import type { JsonObject } from '../core/json.ts';
import { HttpApi } from './api/http-api.ts';
import { JwtVerifier } from './api/jwt.ts';
import { defineRoutes } from './api/routes.ts';
import type { Emulators } from './emulators.ts';
import type { FunctionFinder } from './find-functions.ts';
import { UnsupportedTemplateError } from './rehearsal-errors.ts';
import type { RehearseOptions } from './rehearse-options.ts';
import type { Resource } from './resources/stack-scope.ts';

/** @throws UnsupportedTemplateError for a second API, and one that does not speak HTTP. */
export function defineApi(
  resources: readonly Resource[],
  finder: FunctionFinder,
  { account, region, credentials }: Emulators,
  options: RehearseOptions,
): HttpApi | undefined {
  const of = (kind: string) => resources.filter(({ type }) => type === `AWS::ApiGatewayV2::${kind}`);
  const [api, other] = of('Api');
  const refuse = (resource: Resource, why: string) =>
    new UnsupportedTemplateError([`${resource.file}: ${resource.logicalId} ${why}`]);
  if (api === undefined) return undefined;
  if (other !== undefined) throw refuse(other, 'is a second API');
  if (api.properties.ProtocolType !== 'HTTP')
    throw refuse(api, `speaks ${String(api.properties.ProtocolType)}, not HTTP`);
  const definition = {
    id: String(api.ref),
    account,
    region,
    stage: String(of('Stage')[0]?.properties.StageName ?? '$default'),
    routes: defineRoutes(resources, (arn) => finder.exactly(arn)),
    cors: api.properties.CorsConfiguration as JsonObject | undefined,
  };
  const callers = options.callers ?? [{ ...credentials, userArn: `arn:aws:iam::${account}:user/rehearsal` }];
  return new HttpApi(definition, callers, new JwtVerifier(options.issuerKeys ?? {}));
}
