/** @module The stacks of a cloud assembly, with those of its stages. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JsonObject } from '../../core/json.ts';
import { AssemblyError } from '../rehearsal-errors.ts';
import type { Notes } from './assembly-notes.ts';

/** What the manifest says of a stack. */
export interface StackArtifact {
  /** Of the assembly that holds it: `cdk.out`, or the folder of a stage in it. */
  readonly directory: string;
  readonly id: string;
  /** `aws://123456789012/eu-west-1`; `unknown-account` and `unknown-region` stand for any. */
  readonly environment?: string;
  /** As `cdk list` prints it: `dev/Shop`. */
  readonly displayName?: string;
  readonly metadata?: Notes;
  readonly additionalMetadataFile?: string;
  readonly properties?: { readonly templateFile?: string; readonly stackName?: string };
}

type Artifact = Omit<StackArtifact, 'directory' | 'id' | 'properties'> & {
  readonly type?: string;
  readonly properties?: StackArtifact['properties'] & { readonly directoryName?: string };
};

/**
 * @param directory `cdk.out`.
 * @param name The stack's name, its id, or what `cdk list` prints. Not needed where there is only one.
 * @throws AssemblyError where there is no such assembly or stack, or more than one to choose from.
 */
export function findStack(directory: string, name: string | undefined): StackArtifact {
  const stacks = stacksIn(directory);
  if (stacks.length === 0)
    throw new AssemblyError(`${directory} holds no stack: synthesize the app that has the guild (npx cdk synth)`);
  const called = ({ id, displayName, properties }: StackArtifact) =>
    name === undefined || [id, displayName, properties?.stackName].includes(name);
  const [found, ...others] = stacks.filter(called);
  const known = stacks.map(({ id, displayName }) => displayName ?? id).join(', ');
  if (found === undefined) throw new AssemblyError(`${directory} holds no stack "${name}": it has ${known}`);
  if (others.length > 0)
    throw new AssemblyError(`${directory} holds several stacks (${known}): say which one with --stack`);
  return found;
}

function stacksIn(directory: string): readonly StackArtifact[] {
  const { artifacts = {} } = readJson<{ artifacts?: Record<string, Artifact> }>(join(directory, 'manifest.json'));
  return Object.entries(artifacts).flatMap(([id, { type, ...artifact }]): readonly StackArtifact[] => {
    if (type === 'aws:cloudformation:stack') return [{ ...artifact, directory, id }];
    const stage = artifact.properties?.directoryName;
    return type === 'cdk:cloud-assembly' && stage !== undefined ? stacksIn(join(directory, stage)) : [];
  });
}

/** @throws AssemblyError where the file is not there, or holds no object. */
export function readJson<Content extends object = JsonObject>(
  file: string,
  rewrite: (text: string) => string = (text) => text,
): Content {
  const content = contentOf(file, rewrite);
  if (typeof content === 'object' && content !== null && !Array.isArray(content)) return content as Content;
  throw new AssemblyError(`${file} holds no object: synthesize anew (npx cdk synth)`);
}

function contentOf(file: string, rewrite: (text: string) => string): unknown {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new AssemblyError(`${file} cannot be read: synthesize first (npx cdk synth)`, { cause });
  }
  try {
    return JSON.parse(rewrite(text));
  } catch (cause) {
    throw new AssemblyError(`${file} holds no JSON: synthesize anew (npx cdk synth)`, { cause });
  }
}
