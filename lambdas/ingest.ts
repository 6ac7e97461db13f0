/** @module Publishes, over the HTTP API and by `aws lambda invoke`. */
import type { GuildManifest } from '../lib/environment/guild-manifest.ts';
import { ingestHandler } from '../lib/hosts/lambda/ingest-handler.ts';

/** The guild as its deployment knows it, put here when the function is bundled. */
declare const GUILDWIRE_MANIFEST: GuildManifest;

export const handler = ingestHandler(GUILDWIRE_MANIFEST);
