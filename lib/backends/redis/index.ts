/** @module guildwire/redis: the backend of many processes and hosts, opened with its own options. It needs the package `ioredis`. */
export { openRedisBackend, type RedisBackend } from './redis-backend.ts';
export type { ConnectionDetail, ConnectionState, RedisOptions } from './redis-options.ts';
export type { ServerDescription } from './server-description.ts';
