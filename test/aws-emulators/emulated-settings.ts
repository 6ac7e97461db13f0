/** Settings of the backend on AWS for emulators. */
import { type AwsOptions, type AwsSettings, awsSettings } from '../../lib/backends/aws/aws-settings.ts';
import type { GuildManifest, ManifestFamily } from '../../lib/environment/guild-manifest.ts';
import type { Emulators } from '../../lib/rehearsal/emulators.ts';

export const emptyManifest: GuildManifest = {
  guild: 'test',
  maxHops: 16,
  tracing: false,
  threads: true,
  allowUndeclared: true,
  declared: [],
  inferred: [],
  ordered: [],
  agents: [],
};

export const manifestFamily = (pattern: string, given: Partial<ManifestFamily> = {}): ManifestFamily => ({
  pattern,
  retentionDays: 30,
  relay: 'log',
  shards: 1,
  formats: [],
  ...given,
});

/** @param given Goes before what the emulators say. */
export function emulatedSettings(
  { endpoints, region, credentials }: Pick<Emulators, 'endpoints' | 'region' | 'credentials'>,
  tables: Pick<AwsSettings, 'messagesTable' | 'ledgerTable'>,
  given: Partial<AwsOptions> = {},
): AwsSettings {
  return awsSettings({ manifest: emptyManifest, region, credentials, ...tables, endpoints, ...given }, {});
}

/** How attempts go, where nothing is said. */
export const attempts = {
  retry: { attempts: 5, baseMs: 1_000, maxMs: 300_000 },
  timeoutMs: 30_000,
  concurrency: 10,
  profile: 'fast',
} as const;
