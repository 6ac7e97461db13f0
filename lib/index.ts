/** @module What `guildwire` exports: formats, agents, guilds, the bus, ids and errors. */
export type * from './backends/backend.ts';
export type { Features } from './backends/features.ts';
export { MemoryBackend, type MemoryOptions } from './backends/memory/memory-backend.ts';
export { type OpenBackendOptions, openBackend } from './backends/open-backend.ts';
export { Bus, type BusOptions, openBus, type PublishEntry, type PublishOutcome, type Topics } from './bus/bus.ts';
export type { Explanation, Verdict } from './bus/explain.ts';
export type { HistoryQuery, TailQuery } from './bus/history-query.ts';
export { type Log, silentLog, stderrLog } from './bus/log.ts';
export type { PublishOptions } from './bus/publish-options.ts';
export type { DeadLetterPlan, ReplayPlan, RunPlanOptions } from './bus/recovery.ts';
export type { RequestOptions } from './bus/request-reply.ts';
export type { Settled, SettledOptions } from './bus/settled.ts';
export type { Interest } from './core/admission.ts';
export { type Clock, systemClock, type Timer } from './core/clock.ts';
export { DEAD_LETTER_FORMAT, type DeadLetter, deadLetterOf } from './core/dead-letter.ts';
export * from './core/errors.ts';
export type { Fault } from './core/fault.ts';
export { defineFormat, type Format, genericJson, type InputOf, type OutputOf } from './core/format.ts';
export {
  createGemstoneIdGenerator,
  type GemstoneId,
  type GemstoneIdGenerator,
  isGemstoneId,
  Priority,
  parseGemstoneId,
  priorityOf,
  timeOf,
} from './core/gemstone-id.ts';
export * from './core/handler-errors.ts';
export type { Json, JsonObject } from './core/json.ts';
export {
  type Attachment,
  type Budget,
  type Draft,
  effectiveKey,
  type Message,
  type MessageKey,
  type ProcessEntry,
  parseReference,
  type Reference,
  rootIdOf,
  type Sender,
  toReference,
} from './core/message.ts';
export type { RetryPolicy } from './core/retry-policy.ts';
export { matches } from './core/topic.ts';
export type { TopicFamilies, TopicFamily } from './core/topic-family.ts';
export { type AggregatorOptions, defineAggregator } from './guild/aggregator.ts';
export { FAILURE_FORMAT } from './guild/attempt.ts';
export type { Context, StateAccess } from './guild/context.ts';
export { type Agent, type AgentOptions, defineAgent, type Handler, type On } from './guild/define-agent.ts';
export { defineGuild, type Guild, type GuildOptions, type TopicOptions } from './guild/define-guild.ts';
export type { AnyContext, Hooks } from './guild/hooks.ts';
export { RunningGuild } from './guild/running-guild.ts';
export { type StartOptions, startGuild } from './guild/start-guild.ts';
