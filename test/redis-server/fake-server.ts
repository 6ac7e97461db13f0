import { createServer, type Server, type Socket } from 'node:net';

/** A server of another age: it tells about itself what it is told to, and knows no other command. */
export class FakeServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(info: string) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('data', (chunk) => {
        for (const command of commandsIn(chunk.toString())) {
          const unknown = `-ERR unknown command '${command}', with args beginning with: 's3cret'\r\n`;
          socket.write(command.toUpperCase() === 'INFO' ? `$${info.length}\r\n${info}\r\n` : unknown);
        }
      });
    });
  }

  static async start(info: string): Promise<FakeServer> {
    const fake = new FakeServer(info);
    await new Promise<void>((resolve) => fake.#server.listen(0, '127.0.0.1', resolve));
    return fake;
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.#server.address() as { port: number }).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** The first word of each command: what is sent here is small, so a chunk holds whole ones. */
function commandsIn(text: string): readonly string[] {
  return text
    .split(/^\*\d+\r\n/m)
    .filter((command) => command !== '')
    .map((command) => command.split('\r\n')[1] ?? '');
}
