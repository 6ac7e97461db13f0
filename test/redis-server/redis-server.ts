import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { Redis } from 'ioredis';

const HOW_TO_GET_IT =
  'these tests need a redis server: apt-get install redis-server (Debian), brew install redis (macOS), or docker run -p 6379:6379 redis:7 and REDIS_URL=redis://localhost:6379';

/** The first of the names that is a program on the PATH. */
export function programOf(...names: string[]): string {
  for (const name of names) {
    for (const folder of (process.env.PATH ?? '').split(delimiter)) {
      try {
        accessSync(join(folder, name), constants.X_OK);
        return join(folder, name);
      } catch {}
    }
  }
  throw new Error(HOW_TO_GET_IT);
}

/** Below the ports that connections go out from, so that nobody takes it while a server is away. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 22_000);
    const server = createServer();
    const { promise, resolve } = Promise.withResolvers<boolean>();
    server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true));
    const isFree = await promise;
    await new Promise((closed) => server.close(closed));
    if (isFree) return port;
  }
}

const IS_TAKEN = /Address already in use/;

/** A server of one test's own: on a free port, in a folder that goes away with it. */
export class RedisServer implements AsyncDisposable {
  readonly port: number;
  readonly #folder: string;
  readonly #options: readonly string[];
  #child: ChildProcess | undefined;

  private constructor(port: number, options: readonly string[]) {
    this.port = port;
    this.#options = options;
    this.#folder = mkdtempSync(join(tmpdir(), 'guildwire-redis-'));
  }

  /**
   * @param options As on the command line. @default - nothing is written to disk
   * @param isEncrypted Whether it takes nothing but TLS; the options then name its certificate.
   */
  static async start(options: readonly string[] = ['--save', ''], isEncrypted = false): Promise<RedisServer> {
    for (;;) {
      const port = await freePort();
      const secret = isEncrypted ? ['--port', '0', '--tls-port', `${port}`] : [];
      const server = new RedisServer(port, [...options, ...secret]);
      try {
        await server.restart();
        return server;
      } catch (error) {
        rmSync(server.#folder, { recursive: true, force: true });
        // Somebody else was faster.
        if (!IS_TAKEN.test(String(error))) throw error;
      }
    }
  }

  /** Where the other nodes of a cluster reach it. */
  get busPort(): number {
    return Number(this.#options[this.#options.indexOf('--cluster-port') + 1]);
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts it again on what it wrote. */
  async restart(): Promise<void> {
    const program = programOf('redis-server', 'valkey-server');
    const place = ['--port', `${this.port}`, '--bind', '127.0.0.1', '--dir', this.#folder];
    const child = spawn(program, [...place, ...this.#options], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#child = child;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      if (/Ready to accept connections/.test(output)) resolve();
    });
    child.once('exit', () => reject(new Error(`the redis server did not start: ${output.slice(-500)}`)));
    await promise;
    child.stdout.removeAllListeners('data').resume();
  }

  async command(name: string, ...args: readonly string[]): Promise<unknown> {
    const client = new Redis(this.url);
    const answer = await client.call(name, ...args);
    client.disconnect();
    return answer;
  }

  /** As on a host that hangs, until `resume`. */
  pause(): void {
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await gone;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.resume();
    await this.kill('SIGTERM');
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/**
 * The server that `REDIS_URL` names, with its user, password and TLS, or one that is started; stopped when it is disposed of.
 *
 * It may hold other things: tests keep to a prefix of their own on it, and take nothing else away.
 */
export async function testServer(): Promise<AsyncDisposable & { readonly url: string }> {
  const url = process.env.REDIS_URL;
  if (url === undefined || url === '') return RedisServer.start();
  return { url, async [Symbol.asyncDispose]() {} };
}
