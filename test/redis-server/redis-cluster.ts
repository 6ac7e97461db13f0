import { Redis } from 'ioredis';
import { freePort, RedisServer } from './redis-server.ts';

const SLOTS = 16_384;

/** Servers of one test's own that share the slots among them. */
export class RedisCluster implements AsyncDisposable {
  readonly servers: readonly RedisServer[];

  private constructor(servers: readonly RedisServer[]) {
    this.servers = servers;
  }

  static async start(size = 3): Promise<RedisCluster> {
    const options = ['--save', '', '--cluster-enabled', 'yes', '--cluster-node-timeout', '2000'];
    const servers: RedisServer[] = [];
    for (let index = 0; index < size; index++)
      servers.push(await RedisServer.start([...options, '--cluster-port', `${await freePort()}`]));
    await join(servers);
    return new RedisCluster(servers);
  }

  get url(): string {
    return `redis://${this.servers.map(({ port }) => `127.0.0.1:${port}`).join(',')}?cluster=true`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.servers.map((server) => server[Symbol.asyncDispose]()));
  }
}

async function join(servers: readonly RedisServer[]): Promise<void> {
  const clients = servers.map(({ url }) => new Redis(url));
  const share = Math.ceil(SLOTS / servers.length);
  const [first] = clients as [Redis];
  for (const [index, client] of clients.entries()) {
    await client.call('CLUSTER', 'ADDSLOTSRANGE', index * share, Math.min(SLOTS, (index + 1) * share) - 1);
    await client.call('CLUSTER', 'SET-CONFIG-EPOCH', index + 1);
    if (index === 0) continue;
    const { port, busPort } = servers[index] as RedisServer;
    await first.call('CLUSTER', 'MEET', '127.0.0.1', port, busPort);
  }
  for (const client of clients) {
    for (;;) {
      const info = String(await client.call('CLUSTER', 'INFO'));
      if (/cluster_state:ok/.test(info) && info.includes(`cluster_known_nodes:${servers.length}`)) break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    client.disconnect();
  }
}
