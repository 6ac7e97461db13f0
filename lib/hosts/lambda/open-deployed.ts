/** @module The backend of the deployment that a function belongs to. */
import { AwsBackend } from '../../backends/aws/aws-backend.ts';
import type { GuildManifest } from '../../environment/guild-manifest.ts';

/** By what the function's environment says. @throws InvalidArgumentError naming everything that it lacks. */
export const openDeployed = async (manifest: GuildManifest): Promise<AwsBackend> => new AwsBackend({ manifest });
