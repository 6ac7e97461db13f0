/** @module What `guildwire/client` exports: the bus over HTTP. */
export type { Client, ClientTailOptions, GuildView } from './client.ts';
export { ProblemError, UnreachableError, UploadFailedError } from './client-errors.ts';
export { type ClientOptions, createClient } from './create-client.ts';
