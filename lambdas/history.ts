/** @module Answers what is read over the HTTP API. */
import type { GuildManifest } from '../lib/environment/guild-manifest.ts';
import { httpHandler } from '../lib/hosts/lambda/http-handler.ts';

/** The guild as its deployment knows it, put here when the function is bundled. */
declare const GUILDWIRE_MANIFEST: GuildManifest;

export const handler = httpHandler(GUILDWIRE_MANIFEST);
