/** @module The backend of the deployment that a function belongs to. */
import { AwsBackend } from '../../backends/aws/aws-backend.ts';
import type { SwitchMapping } from '../../backends/aws/calls/switch-mapping.ts';
import type { OpenUploads } from '../../backends/aws/log/uploads.ts';
import type { GuildManifest } from '../../environment/guild-manifest.ts';

/**
 * By what the function's environment says.
 *
 * @param switcher Of functions that pause agents: turns event sources off and on.
 * @param openUploads Of functions that publish for others: lets them put large payloads into the bucket.
 * @throws InvalidArgumentError naming everything that it lacks.
 */
export const openDeployed = async (
  manifest: GuildManifest,
  switcher?: SwitchMapping,
  openUploads?: OpenUploads,
): Promise<AwsBackend> => new AwsBackend({ manifest }, switcher, openUploads);
