/** A server that speaks the JSON protocol of AWS and says what it is told: for answers that no emulator gives. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface ScriptedAnswer {
  /** @default 200 */
  readonly status?: number;
  readonly body: object;
  /** Of the `Date` header, Unix ms. @default - now */
  readonly at?: number;
}

export interface ScriptedServer extends AsyncDisposable {
  readonly url: string;
  /** What was asked, in order. */
  readonly asked: readonly { readonly operation: string; readonly input: Readonly<Record<string, unknown>> }[];
}

/** An error as AWS tells it. */
export const awsError = (name: string, message: string, status = 400): ScriptedAnswer => ({
  status,
  body: { __type: `com.amazonaws#${name}`, message },
});

/** @param script Gives the answer to the call of that index; undefined never answers. */
export async function startScriptedServer(
  script: (index: number, operation: string, input: Readonly<Record<string, unknown>>) => ScriptedAnswer | undefined,
): Promise<ScriptedServer> {
  const asked: { operation: string; input: Readonly<Record<string, unknown>> }[] = [];
  const server = createServer((incoming, outgoing) => {
    void text(incoming).then((said) => {
      const operation = String(incoming.headers['x-amz-target'] ?? '').replace(/^.*\./, '');
      const input = JSON.parse(said || '{}') as Readonly<Record<string, unknown>>;
      const answer = script(asked.push({ operation, input }) - 1, operation, input);
      if (answer === undefined) return;
      const { status = 200, body, at = Date.now() } = answer;
      const headers = { 'content-type': 'application/x-amz-json-1.0', date: new Date(at).toUTCString() };
      outgoing.writeHead(status, headers).end(JSON.stringify(body));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}
