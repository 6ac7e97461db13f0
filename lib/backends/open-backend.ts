/** @module Backends by URL. */
import type { Clock } from '../core/clock.ts';
import { BackendUnavailableError, InvalidArgumentError } from '../core/errors.ts';
import { show } from '../core/show.ts';
import type { TopicFamilies } from '../core/topic-family.ts';
import type { Backend } from './backend.ts';
import { loadClient } from './load-client.ts';
import { MemoryBackend } from './memory/memory-backend.ts';

export interface OpenBackendOptions {
  /** The guild's families, for what they say about retention. @default - 30 days for every topic */
  readonly families?: TopicFamilies;
  /** @default - the system's */
  readonly clock?: Clock;
  /** Numbers in [0, 1), for repeatable tests. @default - the platform's */
  readonly random?: () => number;
}

type Opener = (url: string, options: OpenBackendOptions) => Promise<Backend>;

/** Backends with a client of their own: loaded when they are asked for, by the scheme of their URL. */
const loaders: Readonly<Record<string, { readonly client: string; load(): Promise<Opener> }>> = {
  aws: {
    client: '@aws-sdk/client-dynamodb',
    load: async () => (await import('./aws/open-aws-backend.ts')).openAwsBackend,
  },
  redis: { client: 'ioredis', load: async () => (await import('./redis/redis-backend.ts')).openRedisBackend },
};

/** The memory backends that were opened by name, with how often each is open. */
const shared = new Map<string, { readonly backend: MemoryBackend; users: number }>();

/**
 * Opens a backend; dispose of it when done.
 *
 * `memory:` belongs to whoever opens it; `memory:NAME` is shared by all who open that name in this process, with the options
 * of the first, until the last of them closes it.
 *
 * `redis://[user:password@]host[:port][/database]` is a server of Redis 7 or later, `rediss:` the same over TLS, and
 * `?cluster=true` or `?sentinel=NAME` at the end says that several hosts belong together. It needs the package `ioredis`.
 *
 * `aws:FILE` is what was deployed on AWS, by the file that `cdk deploy --outputs-file FILE` wrote (`#STACK` if it has several
 * stacks), and `aws:` what the environment of a function names. It needs the packages `@aws-sdk/client-*`.
 *
 * @throws InvalidArgumentError for a URL of no known kind, and for a backend whose client is not installed.
 * @example
 * await using backend = await openBackend('memory:');
 */
export async function openBackend(url: string, options: OpenBackendOptions = {}): Promise<Backend> {
  if (url === 'memory:') return new MemoryBackend(options);
  if (/^memory:[A-Za-z0-9_-]{1,64}$/.test(url)) return openShared(url, options);
  const loader = loaders[url.slice(0, url.indexOf(':')).replace(/^rediss$/, 'redis')];
  if (loader !== undefined) return (await loadClient(loader.client, loader.load))(url, options);
  throw refused(`got ${show(withoutSecrets(url))}: known are memory:, memory:NAME, redis://, rediss:// and aws:`);
}

const refused = (problem: string) => new InvalidArgumentError([{ field: 'backend', problem }]);

/** Scheme and host: a password may stand in any other part of a URL. */
function withoutSecrets(url: string): string {
  if (url.startsWith('memory') || !url.includes(':')) return url;
  const { protocol, hostname } = URL.parse(url) ?? { protocol: `${url.slice(0, url.indexOf(':'))}:`, hostname: '' };
  return hostname === '' ? `${protocol}…` : `${protocol}//${hostname}/…`;
}

function openShared(url: string, options: OpenBackendOptions): Backend {
  const entry = shared.get(url) ?? { backend: new MemoryBackend(options), users: 0 };
  shared.set(url, entry);
  entry.users++;
  let isOpen = true;
  const close = async () => {
    if (!isOpen) return;
    isOpen = false;
    if (--entry.users > 0) return;
    shared.delete(url);
    await entry.backend[Symbol.asyncDispose]();
  };
  return new Proxy(entry.backend, {
    get(backend, property) {
      if (property === Symbol.asyncDispose) return close;
      const value: unknown = Reflect.get(backend, property, backend);
      if (typeof value !== 'function') return value;
      if (!isOpen)
        return () => Promise.reject(new BackendUnavailableError(`backend "${url}" was closed here: open it anew`));
      return value.bind(backend);
    },
  });
}
