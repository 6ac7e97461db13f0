/** @module A message as a queue hands it out, and as a function gets it. */
import type { Json, JsonObject } from '../../core/json.ts';

export interface SqsMessage {
  readonly MessageId: string;
  readonly ReceiptHandle: string;
  readonly Body: string;
  readonly MD5OfBody: string;
  readonly Attributes?: JsonObject;
  readonly MessageAttributes?: Readonly<Record<string, JsonObject>>;
}

export function sqsRecord(message: SqsMessage, sourceArn: string): JsonObject {
  const attributes = Object.entries(message.MessageAttributes ?? {});
  return {
    messageId: message.MessageId,
    receiptHandle: message.ReceiptHandle,
    body: message.Body,
    attributes: message.Attributes ?? {},
    messageAttributes: Object.fromEntries(attributes.map(([name, value]) => [name, attribute(value)])),
    md5OfBody: message.MD5OfBody,
    eventSource: 'aws:sqs',
    eventSourceARN: sourceArn,
    awsRegion: sourceArn.split(':')[3] ?? '',
  };
}

function attribute({ DataType, StringValue, BinaryValue }: JsonObject): JsonObject {
  return {
    ...(StringValue === undefined ? {} : { stringValue: StringValue }),
    ...(BinaryValue === undefined ? {} : { binaryValue: BinaryValue }),
    stringListValues: [],
    binaryListValues: [],
    dataType: DataType ?? 'String',
  };
}

/** What filter patterns look at: the body as JSON where it is JSON. */
export function filtered(record: JsonObject): Json {
  try {
    return { ...record, body: JSON.parse(String(record.body)) as Json };
  } catch {
    return record;
  }
}
