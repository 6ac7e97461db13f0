/** @module Opening the backend on AWS by its URL. Apart from the backend, so that functions that know where they are lack it. */
import { InvalidArgumentError } from '../../core/errors.ts';
import { AwsBackend, type AwsBackendOptions } from './aws-backend.ts';
import { awsConnection } from './aws-connection.ts';
import { switchMapping } from './calls/switch-mapping.ts';
import { openUploads } from './log/uploads.ts';

/**
 * Opens a backend on a deployment; dispose of it when done. `aws:` reads the environment of the deployment's functions,
 * `aws:FILE` or `aws:FILE#STACK` what `cdk deploy --outputs-file FILE` wrote. Options go over both.
 *
 * @throws InvalidArgumentError naming everything that is missing or wrong.
 */
export async function openAwsBackend(url: string, options: Partial<AwsBackendOptions> = {}): Promise<AwsBackend> {
  const connection = await awsConnection(url);
  const manifest = options.manifest ?? connection.manifest;
  if (manifest === undefined) {
    const problem = 'is missing: open aws:FILE with the outputs of the deployment, or give the manifest';
    throw new InvalidArgumentError([{ field: 'manifest', problem }]);
  }
  return new AwsBackend({ ...connection, ...options, manifest }, switchMapping, openUploads);
}
