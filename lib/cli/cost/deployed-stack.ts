/** @module One stack of a cloud assembly as a bill sees it: its resources, those of nested stacks included, and its guild. */
import type { Json, JsonObject } from '../../core/json.ts';
import { connectionText } from '../../environment/aws-outputs.ts';
import type { GuildManifest } from '../../environment/guild-manifest.ts';
import { readAssembly, type StackTemplate } from '../../rehearsal/template/read-assembly.ts';

export interface StackResource {
  /** Of the stack and of the resource, so that it is found in its template. */
  readonly id: string;
  readonly type: string;
  readonly properties: JsonObject;
}

export interface DeployedStack {
  readonly name: string;
  /** Undefined if the stack can be deployed anywhere. */
  readonly region: string | undefined;
  readonly resources: readonly StackResource[];
  /** Logical id, stack included, of what publishes for callers outside. */
  readonly ingestId: string | undefined;
  /** Undefined if the stack does not say that a guild lives there. */
  readonly manifest: GuildManifest | undefined;
}

/** Stands for whatever account and region the stack is for; no price depends on the former. */
const SOMEWHERE = { account: '000000000000', region: 'us-east-1' };

/** @throws AssemblyError where there is no such assembly or stack, or more than one to choose from. */
export function readStack(directory: string, stackName?: string): DeployedStack {
  const { stack, region } = readAssembly(directory, stackName, SOMEWHERE);
  const { Ref: ingest } = (stack.template.Outputs?.IngestFunction?.Value ?? {}) as { readonly Ref?: string };
  return {
    name: stack.name,
    region,
    resources: resourcesOf(stack),
    ingestId: ingest && `${stack.name}/${ingest}`,
    manifest: guildOf(stack),
  };
}

function resourcesOf({ name, template, nested }: StackTemplate): readonly StackResource[] {
  const own = Object.entries(template.Resources).map(([id, { Type, Properties = {} }]) => ({
    id: `${name}/${id}`,
    type: Type,
    properties: Properties,
  }));
  return [...own, ...[...nested.values()].flatMap(resourcesOf)];
}

/** From the output for programs outside: JSON text that CloudFormation puts together. */
function guildOf({ template }: StackTemplate): GuildManifest | undefined {
  const outputs = Object.entries(template.Outputs ?? {}).map(([name, { Value }]) => [name, joined(Value)]);
  const text = connectionText(Object.fromEntries(outputs));
  if (text === undefined) return undefined;
  try {
    return (JSON.parse(text) as { readonly manifest?: GuildManifest }).manifest;
  } catch {
    // An output of the same name that is somebody else's.
    return undefined;
  }
}

/** What `Fn::Join` makes of its parts, without what only the deployment knows. */
export function joined(value: Json | undefined): string | undefined {
  if (typeof value === 'string') return value;
  const join = (value as { readonly 'Fn::Join'?: readonly [string, readonly Json[]] } | null | undefined)?.['Fn::Join'];
  return join?.[1].map((part) => (typeof part === 'string' ? part : '')).join(join[0]);
}
