/** @module Redis URLs: one server, a cluster, or what Sentinel says is the server now. */
import { type FieldFault, InvalidArgumentError } from '../../core/errors.ts';

export type AddressKind = 'server' | 'cluster' | 'sentinel';

export interface RedisAddress {
  readonly kind: AddressKind;
  readonly nodes: readonly { readonly host: string; readonly port: number }[];
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
  readonly isEncrypted: boolean;
  /** What Sentinel calls the server. */
  readonly master: string | undefined;
}

const PARTS = /^(rediss?):\/\/(?:([^:@/]*)(?::([^@/]*))?@)?([^/?#]+)(?:\/(\d*))?(?:\?([^#]*))?$/;
const HOST = /^(\[[0-9a-fA-F:.]+\]|[^:[\]]+)(?::(\d+))?$/;
const PORT = 6379;
const SENTINEL_PORT = 26379;

/**
 * `redis://[user:password@]host[:port][,host[:port]…][/database][?cluster=true|?sentinel=NAME]`; `rediss:` for TLS.
 *
 * @throws InvalidArgumentError that shows nothing of the URL, which may hold a password.
 */
export function parseRedisUrl(url: string): RedisAddress {
  const parts = PARTS.exec(url);
  if (parts === null)
    throw refused('is none: allowed is redis://[user:password@]host[:port][/database], or rediss: for TLS');
  const [, scheme, username, password, hosts = '', database, options] = parts;
  const query = new URLSearchParams(options);
  const unknown = [...query.keys()].filter((key) => key !== 'cluster' && key !== 'sentinel');
  if (unknown.length > 0) throw refused(`has an option that is none: allowed are cluster and sentinel`);
  const master = query.get('sentinel') ?? undefined;
  const isCluster = query.get('cluster') === 'true';
  const nodes = hosts.split(',').map((host) => parseHost(host, master === undefined ? PORT : SENTINEL_PORT));
  if (nodes.length > 1 && !isCluster && master === undefined)
    throw refused('names several hosts: add ?cluster=true, or ?sentinel=NAME');
  if (isCluster && database !== undefined && database !== '' && database !== '0')
    throw refused('names a database, and a cluster has only the one');
  return {
    kind: isCluster ? 'cluster' : master === undefined ? 'server' : 'sentinel',
    nodes,
    username: decoded(username),
    password: decoded(password),
    database: Number(database || 0),
    isEncrypted: scheme === 'rediss',
    master,
  };
}

function decoded(part: string | undefined): string | undefined {
  if (part === undefined || part === '') return undefined;
  try {
    return decodeURIComponent(part);
  } catch {
    throw refused('has a user or password with a % that stands for nothing: write %25');
  }
}

function parseHost(text: string, fallback: number): { host: string; port: number } {
  const parts = HOST.exec(text);
  const port = Number(parts?.[2] ?? fallback);
  if (parts === null || port < 1 || port > 65_535) throw refused('has a host that is none: allowed is host:port');
  return { host: (parts[1] ?? '').replaceAll(/[[\]]/g, ''), port };
}

function refused(problem: string): InvalidArgumentError {
  const faults: FieldFault[] = [{ field: 'backend', problem: `the redis URL ${problem}` }];
  return new InvalidArgumentError(faults);
}
