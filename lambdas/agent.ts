/** @module Hosts one agent of a guild: imported by the stub that its deployment writes for it. */
import type { GuildManifest } from '../lib/environment/guild-manifest.ts';
import type { Agent } from '../lib/guild/define-agent.ts';
import { type AgentHandlerFunction, agentHandler as hostOf } from '../lib/hosts/lambda/agent-handler.ts';

/** The guild as its deployment knows it, put here when the function is bundled. */
declare const GUILDWIRE_MANIFEST: GuildManifest;

/**
 * The function of the agent. Under which name it runs, its environment says.
 *
 * @param agent The default export of the agent's file.
 */
export const agentHandler = (agent: Agent): AgentHandlerFunction => hostOf(agent, GUILDWIRE_MANIFEST);
