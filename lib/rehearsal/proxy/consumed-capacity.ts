/** @module What DynamoDB charges for calls: asks it to say so in its answers, and adds up. */
import type { JsonObject } from '../../core/json.ts';

const WRITES: readonly string[] = ['PutItem', 'UpdateItem', 'DeleteItem', 'BatchWriteItem', 'TransactWriteItems'];
const READS: readonly string[] = ['GetItem', 'Query', 'BatchGetItem', 'TransactGetItems'];

export interface CapacityUnits {
  readonly read: number;
  readonly write: number;
}

/** The call's body, asking what it costs. As it is where it asks already, or costs nothing. */
export function askingForCapacity(operation: string, body: Buffer): Buffer {
  if (![...WRITES, ...READS].includes(operation)) return body;
  const call = JSON.parse(body.toString()) as JsonObject;
  return Buffer.from(JSON.stringify({ ReturnConsumedCapacity: 'TOTAL', ...call }));
}

/** What an answer says that the call cost; an answer that refuses says nothing. */
export function capacityIn(operation: string, answer: Buffer): CapacityUnits {
  const isWrite = WRITES.includes(operation);
  if (!isWrite && !READS.includes(operation)) return { read: 0, write: 0 };
  const { ConsumedCapacity = [] } = JSON.parse(answer.toString()) as JsonObject;
  const tables = [ConsumedCapacity].flat() as readonly JsonObject[];
  const units = tables.reduce((sum, { CapacityUnits }) => sum + Number(CapacityUnits ?? 0), 0);
  return isWrite ? { read: 0, write: units } : { read: units, write: 0 };
}
