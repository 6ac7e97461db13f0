/** @module What the template says of a function. */
import { cpSync, existsSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Json, JsonObject } from '../../core/json.ts';
import { UnsupportedTemplateError } from '../rehearsal-errors.ts';
import type { Resource } from '../resources/stack-scope.ts';

export interface FunctionDefinition {
  readonly name: string;
  readonly arn: string;
  /** Of its construct, without the `Resource` at the end. */
  readonly path: string;
  /** Where its bundle lies, as AWS would unpack it. */
  readonly taskRoot: string;
  /** `index.handler`. */
  readonly handler: string;
  readonly runtime: string;
  readonly timeoutMs: number;
  readonly memoryMb: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly logGroup: string;
  /** As many invocations at once as are reserved for it. */
  readonly reserved: number | undefined;
}

/**
 * Unpacks the function's asset into a folder of its own, so that it finds nothing but what was bundled, no matter where
 * the assembly lies.
 *
 * @throws UnsupportedTemplateError for a function that is an image, has its code in the template, or runs on anything but Node.js.
 */
export function defineFunction(resource: Resource, assembly: string, folder: string): FunctionDefinition {
  const { properties, metadata, name, arn, path, file, logicalId } = resource;
  const refuse = (why: string) => new UnsupportedTemplateError([`${file}: ${logicalId} ${why}`]);
  const runtime = String(properties.Runtime ?? 'an image');
  if (!runtime.startsWith('nodejs')) throw refuse(`runs on ${runtime}, not on Node.js`);
  if (properties.Layers !== undefined) throw refuse('has layers');
  const asset = metadata['aws:asset:path'];
  if (typeof asset !== 'string') throw refuse('has its code in the template, or nowhere');
  const source = join(assembly, asset);
  if (!existsSync(source)) throw refuse(`has its asset at ${source}, where nothing is: synthesize anew`);
  if (!statSync(source).isDirectory()) throw refuse(`has ${basename(source)} as its asset, which is no folder`);
  const taskRoot = join(folder, basename(source));
  if (!existsSync(taskRoot)) cpSync(source, taskRoot, { recursive: true });
  const variables = (properties.Environment as JsonObject | undefined)?.Variables as JsonObject | undefined;
  const logging = (properties.LoggingConfig as JsonObject | undefined)?.LogGroup;
  return {
    name,
    arn,
    path: path.replace(/(\/Resource)+$/, ''),
    taskRoot,
    handler: String(properties.Handler),
    runtime,
    timeoutMs: 1000 * numberOr(properties.Timeout, 3),
    memoryMb: numberOr(properties.MemorySize, 128),
    environment: Object.fromEntries(Object.entries(variables ?? {}).map(([key, value]) => [key, String(value)])),
    logGroup: typeof logging === 'string' ? logging : `/aws/lambda/${name}`,
    reserved:
      properties.ReservedConcurrentExecutions === undefined
        ? undefined
        : Number(properties.ReservedConcurrentExecutions),
  };
}

const numberOr = (value: Json | undefined, otherwise: number) => (value === undefined ? otherwise : Number(value));
