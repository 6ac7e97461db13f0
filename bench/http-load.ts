/** Requests over keep-alive connections, written and read as bytes: a client that costs less than the server that it measures. */
import { connect, type Socket } from 'node:net';

export interface Load {
  readonly port: number;
  /** A whole request, as it goes over the wire. */
  readonly request: Buffer;
  readonly connections: number;
}

const HEAD_END = Buffer.from('\r\n\r\n');

/** One request at a time on each connection. */
export class LoadClient implements AsyncDisposable {
  readonly #request: Buffer;
  readonly #lanes: readonly Lane[];

  private constructor(request: Buffer, lanes: readonly Lane[]) {
    this.#request = request;
    this.#lanes = lanes;
  }

  static async open({ port, request, connections }: Load): Promise<LoadClient> {
    return new LoadClient(request, await Promise.all(Array.from({ length: connections }, () => Lane.open(port))));
  }

  /** Sends `count` requests, and resolves when all were answered. */
  async run(count: number): Promise<void> {
    let left = count;
    let isOver = false;
    // Never asleep: waking a client is dear, and would be charged to the slower server only.
    const spin = () => !isOver && setImmediate(spin);
    spin();
    await Promise.all(
      this.#lanes.map(async (lane) => {
        while (left-- > 0) await lane.ask(this.#request);
      }),
    );
    isOver = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const lane of this.#lanes) lane.close();
  }
}

class Lane {
  readonly #socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #answered: ((error?: Error) => void) | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (bytes) => this.#take(bytes));
    socket.on('error', (error) => this.#answered?.(error));
  }

  static open(port: number): Promise<Lane> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => resolve(new Lane(socket)));
      socket.once('error', reject);
    });
  }

  ask(request: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#answered = (error) => (error === undefined ? resolve() : reject(error));
      this.#socket.write(request);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(bytes: Buffer): void {
    this.#received = this.#received.length === 0 ? bytes : Buffer.concat([this.#received, bytes]);
    const headEnd = this.#received.indexOf(HEAD_END);
    if (headEnd < 0) return;
    const head = this.#received.toString('latin1', 0, headEnd);
    const [, length = ''] = /content-length: (\d+)/i.exec(head) ?? [];
    if (length === '') {
      this.#answered?.(new Error(`no length in ${head}`));
      return;
    }
    if (this.#received.length < headEnd + HEAD_END.length + Number(length)) return;
    this.#received = Buffer.alloc(0);
    this.#answered?.(/^HTTP\/1\.1 2/.test(head) ? undefined : new Error(head.slice(0, 60)));
  }
}

export function httpRequest(method: string, path: string, body?: string): Buffer {
  const head = [`${method} ${path} HTTP/1.1`, 'Host: localhost:4100', 'Accept: */*'];
  if (body !== undefined) head.push('Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`);
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body ?? ''}`);
}
