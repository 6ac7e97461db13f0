/** @module A table of a template as the call that makes it takes it. */
import type { Json, JsonObject } from '../../core/json.ts';
import type { Resource } from './stack-scope.ts';

/** Body of CreateTable: on demand, keys, indexes, stream. Capacity, replicas, encryption and backups are left out. */
export function tableOf({ name, properties }: Resource): JsonObject {
  const indexes = (list: Json | undefined) =>
    (Array.isArray(list) ? (list as readonly JsonObject[]) : []).map((index) =>
      only(index, ['IndexName', 'KeySchema', 'Projection']),
    );
  const global = indexes(properties.GlobalSecondaryIndexes);
  const local = indexes(properties.LocalSecondaryIndexes);
  const stream = properties.StreamSpecification as JsonObject | undefined;
  return {
    TableName: name,
    BillingMode: 'PAY_PER_REQUEST',
    ...only(properties, ['AttributeDefinitions', 'KeySchema']),
    ...(global.length === 0 ? {} : { GlobalSecondaryIndexes: global }),
    ...(local.length === 0 ? {} : { LocalSecondaryIndexes: local }),
    ...(stream === undefined
      ? {}
      : { StreamSpecification: { StreamEnabled: true, StreamViewType: stream.StreamViewType ?? 'NEW_IMAGE' } }),
  };
}

/** Body of UpdateTimeToLive; `undefined` for a table that keeps everything. */
export function timeToLiveOf({ name, properties }: Resource): JsonObject | undefined {
  const specification = properties.TimeToLiveSpecification;
  return specification === undefined ? undefined : { TableName: name, TimeToLiveSpecification: specification };
}

const only = (object: JsonObject, names: readonly string[]): JsonObject =>
  Object.fromEntries(Object.entries(object).filter(([name]) => names.includes(name)));
