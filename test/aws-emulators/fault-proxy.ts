/** An HTTP proxy in front of an emulator that lets chosen calls fail, before or after they took effect, and counts all. */
import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/**
 * - `throttled`: refused as AWS refuses what comes too fast; without effect.
 * - `failed-before`, `reset-before`: a 500, or a connection that breaks, without effect.
 * - `failed-after`, `reset-after`: the same, but the call took effect.
 */
export const faults = ['throttled', 'failed-before', 'failed-after', 'reset-before', 'reset-after'] as const;
export type Fault = (typeof faults)[number];

/** Undefined lets the call through. `count` is how many calls of that operation there were before, `body` what it says. */
export type FaultPlan = (operation: string, count: number, body: Buffer) => Fault | undefined;

export interface FaultProxy extends AsyncDisposable {
  readonly url: string;
  /** Calls by operation, such as `PutItem`. */
  readonly calls: ReadonlyMap<string, number>;
  /** What was done to which call. */
  readonly injected: readonly string[];
  plan: FaultPlan;
}

/** Lets `rate` of all calls fail, in every way there is. */
export function randomFaults(random: () => number, rate: number): FaultPlan {
  return () => (random() < rate ? faults[Math.floor(random() * faults.length)] : undefined);
}

/** @param target URL of the emulator. */
export async function startFaultProxy(target: string, plan: FaultPlan = () => undefined): Promise<FaultProxy> {
  const agent = new Agent({ keepAlive: true });
  const calls = new Map<string, number>();
  const injected: string[] = [];
  const state = { plan };

  const answer = async (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const body = await buffer(incoming);
    const isJson = incoming.headers['x-amz-target'] !== undefined;
    const operation = operationOf(incoming, body);
    const count = calls.get(operation) ?? 0;
    calls.set(operation, count + 1);
    const fault = state.plan(operation, count, body);
    if (fault !== undefined) injected.push(`${operation} ${count}: ${fault}`);
    if (fault === 'throttled') return refuse(outgoing, 400, 'ThrottlingException', isJson);
    if (fault === 'failed-before') return refuse(outgoing, 500, 'InternalServerError', isJson);
    if (fault === 'reset-before') return void incoming.socket.destroy();
    const { method, headers, url } = incoming;
    const forwarded = request(new URL(url ?? '/', target), { method, headers, agent });
    forwarded.end(body);
    const [reply] = (await once(forwarded, 'response')) as [IncomingMessage];
    const said = await buffer(reply);
    if (fault === 'failed-after') return refuse(outgoing, 500, 'InternalServerError', isJson);
    if (fault === 'reset-after') return void incoming.socket.destroy();
    outgoing.writeHead(reply.statusCode ?? 500, reply.headers).end(said);
  };
  const server = createServer((incoming, outgoing) => {
    answer(incoming, outgoing).catch(() => incoming.socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    injected,
    get plan() {
      return state.plan;
    },
    set plan(next) {
      state.plan = next;
    },
    async [Symbol.asyncDispose]() {
      agent.destroy();
      server.closeAllConnections();
      server.close();
    },
  };
}

/** From the header of the JSON protocols, else from the form of the query protocol, else the method. */
function operationOf({ headers, method = '' }: IncomingMessage, body: Buffer): string {
  const target = headers['x-amz-target'];
  if (typeof target === 'string') return target.slice(target.indexOf('.') + 1);
  return /(?:^|&)Action=(\w+)/.exec(body.toString('latin1'))?.[1] ?? method;
}

function refuse(outgoing: ServerResponse, status: number, code: string, isJson: boolean): void {
  const text = isJson
    ? JSON.stringify({ __type: `com.amazonaws#${code}`, message: 'as planned' })
    : `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>as planned</Message></Error></ErrorResponse>`;
  outgoing.writeHead(status, { 'content-type': isJson ? 'application/x-amz-json-1.0' : 'text/xml' }).end(text);
}
