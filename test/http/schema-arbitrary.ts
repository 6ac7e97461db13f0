import fc from 'fast-check';

/** As much of JSON Schema as the document of the API uses. */
export interface Schema {
  readonly $ref?: string;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly type?: string;
  readonly format?: string;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | boolean;
}

export interface Resolve {
  (ref: string): Schema;
  /** Values that a property should often have. */
  readonly favourites?: Readonly<Record<string, readonly unknown[]>>;
}

const MAX_ITEMS = 4;

/** Values that a schema allows. */
export function valuesOf(schema: Schema, resolve: Resolve): fc.Arbitrary<unknown> {
  if (schema.$ref !== undefined) return valuesOf(resolve(schema.$ref), resolve);
  const { anyOf, oneOf, ...outer } = schema;
  const variants = anyOf ?? oneOf;
  if (variants !== undefined)
    return fc.oneof(...variants.map((variant) => valuesOf(narrowed(outer, variant, oneOf), resolve)));
  if ('const' in schema) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  switch (schema.type) {
    case 'string':
      return textsOf(schema);
    case 'integer':
      return fc.integer({ min: schema.minimum ?? -1_000, max: Math.min(schema.maximum ?? 2 ** 31 - 1, 2 ** 31 - 1) });
    case 'number':
      return fc
        .double({ min: schema.minimum ?? schema.exclusiveMinimum ?? 0.01, max: 1e6, noNaN: true })
        .filter((n) => n > 0);
    case 'boolean':
      return fc.boolean();
    case 'array':
      return fc.array(valuesOf(schema.items ?? {}, resolve), {
        minLength: schema.minItems ?? 0,
        maxLength: Math.min(schema.maxItems ?? MAX_ITEMS, MAX_ITEMS),
      });
    case 'object':
      return objectsOf(schema, resolve);
    default:
      return fc.jsonValue({ maxDepth: 3 });
  }
}

/** One of the variants: with a property that another one requires, both would hold. */
function narrowed(outer: Schema, variant: Schema, oneOf: readonly Schema[] = []): Schema {
  const others = oneOf.flatMap(({ required = [] }) => required).filter((name) => !variant.required?.includes(name));
  const { properties = {} } = outer;
  const own = Object.fromEntries(Object.entries(properties).filter(([name]) => !others.includes(name)));
  return { ...outer, ...(outer.properties !== undefined && { properties: own }), ...variant };
}

function textsOf({ format, pattern, minLength = 0, maxLength = 40 }: Schema): fc.Arbitrary<string> {
  if (format === 'date-time')
    return fc
      .date({ noInvalidDate: true, min: new Date(0), max: new Date('9999-12-31') })
      .map((date) => date.toISOString());
  // Its look-aheads are more than the generator knows.
  if (pattern?.includes('(?!')) return fc.constant(`00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`);
  const fits = (text: string) => text.length >= minLength && text.length <= maxLength;
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern), { size: '-1' }).filter(fits);
  return fc.string({ minLength, maxLength: Math.min(maxLength, 40) });
}

function objectsOf(
  { properties = {}, required = [], additionalProperties }: Schema,
  resolve: Resolve,
): fc.Arbitrary<unknown> {
  const model = Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => [name, propertiesOf(name, schema, resolve)]),
  );
  const known = fc.record(model, { requiredKeys: [...required], noNullPrototype: true });
  if (typeof additionalProperties !== 'object' || Object.keys(properties).length > 0) return known;
  return fc.dictionary(fc.string({ maxLength: 8 }), valuesOf(additionalProperties, resolve), {
    maxKeys: 3,
    noNullPrototype: true,
  });
}

function propertiesOf(name: string, schema: Schema, resolve: Resolve): fc.Arbitrary<unknown> {
  const favourites = resolve.favourites?.[name];
  const any = valuesOf(schema, resolve);
  if (favourites === undefined) return any;
  return fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...favourites) }, { weight: 1, arbitrary: any });
}
