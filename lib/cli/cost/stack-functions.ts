/** @module The functions of a stack, and what feeds them. */
import type { Json } from '../../core/json.ts';
import { awsVariables } from '../../environment/aws-variables.ts';
import type { DeployedStack, StackResource } from './deployed-stack.ts';

export interface StackFunction {
  readonly memoryMb: number;
  readonly isArm: boolean;
}

/** A function with its logical id, stack included. */
export interface NamedFunction extends StackFunction {
  readonly id: string;
}

export interface StackFunctions {
  /** By the name of the agent. */
  readonly agents: ReadonlyMap<string, NamedFunction>;
  readonly relay: NamedFunction | undefined;
  readonly ingest: NamedFunction | undefined;
}

/** An event source mapping. */
export interface StackSource {
  readonly id: string;
  readonly kind: 'queue' | 'stream' | 'unknown';
  readonly functionId: string;
  /** Logical id of the queue, if it is one of the stack. */
  readonly queueId: string | undefined;
  readonly batchSize: number;
  readonly maxConcurrency: number | undefined;
  readonly isEnabled: boolean;
  /** Pollers by the hour, which cost all the time. */
  readonly isProvisioned: boolean;
}

const LAMBDA_DEFAULT_MB = 128;
const LAMBDA_DEFAULT_BATCH = 10;

export function functionsOf(stack: DeployedStack): StackFunctions {
  const functions = stack.resources.filter(({ type }) => type === 'AWS::Lambda::Function');
  const streamed = sourcesOf(stack).find(({ kind }) => kind === 'stream')?.functionId;
  const agents = functions.flatMap((fn) => {
    const name = variableOf(fn, awsVariables.agent);
    return name === undefined ? [] : [[name, describe(fn)] as const];
  });
  const relay = functions.find(({ id }) => id === streamed);
  const ingest = functions.find(({ id }) => id === stack.ingestId);
  return {
    agents: new Map(agents),
    relay: relay && describe(relay),
    ingest: ingest && describe(ingest),
  };
}

export function describe({ id, properties }: StackResource): NamedFunction {
  const { MemorySize = LAMBDA_DEFAULT_MB, Architectures } = properties;
  return { id, memoryMb: Number(MemorySize), isArm: Array.isArray(Architectures) && Architectures.includes('arm64') };
}

export function sourcesOf({ resources }: DeployedStack): readonly StackSource[] {
  return resources
    .filter(({ type }) => type === 'AWS::Lambda::EventSourceMapping')
    .map(({ id, properties }) => {
      const { EventSourceArn, FunctionName, BatchSize = LAMBDA_DEFAULT_BATCH, ScalingConfig, Enabled } = properties;
      const scope = id.slice(0, id.lastIndexOf('/') + 1);
      const queue = resources.find(
        ({ id: own, type }) => type === 'AWS::SQS::Queue' && own === scope + idIn(EventSourceArn),
      );
      const isStream = JSON.stringify(EventSourceArn ?? '').includes('StreamArn');
      const most = (ScalingConfig as { readonly MaximumConcurrency?: number } | undefined)?.MaximumConcurrency;
      return {
        id,
        kind:
          isStream || properties.StartingPosition !== undefined ? 'stream' : queue === undefined ? 'unknown' : 'queue',
        functionId: scope + idIn(FunctionName),
        queueId: queue?.id,
        batchSize: Number(BatchSize),
        maxConcurrency: most,
        isEnabled: Enabled !== false,
        isProvisioned: properties.ProvisionedPollerConfig !== undefined,
      };
    });
}

/** The logical id that `Ref` or `Fn::GetAtt` names. */
export function idIn(value: Json | undefined): string {
  const { Ref, 'Fn::GetAtt': attribute } = (value ?? {}) as { readonly Ref?: string; readonly 'Fn::GetAtt'?: Json };
  if (Ref !== undefined) return Ref;
  return String(Array.isArray(attribute) ? attribute[0] : (attribute ?? '')).split('.')[0] ?? '';
}

function variableOf({ properties }: StackResource, name: string): string | undefined {
  const { Variables } = (properties.Environment ?? {}) as { readonly Variables?: Readonly<Record<string, Json>> };
  const value = Variables?.[name];
  return typeof value === 'string' ? value : undefined;
}
