import { connect, createServer, type Server, type Socket } from 'node:net';

/** A way to a server that can be closed: then connections break, and new ones are refused. */
export class TcpGate implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #isOpen = true;
  /** Where new connections lead to. */
  target: { readonly host: string; readonly port: number };
  #chunks = 0;

  private constructor(target: { readonly host: string; readonly port: number }) {
    this.target = target;
    this.#server = createServer((client) => {
      if (!this.#isOpen) {
        client.destroy();
        return;
      }
      this.#join(client, connect(this.target));
    });
  }

  static async open(target: { readonly host: string; readonly port: number }): Promise<TcpGate> {
    const gate = new TcpGate(target);
    await new Promise<void>((resolve) => gate.#server.listen(0, '127.0.0.1', resolve));
    return gate;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  /** How often something went through. */
  get chunks(): number {
    return this.#chunks;
  }

  set isOpen(isOpen: boolean) {
    this.#isOpen = isOpen;
    if (!isOpen) for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.isOpen = false;
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(client: Socket, server: Socket): void {
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(from);
      from.setNoDelay(true);
      from.on('error', () => {});
      from.on('data', () => {
        this.#chunks++;
      });
      from.once('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  }
}
