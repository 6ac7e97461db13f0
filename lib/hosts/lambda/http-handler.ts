/** @module The HTTP API as a function behind an API Gateway HTTP API, payload format 2.0. */
import type { GuildManifest } from '../../environment/guild-manifest.ts';
import { createEdge, type HttpHandlerOptions } from './edge.ts';
import type { HttpAnswer, HttpEvent, LambdaContext } from './events.ts';

export type HttpHandler = (event: HttpEvent, context: LambdaContext) => Promise<HttpAnswer>;

/**
 * Serves the HTTP API from a function. The API's authorizer has said who calls: a caller with IAM credentials may do everything
 * in the deployment's namespaces, a bearer of a JWT what its claims say. Streams are answered with 501: a function cannot hold
 * a connection.
 *
 * @throws InvalidArgumentError if the environment names no namespaces.
 * @example
 * export const handler = httpHandler(GUILDWIRE_MANIFEST);
 */
export function httpHandler(manifest: GuildManifest, options: HttpHandlerOptions = {}): HttpHandler {
  const edge = createEdge(manifest, options);
  return (event, context) => {
    edge.log.begin(context);
    return edge.answer(event);
  };
}
