/** @module What `guildwire/lambda` exports: hosting a guild's agents and its edges in functions of AWS Lambda. */
export type { GuildManifest } from '../../environment/guild-manifest.ts';
export {
  type AgentHandlerFunction,
  type AgentHandlerOptions,
  agentHandler,
  type EventBackend,
} from './agent-handler.ts';
export type { EventBatch, EventLease } from './agent-run.ts';
export { namespacesClaim, permissionsClaim } from './caller.ts';
export type { HttpHandlerOptions } from './edge.ts';
export type { BatchAnswer, HttpAnswer, HttpEvent, LambdaContext } from './events.ts';
export { type HttpHandler, httpHandler } from './http-handler.ts';
export {
  type IngestAnswer,
  type IngestEvent,
  type IngestMessage,
  type IngestOutcome,
  IngestRefusedError,
  ingestHandler,
} from './ingest-handler.ts';
export { type JanitorAnswer, type JanitorHandlerOptions, janitorHandler } from './janitor-handler.ts';
export { type RelayEvent, type RelayHandlerOptions, relayHandler } from './relay-handler.ts';
