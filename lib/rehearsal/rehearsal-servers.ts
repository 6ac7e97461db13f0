/** @module The servers of a rehearsal. They listen before the template is read, since their addresses stand in it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Emulators, type Endpoints, startEmulators } from './emulators.ts';
import { RuntimeApi } from './functions/runtime-api.ts';
import { Permissions } from './permissions/permissions.ts';
import { CallCounts } from './proxy/call-counts.ts';
import type { CallHook } from './proxy/faults.ts';
import { serveProxy } from './proxy/service-proxy.ts';
import type { RehearseOptions } from './rehearse-options.ts';
import { serveLocally } from './serve-locally.ts';

type Answer = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** Listens at once, and answers 404 until it is told what to answer. */
export class LateServer {
  url = '';
  answer: Answer = async (_, response) => {
    response.writeHead(404, { 'content-type': 'application/json' }).end('{"message":"Not Found"}');
  };
}

export interface RehearsalServers {
  readonly emulators: Emulators;
  /** Where functions reach the services: the emulators, or proxies in front of them. */
  readonly endpoints: Endpoints;
  readonly calls: CallCounts;
  /** Names of functions by the access keys that they sign with. */
  readonly keys: Map<string, string>;
  /** Of functions; they learn of the policies once the template is read. */
  readonly permissions: Permissions;
  readonly runtimeApi: RuntimeApi;
  readonly api: LateServer;
  readonly lambda: LateServer;
}

/** @param started Takes what has to be stopped. */
export async function startServers(options: RehearseOptions, started: AsyncDisposableStack): Promise<RehearsalServers> {
  const emulators = started.use(await startEmulators(options));
  const calls = new CallCounts();
  const keys = new Map<string, string>();
  const permissions = new Permissions(options.permissions !== 'reported');
  const watched = { calls, keys, permissions };
  const endpoints = await proxied(emulators.endpoints, options.proxy ?? 'count', watched, started);
  const runtimeApi = started.use(new RuntimeApi());
  await runtimeApi.listen();
  const api = await lateServer(started);
  const lambda = await lateServer(started);
  return { emulators, endpoints, ...watched, runtimeApi, api, lambda };
}

async function lateServer(started: AsyncDisposableStack): Promise<LateServer> {
  const late = new LateServer();
  late.url = started.use(await serveLocally((request, response) => late.answer(request, response))).url;
  return late;
}

async function proxied(
  endpoints: Endpoints,
  proxy: 'none' | 'count' | CallHook,
  { calls, keys, permissions }: Pick<RehearsalServers, 'calls' | 'keys' | 'permissions'>,
  started: AsyncDisposableStack,
): Promise<Endpoints> {
  if (proxy === 'none') return endpoints;
  const options = {
    hook: proxy === 'count' ? undefined : proxy,
    counts: calls,
    functionOf: (key: string) => keys.get(key),
    permissions,
  };
  const serve = async (service: keyof Endpoints) =>
    started.use(await serveProxy(service, endpoints[service], options)).url;
  return { sns: await serve('sns'), sqs: await serve('sqs'), s3: await serve('s3'), dynamodb: await serve('dynamodb') };
}
