/** @module What a call to DynamoDB does to which table, under which partition keys. */
import type { Json, JsonObject } from '../../core/json.ts';
import type { CallContext } from './conditions.ts';
import type { Access } from './statement.ts';

export interface KnownTable {
  readonly arn: string;
  /** The attribute that its partition key is. */
  readonly key: string | undefined;
  readonly keyOfIndex: Readonly<Record<string, string>>;
}

/** By name, whether the template has it or not. */
export type TableOf = (name: string) => KnownTable;

const KEYS = 'dynamodb:leadingkeys';
const BY_ITEM: readonly string[] = ['GetItem', 'PutItem', 'UpdateItem', 'DeleteItem'];
const BY_TABLE: readonly string[] = ['DescribeTable', 'DescribeTimeToLive', 'DescribeContinuousBackups'];
const PARTS: Readonly<Record<string, string>> = {
  Put: 'PutItem',
  Update: 'UpdateItem',
  Delete: 'DeleteItem',
  ConditionCheck: 'ConditionCheckItem',
  Get: 'GetItem',
};

/** Undefined for an operation that is not known. */
export function dynamodbAccesses(operation: string, call: JsonObject, tableOf: TableOf): readonly Access[] | undefined {
  const table = tableOf(nameOf(call.TableName));
  const on = (index: Json | undefined) => (index === undefined ? table.arn : `${table.arn}/index/${String(index)}`);
  const of = (resource: string, context: CallContext): Access[] => [
    { action: `dynamodb:${operation}`, resource, context: { 'dynamodb:enclosingoperation': [], ...context } },
  ];
  if (BY_ITEM.includes(operation)) return of(table.arn, keysOf(table, [call]));
  if (BY_TABLE.includes(operation)) return of(table.arn, { [KEYS]: [] });
  if (operation === 'Scan') return of(on(call.IndexName), { [KEYS]: [] });
  if (operation === 'Query') {
    const key = call.IndexName === undefined ? table.key : table.keyOfIndex[String(call.IndexName)];
    const asked = key === undefined ? undefined : askedIn(call, key);
    return of(on(call.IndexName), asked === undefined ? {} : { [KEYS]: [asked] });
  }
  if (operation === 'BatchGetItem' || operation === 'BatchWriteItem')
    return Object.entries((call.RequestItems ?? {}) as Readonly<Record<string, Json>>).flatMap(([name, asked]) => {
      const found = tableOf(nameOf(name));
      return of(found.arn, keysOf(found, Array.isArray(asked) ? asked.map(itemOf) : keysIn(asked)));
    });
  if (operation === 'TransactWriteItems' || operation === 'TransactGetItems')
    return transacted(operation, call, tableOf);
  return undefined;
}

/** Each part of a transaction needs what the same call by itself would: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html */
function transacted(operation: string, call: JsonObject, tableOf: TableOf): readonly Access[] {
  const parts = ((call.TransactItems ?? []) as readonly JsonObject[]).flatMap((part) =>
    Object.entries(part).map(([kind, item]) => ({ action: `dynamodb:${PARTS[kind]}`, item: item as JsonObject })),
  );
  const groups = Map.groupBy(parts, ({ action, item }) => `${action} ${nameOf(item.TableName)}`);
  return [...groups.values()].flatMap((group) => {
    const [{ action, item: first } = { action: '', item: {} }] = group;
    const table = tableOf(nameOf(first.TableName));
    const enclosing = { 'dynamodb:enclosingoperation': [operation] };
    const items = group.map(({ item }) => item);
    return [items, ...(items.length > 1 ? items.map((item) => [item]) : [])].map((some) => ({
      action,
      resource: table.arn,
      context: { ...enclosing, ...keysOf(table, some) },
      together: some.length > 1,
    }));
  });
}

/** Nothing where the template does not say what the key is. */
function keysOf({ key }: KnownTable, items: readonly JsonObject[]): CallContext {
  if (key === undefined) return {};
  const values = items.map(({ Key, Item }) => plain(((Key ?? Item) as JsonObject | undefined)?.[key]));
  return { [KEYS]: [...new Set(values)] };
}

/** `{"S":"a"}` is `a`. */
const plain = (value: Json | undefined) => String(Object.values((value ?? {}) as JsonObject)[0] ?? '');
const nameOf = (table: Json | undefined) =>
  String(table ?? '')
    .split('/')
    .at(-1) ?? '';
const keysIn = (asked: Json) => ((asked as JsonObject).Keys as readonly JsonObject[]).map((Key) => ({ Key }));
const itemOf = (request: Json) => Object.values(request as JsonObject)[0] as JsonObject;

/** The partition key that a query names. */
function askedIn(call: JsonObject, key: string): string | undefined {
  const names = (call.ExpressionAttributeNames ?? {}) as Readonly<Record<string, string>>;
  const values = (call.ExpressionAttributeValues ?? {}) as JsonObject;
  const equalities = String(call.KeyConditionExpression ?? '').matchAll(/([#\w.-]+)\s*=\s*(:\w+)/g);
  const [, , value] = [...equalities].find(([, name = '']) => (names[name] ?? name) === key) ?? [];
  return value === undefined ? undefined : plain(values[value]);
}
