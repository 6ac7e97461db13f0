/** @module Constructs of the AWS CDK that deploy a guild. `new Guild(this, 'DocReview', { guild })` is all of it. */
export type { AgentDeployment } from './agent-deployment.ts';
export { AgentFunction, type AgentFunctionProps } from './agent-function.ts';
export { AgentQueues, type AgentQueuesProps } from './agent-queues.ts';
export type { BundleOptions } from './bundle.ts';
export { Edge, type EdgeProps } from './edge.ts';
export type { Filter, FilterPolicy, Lane } from './filter-policy.ts';
export { Guild, type GuildProps } from './guild.ts';
export { GuildApi, type GuildApiOptions, type GuildApiProps, type JwtAuthorization } from './guild-api.ts';
export { GuildMonitoring, type GuildMonitoringOptions, type GuildMonitoringProps } from './guild-monitoring.ts';
export { Janitor, type JanitorProps } from './janitor.ts';
export { type ManifestOptions, manifestOf } from './manifest-of.ts';
export { MessageLog, type MessageLogAttributes, type MessageLogProps } from './message-log.ts';
export type { IMessageLog } from './message-log-base.ts';
export type { Namespaces } from './permissions.ts';
export { Relay, type RelayProps } from './relay.ts';
export { TopicFamily, type TopicFamilyAttributes, type TopicFamilyProps } from './topic-family.ts';
export type { ITopicFamily, LaneFilter } from './topic-family-base.ts';
export { UndeployableError } from './undeployable-error.ts';
