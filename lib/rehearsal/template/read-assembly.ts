/** @module What `cdk synth` wrote: the templates of one stack and of the stacks nested in it. */
import { basename, join } from 'node:path';
import type { Json, JsonObject } from '../../core/json.ts';
import { AssemblyError } from '../rehearsal-errors.ts';
import { AssemblyNotes, assetsIn, type Notes } from './assembly-notes.ts';
import { findStack, readJson } from './assembly-stacks.ts';

/** A resource as the template has it, with its intrinsics. */
export interface ResourceTemplate {
  readonly Type: string;
  readonly Properties?: JsonObject;
  readonly Metadata?: JsonObject;
  readonly Condition?: string;
}

export interface Template {
  readonly Parameters?: Readonly<Record<string, { readonly Type: string; readonly Default?: Json }>>;
  readonly Conditions?: Readonly<Record<string, Json>>;
  readonly Mappings?: Readonly<Record<string, Readonly<Record<string, JsonObject>>>>;
  readonly Resources: Readonly<Record<string, ResourceTemplate>>;
  readonly Outputs?: Readonly<Record<string, { readonly Value: Json; readonly Condition?: string }>>;
}

export interface StackTemplate {
  /** The stack's name; of a nested one, its parent's with its logical id. */
  readonly name: string;
  /** The template's file, within the assembly. */
  readonly file: string;
  readonly template: Template;
  /** By the logical id of the `AWS::CloudFormation::Stack` that holds it. */
  readonly nested: ReadonlyMap<string, StackTemplate>;
}

export interface Assembly {
  /** Where assets are looked for. */
  readonly directory: string;
  readonly stack: StackTemplate;
  /** That it was synthesized for; undefined if it can be deployed to any. */
  readonly region: string | undefined;
}

/** The account and region that a template is rewritten to. */
export interface EmulatedEnvironment {
  readonly account: string;
  readonly region: string;
}

/**
 * Reads one stack of a cloud assembly. Where it was synthesized for a certain account and region, these are replaced
 * throughout by the emulated ones, since names of what is not in the template are spelt with them.
 *
 * @param directory `cdk.out`.
 * @param stackName The stack's name, its id, or what `cdk list` prints. Not needed where there is only one.
 * @throws AssemblyError where there is no such assembly or stack, or more than one to choose from.
 */
export function readAssembly(directory: string, stackName: string | undefined, to: EmulatedEnvironment): Assembly {
  const artifact = findStack(directory, stackName);
  const { id, properties, environment, additionalMetadataFile } = artifact;
  const read = (file: string) => readJson(join(artifact.directory, file));
  const notes = (artifact.metadata ??
    (additionalMetadataFile === undefined ? {} : read(additionalMetadataFile))) as Notes;
  const context = {
    directory: artifact.directory,
    rewrite: rewriteFor(environment, to),
    notes: new AssemblyNotes(notes, assetsIn(artifact.directory, read)),
  };
  return {
    directory: artifact.directory,
    stack: readStack(context, properties?.stackName ?? id, properties?.templateFile ?? `${id}.template.json`),
    region: placeOf(environment).region,
  };
}

interface Context {
  readonly directory: string;
  readonly rewrite: Rewrite;
  readonly notes: AssemblyNotes;
}

type Rewrite = (text: string) => string;

/** `environment` reads `aws://123456789012/eu-west-1`, or has `unknown-account`, `unknown-region` in it. */
function placeOf(environment = ''): Partial<EmulatedEnvironment> {
  const [, account = '', region = ''] = /^aws:\/\/([^/]+)\/(.+)$/.exec(environment) ?? [];
  return {
    ...(/^\d{12}$/.test(account) && { account }),
    ...(/^[a-z]+(-[a-z]+)+-\d$/.test(region) && { region }),
  };
}

function rewriteFor(environment: string | undefined, to: EmulatedEnvironment): Rewrite {
  const { account, region } = placeOf(environment);
  return (text) => {
    const local = account === undefined ? text : text.replaceAll(account, to.account);
    return region === undefined ? local : local.replaceAll(region, to.region);
  };
}

function readStack(context: Context, name: string, file: string): StackTemplate {
  const template = readJson<Template>(join(context.directory, file), context.rewrite);
  const entries = Object.entries(template.Resources ?? {}).map(
    ([logicalId, resource]) => [logicalId, annotated(resource, logicalId, file, context.notes)] as const,
  );
  const nested = entries.flatMap(([logicalId, { Type, Metadata }]) => {
    if (Type !== 'AWS::CloudFormation::Stack') return [];
    const path = Metadata?.['aws:asset:path'];
    if (typeof path !== 'string') throw new AssemblyError(`${file}: ${logicalId} does not say where its template lies`);
    return [[logicalId, readStack(context, `${name}-${logicalId}`, basename(path))] as const];
  });
  return { name, file, template: { ...template, Resources: Object.fromEntries(entries) }, nested: new Map(nested) };
}

/** With the metadata that the CDK's command line has templates contain, where they do not. */
function annotated(
  resource: ResourceTemplate,
  logicalId: string,
  file: string,
  notes: AssemblyNotes,
): ResourceTemplate {
  const { Code, TemplateURL } = resource.Properties ?? {};
  const path = notes.pathOf(file, logicalId);
  const asset = notes.assetIn(TemplateURL ?? Code);
  return {
    ...resource,
    Metadata: {
      ...(path === undefined ? {} : { 'aws:cdk:path': path }),
      ...(asset === undefined ? {} : { 'aws:asset:path': asset }),
      ...resource.Metadata,
    },
  };
}
