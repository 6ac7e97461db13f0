/** @module CloudFormation's intrinsic functions, as far as templates of the CDK use them. */
import type { Json, JsonObject } from '../../core/json.ts';

/** What the functions look up. `undefined` stands for what is not there. */
export interface Lookup {
  ref(name: string): Json | undefined;
  attribute(logicalId: string, name: string): Json | undefined;
  condition(name: string): boolean | undefined;
  mapped(map: string, first: string, second: string): Json | undefined;
}

/** Says what is wrong with an expression; whoever catches it says where it stands. */
export class IntrinsicFault extends Error {}

/** `AWS::NoValue`: the property that has it is left out. */
export const NO_VALUE: Json = { 'AWS::NoValue': true };

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A copy of `value` with every function replaced by its result. */
export function resolve(value: Json, lookup: Lookup): Json {
  if (Array.isArray(value)) return value.map((item) => resolve(item, lookup)).filter((item) => item !== NO_VALUE);
  if (!isObject(value)) return value;
  const [name, ...others] = Object.keys(value);
  if (
    name !== undefined &&
    others.length === 0 &&
    (name === 'Ref' || name === 'Condition' || name.startsWith('Fn::'))
  ) {
    const argument = value[name] as Json;
    if (name === 'Condition' && typeof argument !== 'string') return { Condition: resolve(argument, lookup) };
    const evaluate = functions[name];
    if (evaluate === undefined) throw new IntrinsicFault(`${name} is not known to the rehearsal`);
    return evaluate(argument, lookup);
  }
  const entries = Object.entries(value).map(([key, inner]) => [key, resolve(inner, lookup)] as const);
  return Object.fromEntries(entries.filter(([, inner]) => inner !== NO_VALUE));
}

const functions: Readonly<Record<string, (argument: Json, lookup: Lookup) => Json>> = {
  Ref: (name, lookup) => known(lookup.ref(text(name)), `Ref ${text(name)}`),
  'Fn::GetAtt': (argument, lookup) => {
    const parts = Array.isArray(argument) ? argument : text(argument).split('.');
    const [id, ...path] = parts.map((part) => text(resolve(part, lookup)));
    return known(lookup.attribute(id ?? '', path.join('.')), `Fn::GetAtt ${id}.${path.join('.')}`);
  },
  'Fn::Join': (argument, lookup) => {
    const [separator, items] = list(argument);
    return list(resolve(items ?? [], lookup))
      .map(text)
      .join(text(separator));
  },
  'Fn::Split': (argument, lookup) => {
    const [separator, source] = list(argument);
    return text(resolve(source ?? '', lookup)).split(text(separator));
  },
  'Fn::Select': (argument, lookup) => {
    const [index, items] = list(argument);
    const at = Number(resolve(index ?? 0, lookup));
    return known(list(resolve(items ?? [], lookup))[at], `Fn::Select ${at}`);
  },
  'Fn::Sub': (argument, lookup) => {
    const [template, variables] = Array.isArray(argument) ? argument : [argument];
    const given = isObject(variables) ? variables : {};
    return text(template).replaceAll(/\$\{(!?)([^}]+)\}/g, (_, escaped: string, name: string) => {
      if (escaped !== '') return `\${${name}}`;
      if (Object.hasOwn(given, name)) return text(resolve(given[name] as Json, lookup));
      return text(resolve(name.includes('.') ? { 'Fn::GetAtt': name } : { Ref: name }, lookup));
    });
  },
  'Fn::FindInMap': (argument, lookup) => {
    const [map, first, second] = list(resolve(argument, lookup)).map(text);
    return known(lookup.mapped(map ?? '', first ?? '', second ?? ''), `Fn::FindInMap ${map}.${first}.${second}`);
  },
  'Fn::If': (argument, lookup) => {
    const [condition, yes, no] = list(argument);
    return resolve((conditionOf(text(condition), lookup) ? yes : no) ?? null, lookup);
  },
  Condition: (name, lookup) => conditionOf(text(name), lookup),
  'Fn::Equals': (argument, lookup) => {
    const [left, right] = list(resolve(argument, lookup));
    return String(left) === String(right);
  },
  'Fn::And': (argument, lookup) => list(resolve(argument, lookup)).every((item) => item === true),
  'Fn::Or': (argument, lookup) => list(resolve(argument, lookup)).some((item) => item === true),
  'Fn::Not': (argument, lookup) => list(resolve(argument, lookup))[0] !== true,
};

const conditionOf = (name: string, lookup: Lookup) => known(lookup.condition(name), `condition ${name}`) === true;

function known(value: Json | undefined, what: string): Json {
  if (value === undefined) throw new IntrinsicFault(`${what} is not known to the rehearsal`);
  return value;
}

function list(value: Json): readonly Json[] {
  if (Array.isArray(value)) return value;
  throw new IntrinsicFault(`${JSON.stringify(value)} stands where a list is needed`);
}

function text(value: Json | undefined): string {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw new IntrinsicFault(`${JSON.stringify(value)} stands where text is needed`);
}
