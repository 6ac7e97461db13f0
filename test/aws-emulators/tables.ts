/** The two tables as a deployment makes them, on an emulator. */
import { CreateTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { CONVERSATION_INDEX, THREAD_INDEX, tableAttributes } from '../../lib/environment/aws-keys.ts';
import { type Endpoints, emulatedCredentials, emulatedRegion } from '../../lib/rehearsal/emulators.ts';

export interface TableOptions {
  /** Whether the Messages table has a stream, which slows the emulator down as the table grows. @default false */
  readonly stream?: boolean;
  /** Told apart by it where a test needs several. @default - 'Messages' and 'Ledger' */
  readonly suffix?: string;
}

const { partition, sort, thread, conversation } = tableAttributes;
const keySchema = [
  { AttributeName: partition, KeyType: 'HASH' },
  { AttributeName: sort, KeyType: 'RANGE' },
] as const;
const text = (...names: readonly string[]) =>
  names.map((AttributeName) => ({ AttributeName, AttributeType: 'S' }) as const);
const index = (IndexName: string, attribute: string) => ({
  IndexName,
  KeySchema: [
    { AttributeName: attribute, KeyType: 'HASH' as const },
    { AttributeName: sort, KeyType: 'RANGE' as const },
  ],
  Projection: { ProjectionType: 'KEYS_ONLY' as const },
});

/** @returns Their names. */
export async function createTables(
  endpoints: Pick<Endpoints, 'dynamodb'>,
  { stream = false, suffix = '' }: TableOptions = {},
): Promise<{ readonly messagesTable: string; readonly ledgerTable: string }> {
  const client = new DynamoDBClient({
    endpoint: endpoints.dynamodb,
    region: emulatedRegion,
    credentials: emulatedCredentials,
  });
  const names = { messagesTable: `Messages${suffix}`, ledgerTable: `Ledger${suffix}` };
  await client.send(
    new CreateTableCommand({
      TableName: names.messagesTable,
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [...keySchema],
      AttributeDefinitions: text(partition, sort, thread, conversation),
      GlobalSecondaryIndexes: [index(THREAD_INDEX, thread), index(CONVERSATION_INDEX, conversation)],
      ...(stream && { StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_IMAGE' } }),
    }),
  );
  await client.send(
    new CreateTableCommand({
      TableName: names.ledgerTable,
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [...keySchema],
      AttributeDefinitions: text(partition, sort),
    }),
  );
  client.destroy();
  return names;
}
