/** @module Where a deployment is, by the URL of the backend: from the environment, or from the outputs of a deployment. */
import { readFile } from 'node:fs/promises';
import { InvalidArgumentError } from '../../core/errors.ts';
import { show } from '../../core/show.ts';
import { CONNECTION_OUTPUT, connectionText } from '../../environment/aws-outputs.ts';
import type { GuildManifest } from '../../environment/guild-manifest.ts';
import type { AwsConnection } from './aws-settings.ts';

export type Deployment = AwsConnection & { readonly manifest?: GuildManifest };

/**
 * `aws:` says nothing, so that all comes from the environment; `aws:FILE` is what `cdk deploy --outputs-file FILE` wrote,
 * `aws:FILE#STACK` one of several stacks in it.
 *
 * @throws InvalidArgumentError
 */
export async function awsConnection(url: string): Promise<Deployment> {
  const [path = '', stack] = url.replace(/^aws:/, '').split('#');
  if (path === '') return {};
  const outputs = await readOutputs(path);
  const stacks = Object.keys(outputs).filter((name) => connectionText(outputs[name]) !== undefined);
  const [only, ...others] = stacks;
  if (stack === undefined && others.length > 0)
    throw refused(`${path} has the guilds of several stacks: say which, as in aws:${path}#${only}`);
  const name = stack ?? only;
  const connection = name === undefined ? undefined : connectionText(outputs[name]);
  if (connection === undefined) {
    const found = stacks.length === 0 ? 'none of a guild' : stacks.join(', ');
    throw refused(
      `${path} has no output ${CONNECTION_OUTPUT}${stack === undefined ? '' : ` of ${stack}`}: it has ${found}`,
    );
  }
  const parsed = parse(connection, `output ${CONNECTION_OUTPUT} of ${name} in ${path}`);
  return parsed as Deployment;
}

async function readOutputs(path: string): Promise<Readonly<Record<string, unknown>>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch {
    throw refused(`${show(path)} cannot be read: it is written by cdk deploy --outputs-file ${path}`);
  }
  return parse(text, path);
}

function parse(text: string, what: string): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === 'object' && parsed !== null) return parsed as Readonly<Record<string, unknown>>;
  } catch {
    // Told below.
  }
  throw refused(`${what} is no JSON object: deploy once more, with --outputs-file`);
}

const refused = (problem: string) => new InvalidArgumentError([{ field: 'backend', problem }]);
