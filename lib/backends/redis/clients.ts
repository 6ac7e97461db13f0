/** @module The client library's connections, as this backend wants them: nothing is queued or repeated behind its back. */
import { Cluster, Redis } from 'ioredis';
import { InvalidArgumentError } from '../../core/errors.ts';
import type { RedisSettings } from './redis-options.ts';
import { parseRedisUrl, type RedisAddress } from './redis-url.ts';

export type Client = Redis | Cluster;

const FIRST_RECONNECT_MS = 50;
const MAX_RECONNECT_MS = 2_000;
const KEEP_ALIVE_MS = 10_000;

/** Ever longer, so that a server that comes back is not run over. */
function reconnectMs(times: number): number {
  return Math.min(FIRST_RECONNECT_MS * 2 ** Math.min(times, 10), MAX_RECONNECT_MS) * (0.5 + Math.random() / 2);
}

/**
 * @param onError Told why there is no connection.
 * @param mayQueue Whether commands wait for the connection, which those that only listen may.
 */
export function createClient(
  url: string,
  { timeoutMs, tls, natMap, replicas, sentinelPassword }: RedisSettings,
  onError: (error: Error) => void,
  mayQueue = false,
): Client {
  const address = parseRedisUrl(url);
  if (address.kind === 'cluster' && replicas > 0)
    throw new InvalidArgumentError([{ field: 'replicas', problem: `got ${replicas}: allowed for a cluster is 0` }]);
  const { username, password, database, master, nodes } = address;
  const encryption = address.isEncrypted || tls !== undefined ? { tls: { ...tls } } : {};
  const options = {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...encryption,
    autoResendUnfulfilledCommands: mayQueue,
    // Otherwise what is cut off without being sent again would never be answered.
    maxRetriesPerRequest: mayQueue ? null : 0,
    connectTimeout: timeoutMs,
    keepAlive: KEEP_ALIVE_MS,
    // A host that is gone without a word: the next connection may find who has taken over.
    ...(!mayQueue && { socketTimeout: 2 * timeoutMs }),
  };
  const [first = { host: '127.0.0.1', port: 6379 }] = nodes;
  const own = { enableOfflineQueue: mayQueue, lazyConnect: true };
  const client =
    address.kind === 'cluster'
      ? new Cluster([...nodes], {
          ...own,
          redisOptions: options,
          clusterRetryStrategy: reconnectMs,
          ...(natMap && { natMap }),
        })
      : new Redis({
          ...options,
          ...own,
          ...(master === undefined ? first : sentinelOptions(address, encryption.tls, sentinelPassword)),
          db: database,
          retryStrategy: reconnectMs,
        });
  client.on('error', onError);
  client.connect().catch(onError);
  return client;
}

/** Where rediss: is asked for, the Sentinels are asked over TLS as well. */
function sentinelOptions({ nodes, master }: RedisAddress, tls: object | undefined, password: string | undefined) {
  return {
    sentinels: [...nodes],
    name: master,
    ...(tls && { sentinelTLS: tls, enableTLSForSentinelMode: true }),
    ...(password !== undefined && { sentinelPassword: password }),
  };
}
