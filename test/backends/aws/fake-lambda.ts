/** Lambda, as far as event source mappings go: whether each is on. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface Change {
  readonly uuid: string;
  readonly isEnabled: boolean;
}

export class FakeLambda implements AsyncDisposable {
  /** By UUID; only those that were changed. */
  readonly isEnabled = new Map<string, boolean>();
  /** All that it was asked for, refused or not. */
  readonly asked: Change[] = [];
  /** Done before a change takes effect; gives the name of an error that refuses it. */
  before: (change: Change) => Promise<string | undefined> = async () => undefined;
  readonly #server = createServer(async (incoming, answer) => {
    const { Enabled } = JSON.parse(await text(incoming)) as { readonly Enabled: boolean };
    const uuid = incoming.url?.split('/').at(-1) ?? '';
    const change = { uuid, isEnabled: Enabled };
    this.asked.push(change);
    const refusal = await this.before(change);
    if (refusal === undefined) this.isEnabled.set(uuid, Enabled);
    const status = refusal === undefined ? 202 : refusal === 'AccessDeniedException' ? 403 : 409;
    answer.writeHead(status, { 'content-type': 'application/json', ...(refusal && { 'x-amzn-errortype': refusal }) });
    answer.end(JSON.stringify(refusal === undefined ? { UUID: uuid } : { message: 'no' }));
  });

  private constructor() {
    this.#server.listen(0, '127.0.0.1');
  }

  static async open(): Promise<FakeLambda> {
    const lambda = new FakeLambda();
    await once(lambda.#server, 'listening');
    return lambda;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
