/** @module Values as DynamoDB writes them: text, numbers, bytes, booleans, null, lists and maps, both ways. */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';

/** What an attribute may hold. Undefined is left out. */
export type Plain =
  | string
  | number
  | boolean
  | null
  | Uint8Array
  | readonly Plain[]
  | { readonly [name: string]: Plain | undefined };

export type Attributes = Record<string, AttributeValue>;

export function toAttributes(values: { readonly [name: string]: Plain | undefined }): Attributes {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [[name, toAttribute(value)]])),
  );
}

export function toAttribute(value: Plain): AttributeValue {
  if (typeof value === 'string') return { S: value };
  if (typeof value === 'number') return { N: String(value) };
  if (typeof value === 'boolean') return { BOOL: value };
  if (value === null) return { NULL: true };
  if (value instanceof Uint8Array) return { B: value };
  if (isList(value)) return { L: value.map(toAttribute) };
  return { M: toAttributes(value) };
}

const isList = (value: object): value is readonly Plain[] => Array.isArray(value);

export function fromAttributes(attributes: Attributes): { readonly [name: string]: Plain } {
  return Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, fromAttribute(value)]));
}

/** Sets come as lists. */
function fromAttribute(value: AttributeValue): Plain {
  const { S, N, BOOL, B, L, M } = value;
  if (S !== undefined) return S;
  if (N !== undefined) return Number(N);
  if (BOOL !== undefined) return BOOL;
  if (B !== undefined) return B;
  if (L !== undefined) return L.map(fromAttribute);
  if (M !== undefined) return fromAttributes(M);
  return value.SS ?? value.NS?.map(Number) ?? value.BS ?? null;
}

/** The text that an attribute holds, or undefined. */
export const textOf = (attributes: Attributes | undefined, name: string): string | undefined => attributes?.[name]?.S;
/** The number that an attribute holds, or undefined. */
export function numberOf(attributes: Attributes | undefined, name: string): number | undefined {
  const written = attributes?.[name]?.N;
  return written === undefined ? undefined : Number(written);
}
