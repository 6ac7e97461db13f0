import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort, programOf, type RedisServer } from './redis-server.ts';

const NAME = 'main';

/** One Sentinel that watches a server, and makes a replica of it the master when it is gone. */
export class RedisSentinel implements AsyncDisposable {
  readonly #port: number;
  readonly #folder: string;
  readonly #child: ChildProcess;

  private constructor(port: number, folder: string, child: ChildProcess) {
    this.#port = port;
    this.#folder = folder;
    this.#child = child;
  }

  /** Resolves when it knows the master and that many replicas of it. */
  static async start(master: RedisServer, replicas: number): Promise<RedisSentinel> {
    const port = await freePort();
    const folder = mkdtempSync(join(tmpdir(), 'guildwire-sentinel-'));
    const file = join(folder, 'sentinel.conf');
    const lines = [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${folder}`,
      `sentinel monitor ${NAME} 127.0.0.1 ${master.port} 1`,
      `sentinel down-after-milliseconds ${NAME} 300`,
      `sentinel failover-timeout ${NAME} 3000`,
    ];
    writeFileSync(file, lines.join('\n'));
    const child = spawn(programOf('redis-server', 'valkey-server'), [file, '--sentinel'], { stdio: 'ignore' });
    const sentinel = new RedisSentinel(port, folder, child);
    const client = new Redis(port);
    client.on('error', () => {});
    for (;;) {
      const known = await client.call('SENTINEL', 'REPLICAS', NAME).catch(() => []);
      if ((known as readonly unknown[]).length >= replicas) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    client.disconnect();
    return sentinel;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.#port}?sentinel=${NAME}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGTERM');
    await gone;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
