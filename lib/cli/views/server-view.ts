/** @module What a Redis server tells of itself, in a line, and what may be lost with it. */
import type { ServerDescription } from '../../backends/redis/server-description.ts';

const MIB = 1024 * 1024;

/** `version 7.2.4, standalone, appendfsync everysec, 1 replica, eviction policy noeviction, 3 MiB used of 64 MiB`. */
export function toServerLine(server: ServerDescription): string {
  const { version, mode, masters, replicas, appendfsync, maxmemoryPolicy } = server;
  return [
    `version ${version ?? UNTOLD}`,
    masters > 1 ? `${mode} of ${masters} masters` : mode,
    `appendfsync ${appendfsync ?? UNTOLD}`,
    replicas === undefined ? `replicas ${UNTOLD}` : `${replicas} ${replicas === 1 ? 'replica' : 'replicas'}`,
    `eviction policy ${maxmemoryPolicy ?? UNTOLD}`,
    ...memory(server),
  ].join(', ');
}

const UNTOLD = 'not told to this user';

function memory({ usedMemoryBytes, maxmemoryBytes }: ServerDescription): readonly string[] {
  if (usedMemoryBytes === undefined) return [];
  const used = `${Math.ceil(usedMemoryBytes / MIB)} MiB used`;
  return [maxmemoryBytes ? `${used} of ${Math.ceil(maxmemoryBytes / MIB)} MiB` : `${used}, no limit`];
}

/** What is lost when the server dies, and what to do; undefined where nothing is. */
export function toServerRisk({ appendfsync }: ServerDescription): string | undefined {
  if (appendfsync === undefined || appendfsync === 'always') return undefined;
  if (appendfsync === 'everysec')
    return 'a server that dies may lose the last second of what it accepted: `appendfsync always` loses nothing';
  return 'a server that dies loses what it accepted: set `appendonly yes`, and `appendfsync` always or everysec';
}
