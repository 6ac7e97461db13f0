/** @module Formats: the types of messages, over any schema library that speaks Standard Schema (https://standardschema.dev). */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { AsyncFormatError, type FieldFault, InvalidDefinitionError, PayloadInvalidError } from './errors.ts';
import { copyJson, isCopied, type Json, mutableCopy } from './json.ts';
import { show } from './show.ts';

/**
 * A message type: a name, a version, and the two ways between a payload and what is stored.
 *
 * What is stored is the validated input; each delivery decodes it again, so that transforms of the schema run once and
 * every handler owns its payload.
 */
export interface Format<Name extends string = string, In = never, Out = unknown> {
  readonly name: Name;
  readonly version: number;
  /**
   * A frozen JSON copy of `payload`, validated as copied. Synchronous.
   *
   * @throws PayloadInvalidError with every fault.
   * @throws AsyncFormatError if the schema answers with a promise.
   */
  encode(payload: In): Json;
  /**
   * What a handler gets for a stored payload.
   *
   * @throws PayloadInvalidError with every fault, if the payload was written under another schema.
   */
  decode(wire: Json): Out;
}

export type InputOf<F> = F extends Format<string, infer In, unknown> ? In : never;
export type OutputOf<F> = F extends Format<string, never, infer Out> ? Out : never;

type JsonLike =
  | null
  | undefined
  | boolean
  | number
  | string
  | readonly JsonLike[]
  | { readonly [key: string]: JsonLike };
/** `T`, with `never` where it is no JSON: property by property, since an interface has no index signature to compare. */
type JsonIn<T> = T extends JsonLike
  ? T
  : T extends bigint | symbol | ((...given: never[]) => unknown)
    ? never
    : T extends object
      ? keyof T extends never
        ? never
        : { [Key in keyof T]: JsonIn<T[Key]> }
      : never;
/** Refuses a Date, Map, bigint or function where the format is defined, and `unknown` (write `z.json()`). */
type MustBeJson<In> = unknown extends In
  ? { readonly 'payload may be anything: say that it is JSON': In }
  : [In] extends [JsonIn<In>]
    ? unknown
    : { readonly 'payload is not JSON': In };

const MIN_NAME = 3;
const MAX_NAME = 128;

/** What keeps `value` from being a format's name, or undefined. */
export function formatNameProblem(value: unknown): string | undefined {
  if (typeof value === 'string' && value.length >= MIN_NAME && value.length <= MAX_NAME && value.trim() === value)
    return undefined;
  return `got ${show(value)}: a format's name is ${MIN_NAME} to ${MAX_NAME} characters without space around it`;
}

/**
 * Defines a message type. Two definitions of one name in a guild must be the same object.
 *
 * @param schema Validates synchronously (the first use throws otherwise); its input must be JSON.
 * @throws InvalidDefinitionError for a name or a version that is none.
 * @example
 * const Task = defineFormat('doc.task', z.object({ text: z.string(), line: z.int().default(1) }));
 */
export function defineFormat<const Name extends string, S extends StandardSchemaV1>(
  name: Name,
  schema: S & MustBeJson<StandardSchemaV1.InferInput<S>>,
  options: { readonly version?: number } = {},
): Format<Name, StandardSchemaV1.InferInput<S>, StandardSchemaV1.InferOutput<S>> {
  const { version = 1 } = options;
  const faults: FieldFault[] = [];
  const problem = formatNameProblem(name);
  if (problem !== undefined) faults.push({ field: 'name', problem });
  if (!Number.isInteger(version) || version < 1) {
    faults.push({ field: 'version', problem: `got ${show(version)}: a version is a whole number from 1` });
  }
  if (typeof schema?.['~standard']?.validate !== 'function') {
    faults.push({ field: 'schema', problem: `got ${show(schema)}: a schema is what a Standard Schema library makes` });
  }
  if (faults.length > 0) throw new InvalidDefinitionError('format', faults);
  return new SchemaFormat(name, version, schema) as Format<
    Name,
    StandardSchemaV1.InferInput<S>,
    StandardSchemaV1.InferOutput<S>
  >;
}

class SchemaFormat<Name extends string> implements Format<Name, unknown, unknown> {
  readonly name: Name;
  readonly version: number;
  readonly #schema: StandardSchemaV1['~standard'];
  /** Whether the library makes its output anew; others may change their input, or give it back. */
  readonly #makesOutput: boolean;

  constructor(name: Name, version: number, schema: StandardSchemaV1) {
    this.name = name;
    this.version = version;
    this.#schema = schema['~standard'];
    this.#makesOutput = MAKE_OUTPUT.has(this.#schema.vendor);
  }

  encode(payload: unknown): Json {
    const copied = copyPayload(this.name, payload);
    this.#validate(copied);
    return copied;
  }

  decode(wire: Json): unknown {
    return this.#validate(wire);
  }

  #validate(payload: Json): unknown {
    const result = this.#schema.validate(this.#makesOutput ? payload : mutableCopy(payload));
    if ('then' in result) {
      // Nobody waits for it, so its failure must not surface as an unhandled rejection.
      Promise.resolve(result).catch(() => {});
      throw new AsyncFormatError(this.name);
    }
    if (result.issues === undefined) return result.value;
    throw new PayloadInvalidError(this.name, result.issues.map(toFault));
  }
}

/** Vendors that never touch what they validate. */
const MAKE_OUTPUT: ReadonlySet<string> = new Set(['zod', 'valibot']);

function toFault(issue: StandardSchemaV1.Issue): FieldFault {
  let field = 'payload';
  for (const part of issue.path ?? []) {
    const key = typeof part === 'object' ? part.key : part;
    field += typeof key === 'number' ? `[${key}]` : `.${String(key)}`;
  }
  return { field, problem: issue.message };
}

function copyPayload(format: string, payload: unknown): Json {
  if (payload === undefined) {
    const problem = 'is missing: send JSON, null or {} if there is nothing to say';
    throw new PayloadInvalidError(format, [{ field: 'payload', problem }]);
  }
  const faults: FieldFault[] = [];
  const copied = copyJson(payload, 'payload', faults);
  if (faults.length > 0) throw new PayloadInvalidError(format, faults);
  return copied;
}

/**
 * What the format gives for a payload, as a frozen copy: one of the user's own may give anything.
 *
 * @throws PayloadInvalidError also if that is no JSON; and whatever the format throws.
 */
export function encodeWith(format: Format, payload: unknown): Json {
  const encoded: unknown = format.encode(payload as never);
  return isCopied(encoded) ? encoded : copyPayload(format.name, encoded);
}

/** Whether a value is what `defineFormat` gives, or something like it. */
export function isFormat(value: unknown): value is Format {
  if (typeof value !== 'object' || value === null) return false;
  const { name, version, encode, decode } = value as Partial<Format>;
  const isNamed = formatNameProblem(name) === undefined && typeof version === 'number' && version >= 1;
  return isNamed && typeof encode === 'function' && typeof decode === 'function';
}

/** Any JSON, for messages without a format of their own. Handlers share the frozen payload. */
export const genericJson: Format<'generic_json', Json, Json> = {
  name: 'generic_json',
  version: 1,
  encode: (payload) => copyPayload('generic_json', payload),
  decode: (wire) => wire,
};
