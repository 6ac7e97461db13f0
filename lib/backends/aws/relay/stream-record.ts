/** @module A record of the table's stream: a change of one item, as AWS hands it to a function. */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';

/** An attribute in the JSON of an event, where bytes are base64. */
export interface StreamAttribute {
  readonly S?: string;
  readonly N?: string;
  readonly B?: string;
  readonly BOOL?: boolean;
  readonly NULL?: boolean;
  readonly SS?: readonly string[];
  readonly NS?: readonly string[];
  readonly BS?: readonly string[];
  readonly L?: readonly StreamAttribute[];
  readonly M?: StreamItem;
}

export type StreamItem = Readonly<Record<string, StreamAttribute>>;

/** One change of a table (https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html). */
export interface StreamRecord {
  readonly eventSource?: string;
  readonly eventName?: string;
  readonly dynamodb?: {
    readonly Keys?: StreamItem;
    readonly NewImage?: StreamItem;
    readonly SequenceNumber?: string;
  };
}

/** The item as the SDK would have read it. */
export function toItem(image: StreamItem): Record<string, AttributeValue> {
  return Object.fromEntries(Object.entries(image).map(([name, value]) => [name, toAttribute(value)]));
}

function toAttribute(value: StreamAttribute): AttributeValue {
  if (value.B !== undefined) return { B: bytesOf(value.B) };
  if (value.BS !== undefined) return { BS: value.BS.map(bytesOf) };
  if (value.L !== undefined) return { L: value.L.map(toAttribute) };
  if (value.M !== undefined) return { M: toItem(value.M) };
  return value as AttributeValue;
}

const bytesOf = (base64: string): Uint8Array => Buffer.from(base64, 'base64');
