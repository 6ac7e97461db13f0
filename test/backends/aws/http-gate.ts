/** A way to an emulator that tells what goes through, and can be closed. */
import { Agent, createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** One call, as it was answered. */
export interface Passed {
  /** Such as `PutItem`. */
  readonly operation: string;
  readonly body: Buffer;
  readonly status: number;
  readonly answer: Buffer;
}

export class HttpGate implements AsyncDisposable {
  isOpen = true;
  /** Whether a call does not get through. */
  isRefused: (operation: string) => boolean = () => false;
  /** Whether the answer to a call gets lost. */
  isLost: (passed: Passed) => boolean = () => false;
  /** Calls that have begun or ended, but for those that wait for something to come, and for queries. */
  passages = 0;
  /** Queries that were answered: who follows the log asks again and again. */
  queries = 0;
  readonly #server: Server;
  readonly #target: URL;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #onPassed: (passed: Passed) => void;
  readonly #sockets = new Set<Socket>();

  private constructor(target: string, onPassed: (passed: Passed) => void) {
    this.#target = new URL(target);
    this.#onPassed = onPassed;
    this.#server = createServer((incoming, answer) => void this.#pass(incoming, answer));
    this.#server.on('connection', (socket) => {
      if (!this.isOpen) socket.destroy();
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  static async open(target: string, onPassed: (passed: Passed) => void = () => {}): Promise<HttpGate> {
    const gate = new HttpGate(target, onPassed);
    await new Promise<void>((resolve) => gate.#server.listen(0, '127.0.0.1', resolve));
    return gate;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  setOpen(isOpen: boolean): void {
    this.isOpen = isOpen;
    if (!isOpen) for (const socket of this.#sockets) socket.destroy();
  }

  async #pass(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const body = await collect(incoming);
    const { 'x-amz-target': target = '' } = incoming.headers;
    const operation = String(target).split('.').at(-1) ?? '';
    const isCounted = operation !== 'ReceiveMessage' && operation !== 'Query';
    if (isCounted) this.passages++;
    if (this.isRefused(operation)) return void outgoing.destroy();
    const { hostname, port } = this.#target;
    const { url: path, method, headers } = incoming;
    const call = request({ hostname, port, path, method, headers, agent: this.#agent }, async (answered) => {
      const answer = await collect(answered).catch(() => undefined);
      if (answer === undefined) return outgoing.destroy();
      if (isCounted || answer.includes('"Messages"')) this.passages++;
      if (operation === 'Query') this.queries++;
      const { statusCode: status = 500 } = answered;
      const passed = { operation, body, status, answer };
      this.#onPassed(passed);
      if (!this.isOpen || this.isLost(passed)) return outgoing.destroy();
      outgoing.writeHead(status, answered.headers);
      outgoing.end(answer);
    });
    call.on('error', () => outgoing.destroy());
    call.end(body);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#agent.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

async function collect(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
