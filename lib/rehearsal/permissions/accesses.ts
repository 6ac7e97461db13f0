/** @module What a function's call to a service needs to be allowed: https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html */
import type { Json, JsonObject } from '../../core/json.ts';
import type { ServiceCall } from '../proxy/faults.ts';
import type { Resource } from '../resources/stack-scope.ts';
import { dynamodbAccesses, type KnownTable } from './dynamodb-accesses.ts';
import type { Access } from './statement.ts';

export interface CalledPlace {
  readonly account: string;
  readonly region: string;
  readonly tables: ReadonlyMap<string, KnownTable>;
}

const SQS_ACTIONS: Readonly<Record<string, string>> = {
  ChangeMessageVisibility: 'ChangeMessageVisibility',
  ChangeMessageVisibilityBatch: 'ChangeMessageVisibility',
  DeleteMessage: 'DeleteMessage',
  DeleteMessageBatch: 'DeleteMessage',
  GetQueueAttributes: 'GetQueueAttributes',
  GetQueueUrl: 'GetQueueUrl',
  PurgeQueue: 'PurgeQueue',
  ReceiveMessage: 'ReceiveMessage',
  SendMessage: 'SendMessage',
  SendMessageBatch: 'SendMessage',
};
const SNS_ACTIONS: Readonly<Record<string, string>> = {
  GetTopicAttributes: 'GetTopicAttributes',
  Publish: 'Publish',
  PublishBatch: 'Publish',
};

/** Undefined for what is not known. */
export function accessesOf(call: ServiceCall, place: CalledPlace): readonly Access[] | undefined {
  const { service, operation, body } = call;
  if (service === 's3') return objectAccesses(call);
  if (service === 'sns') {
    const fields = new URLSearchParams(body.toString());
    const topic = fields.get('TopicArn') ?? fields.get('TargetArn');
    const action = SNS_ACTIONS[operation];
    return action === undefined || topic === null ? undefined : [plainAccess(`sns:${action}`, topic)];
  }
  const fields = JSON.parse(body.toString()) as JsonObject;
  if (service === 'dynamodb') return dynamodbAccesses(operation, fields, (name) => tableCalled(name, place));
  const action = SQS_ACTIONS[operation];
  const queue = String(fields.QueueUrl ?? fields.QueueName)
    .split('/')
    .at(-1);
  const arn = `arn:aws:sqs:${place.region}:${place.account}:${queue}`;
  return action === undefined ? undefined : [plainAccess(`sqs:${action}`, arn)];
}

const plainAccess = (action: string, resource: string): Access => ({ action, resource, context: {} });

/** Listing whatever objects a bucket has; who may do it is told that an object is missing, and anyone else that he may not. */
export const listing = (bucket: string): Access => ({
  action: 's3:ListBucket',
  resource: `arn:aws:s3:::${bucket}`,
  context: { 's3:tlsversion': ['1.3'] },
});

/** As `/bucket/key` has it, without its query. */
export function objectIn(path: string): { readonly bucket: string; readonly key: string } {
  const [, bucket = '', ...key] = new URL(path, 'http://localhost').pathname.split('/');
  return { bucket, key: decodeURIComponent(key.join('/')) };
}

function objectAccesses({ operation, path }: ServiceCall): readonly Access[] | undefined {
  const { searchParams } = new URL(path, 'http://localhost');
  const { bucket, key } = objectIn(path);
  const signature = /^(x-amz-.*|x-id|partNumber|response-.*)$/i;
  const [part, other] = [...searchParams.keys()].filter((name) => !signature.test(name));
  const inParts = part === 'uploads' || part === 'uploadId';
  if (other !== undefined || (part !== undefined && !inParts)) return undefined;
  const actions: Readonly<Record<string, string | undefined>> = {
    'GET object': inParts ? 's3:ListMultipartUploadParts' : 's3:GetObject',
    'HEAD object': 's3:GetObject',
    'PUT object': 's3:PutObject',
    'POST object': inParts ? 's3:PutObject' : undefined,
    'DELETE object': inParts ? 's3:AbortMultipartUpload' : 's3:DeleteObject',
  };
  const action = actions[operation];
  if (action === undefined) return undefined;
  return [{ action, resource: `arn:aws:s3:::${bucket}/${key}`, context: { 's3:tlsversion': ['1.3'] } }];
}

function tableCalled(name: string, { account, region, tables }: CalledPlace): KnownTable {
  const arn = `arn:aws:dynamodb:${region}:${account}:table/${name}`;
  return tables.get(name) ?? { arn, key: undefined, keyOfIndex: {} };
}

/** By name. */
export function tablesIn(resources: readonly Resource[]): ReadonlyMap<string, KnownTable> {
  const tables = resources.filter(({ type }) => type.startsWith('AWS::DynamoDB'));
  return new Map(
    tables.map(({ name, arn, properties }) => {
      const indexes = ['GlobalSecondaryIndexes', 'LocalSecondaryIndexes'].flatMap((kind) => list(properties[kind]));
      const keyOfIndex = indexes.map((index) => [String(index.IndexName), hashKeyIn(index) ?? ''] as const);
      return [name, { arn, key: hashKeyIn(properties), keyOfIndex: Object.fromEntries(keyOfIndex) }] as const;
    }),
  );
}

const list = (value: Json | undefined) => (Array.isArray(value) ? (value as readonly JsonObject[]) : []);

function hashKeyIn(described: JsonObject): string | undefined {
  const found = list(described.KeySchema).find(({ KeyType }) => KeyType === 'HASH')?.AttributeName;
  return found === undefined ? undefined : String(found);
}
