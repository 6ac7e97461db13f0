/** @module Hands what was stored to the agents that follow it. */
import type { GuildManifest } from '../lib/environment/guild-manifest.ts';
import { relayHandler } from '../lib/hosts/lambda/relay-handler.ts';

/** The guild as its deployment knows it, put here when the function is bundled. */
declare const GUILDWIRE_MANIFEST: GuildManifest;

export const handler = relayHandler(GUILDWIRE_MANIFEST);
