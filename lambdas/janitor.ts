/** @module Turns what got stuck into dead letters, and runs plans. */
import type { GuildManifest } from '../lib/environment/guild-manifest.ts';
import { janitorHandler } from '../lib/hosts/lambda/janitor-handler.ts';

/** The guild as its deployment knows it, put here when the function is bundled. */
declare const GUILDWIRE_MANIFEST: GuildManifest;

export const handler = janitorHandler(GUILDWIRE_MANIFEST);
