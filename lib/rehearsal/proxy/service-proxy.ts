/** @module Stands in front of one emulated service: counts the calls of functions, judges them, and lets some go wrong. */
import { Agent, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { EmulatedService } from '../emulators.ts';
import type { Permissions } from '../permissions/permissions.ts';
import { readBody, type Served, serveLocally } from '../serve-locally.ts';
import type { CallCounts } from './call-counts.ts';
import { askingForCapacity } from './consumed-capacity.ts';
import { type CallHook, denialAnswer, type FaultAnswer, faultAnswer, type ServiceCall } from './faults.ts';

export interface ProxyOptions {
  readonly hook: CallHook | undefined;
  readonly counts: CallCounts;
  /** The function that signs with this access key. */
  readonly functionOf: (accessKeyId: string) => string | undefined;
  readonly permissions: Permissions;
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Buffer;
}

/** @param endpoint Of the emulator. Calls keep their `Host`, so that addresses in answers lead here again. */
export async function serveProxy(service: EmulatedService, endpoint: string, options: ProxyOptions): Promise<Served> {
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  const answer = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const call = callOf(service, incoming, await readBody(incoming), options);
    const signer = signerOf(incoming, options);
    const fault = options.hook?.(call);
    options.counts.begun(call, fault !== undefined);
    const say = ({ status, headers, body }: FaultAnswer) => void response.writeHead(status, headers).end(body);
    const refusal = signer === undefined ? undefined : options.permissions.refusal(signer, call);
    if (refusal !== undefined) return say(denialAnswer(service, refusal));
    const passed = fault?.when === 'before' ? undefined : await pass(incoming, bodyFor(call), endpoint, agent);
    if (passed !== undefined) options.counts.answered(call, passed.body);
    if (fault?.answer === 'reset') return void incoming.socket.destroy();
    if (fault !== undefined) return say(faultAnswer(service, fault.answer));
    if (passed === undefined) return;
    if (passed.status === 404 && signer !== undefined && isRead(call)) {
      const hidden = options.permissions.listRefusal(signer, call);
      if (hidden !== undefined) return say(denialAnswer(service, hidden));
    }
    response.writeHead(passed.status, passed.headers as Record<string, string>).end(passed.body);
  };
  const served = await serveLocally(answer);
  return {
    url: served.url,
    async [Symbol.asyncDispose]() {
      await served[Symbol.asyncDispose]();
      agent.destroy();
    },
  };
}

const isRead = ({ operation }: ServiceCall) => operation === 'GET object' || operation === 'HEAD object';

/** The function whose credentials a request was signed with, maybe for somebody else. */
function signerOf({ headers, url }: IncomingMessage, { functionOf }: ProxyOptions): string | undefined {
  const { searchParams } = new URL(url ?? '/', 'http://localhost');
  const credential = /Credential=([^,]+)/.exec(headers.authorization ?? '')?.[1];
  const [accessKeyId = ''] = (credential ?? searchParams.get('X-Amz-Credential') ?? '').split('/');
  return functionOf(accessKeyId);
}

const bodyFor = ({ service, operation, body }: ServiceCall) =>
  service === 'dynamodb' ? askingForCapacity(operation, body) : body;

function callOf(
  service: EmulatedService,
  { headers, method, url }: IncomingMessage,
  body: Buffer,
  options: ProxyOptions,
): ServiceCall {
  const [, accessKeyId = ''] = /Credential=([^/]+)\//.exec(headers.authorization ?? '') ?? [];
  const operation = () => {
    if (service === 's3') return `${method} ${/^\/[^/?]+\/[^?]/.test(url ?? '') ? 'object' : 'bucket'}`;
    if (service === 'sns') return new URLSearchParams(body.toString()).get('Action') ?? 'unknown';
    return String(headers['x-amz-target']).split('.')[1] ?? 'unknown';
  };
  return { service, operation: operation(), functionName: options.functionOf(accessKeyId), path: url ?? '/', body };
}

function pass(incoming: IncomingMessage, body: Buffer, endpoint: string, agent: Agent): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const { method, headers, url } = incoming;
  const { connection: _, 'transfer-encoding': __, ...kept } = headers;
  const outgoing = request(new URL(endpoint), {
    agent,
    method,
    path: url,
    headers: { ...kept, 'content-length': `${body.length}` },
  });
  outgoing.on('error', reject);
  outgoing.on('response', (response) => {
    readBody(response).then((content) => {
      const { connection: _c, 'transfer-encoding': _t, 'keep-alive': _k, ...others } = response.headers;
      const isHead = method === 'HEAD';
      const answered = isHead ? others : { ...others, 'content-length': `${content.length}` };
      resolve({ status: response.statusCode ?? 500, headers: answered, body: content });
    }, reject);
  });
  outgoing.end(body);
  return promise;
}
