/** @module What a server tells about itself: whether it can be used, and what an operator wants to know. */
import { Cluster, type Redis } from 'ioredis';
import type { InvalidArgumentError } from '../../core/errors.ts';
import type { Client } from './clients.ts';
import { messageOf, unusable } from './faults.ts';

const OLDEST_VERSION = 7;

/**
 * A server, or the masters of a cluster together: texts that differ between them are listed, replicas are the fewest that
 * any of them has, bytes are the sum. Undefined is what the user of the URL may not ask for.
 */
export interface ServerDescription {
  readonly version: string | undefined;
  readonly mode: 'standalone' | 'sentinel' | 'cluster';
  /** Servers that take writes. */
  readonly masters: number;
  /** Connected ones, of each master. */
  readonly replicas: number | undefined;
  /** How soon what is accepted is on disk: `always`, `everysec`, `no`; `off` where there is no append-only file. */
  readonly appendfsync: string | undefined;
  readonly maxmemoryPolicy: string | undefined;
  /** 0 for no limit. */
  readonly maxmemoryBytes: number | undefined;
  readonly usedMemoryBytes: number | undefined;
}

type Fields = ReadonlyMap<string, string>;

/** Every server that runs functions. */
export function mastersOf(client: Client): readonly Redis[] {
  return client instanceof Cluster ? client.nodes('master') : [client];
}

/**
 * What keeps a server from being used; undefined also if it does not tell about itself.
 *
 * A server that throws away keys when memory is short would lose what was accepted.
 */
export async function serverFault(client: Client, mayChange: boolean): Promise<InvalidArgumentError | undefined> {
  const told = await Promise.all(mastersOf(client).map(infoOf));
  return told.map((fields) => faultOf(fields, mayChange)).find((fault) => fault !== undefined);
}

function faultOf(fields: Fields, mayChange: boolean): InvalidArgumentError | undefined {
  const version = fields.get('redis_version') ?? '';
  if (Number.parseInt(version, 10) < OLDEST_VERSION)
    return unusable(`is version ${version}: allowed is ${OLDEST_VERSION} or later`);
  const policy = fields.get('maxmemory_policy') ?? 'noeviction';
  if (policy !== 'noeviction')
    return unusable(`throws keys away when memory is short (maxmemory-policy ${policy}): set it to noeviction`);
  if (fields.get('role') === 'slave' && !mayChange)
    return unusable('is a read-only replica: open the URL of its master, or ?sentinel=NAME');
  return undefined;
}

export async function describeServer(client: Client, mode: ServerDescription['mode']): Promise<ServerDescription> {
  const masters = mastersOf(client);
  const told = await Promise.all(masters.map(infoOf));
  const texts = (field: string) => {
    const values = new Set(told.flatMap((fields) => fields.get(field) ?? []));
    return values.size === 0 ? undefined : [...values].join(', ');
  };
  const numbers = (field: string) => told.flatMap((fields) => fields.get(field) ?? []).map(Number);
  const sum = (field: string) => {
    const values = numbers(field);
    return values.length === 0 ? undefined : values.reduce((total, value) => total + value, 0);
  };
  const replicas = numbers('connected_slaves');
  const synced = new Set(await Promise.all(masters.map((master, index) => fsyncOf(master, told[index] as Fields))));
  const known = [...synced].filter((each) => each !== undefined);
  return {
    version: texts('redis_version'),
    mode,
    masters: masters.length,
    replicas: replicas.length === 0 ? undefined : Math.min(...replicas),
    appendfsync: known.length === 0 ? undefined : known.join(', '),
    maxmemoryPolicy: texts('maxmemory_policy'),
    maxmemoryBytes: sum('maxmemory'),
    usedMemoryBytes: sum('used_memory'),
  };
}

async function fsyncOf(server: Redis, fields: Fields): Promise<string | undefined> {
  if (fields.get('aof_enabled') === '0') return 'off';
  const answer = await server.config('GET', 'appendfsync').catch(unlessDenied);
  if (Array.isArray(answer)) return answer[1] as string | undefined;
  return (answer as Readonly<Record<string, string>> | undefined)?.appendfsync;
}

async function infoOf(server: Redis): Promise<Fields> {
  const told = (await server.info().catch(unlessDenied)) ?? '';
  return new Map(told.split('\r\n').map((line) => line.split(':') as [string, string]));
}

function unlessDenied(error: unknown): undefined {
  if (!/^NOPERM/.test(messageOf(error))) throw error;
}
