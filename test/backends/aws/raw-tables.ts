/** The lab's tables, changed behind the backend's back: as time, or another version of the guild, would leave them. */
import { DynamoDBClient, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { toAttributes } from '../../../lib/backends/aws/calls/attribute-values.ts';
import { type DeliveryName, rowKey } from '../../../lib/backends/aws/ledger/delivery-rows.ts';
import { toItem } from '../../../lib/backends/aws/log/item.ts';
import { encodeMessage } from '../../../lib/core/codec.ts';
import { createGemstoneIdGenerator } from '../../../lib/core/gemstone-id.ts';
import type { Message } from '../../../lib/core/message.ts';
import type { AwsLab } from './aws-lab.ts';

/** An id as it was minted that many days ago. */
export const idOf = (daysAgo: number) => createGemstoneIdGenerator(() => Date.now() - daysAgo * 86_400_000).next(4);

const within = async <T>({ emulators }: Pick<AwsLab, 'emulators'>, work: (client: DynamoDBClient) => Promise<T>) => {
  const { endpoints, region, credentials } = emulators;
  const client = new DynamoDBClient({ endpoint: endpoints.dynamodb, region, credentials });
  try {
    return await work(client);
  } finally {
    client.destroy();
  }
};

/** Stores a message under the id that it has; its payload is set aside if it has an attachment. */
export async function putMessage(lab: Pick<AwsLab, 'emulators'>, message: Message, shard = 0): Promise<void> {
  const { namespace, topic, id, attachment } = message;
  const Item = toItem({
    place: { namespace, topic, id, shard },
    body: encodeMessage(message, { setAside: attachment !== undefined }),
    nonce: Uint8Array.of(1, 2, 3, 4, 5, 6),
    ttl: 2_000_000_000,
    root: undefined,
    conversation: undefined,
    isDirect: false,
  });
  await within(lab, (client) => client.send(new PutItemCommand({ TableName: 'Messages', Item })));
}

/** Sets values in the row of a delivery. */
export async function changeRow(lab: AwsLab, name: DeliveryName, values: Readonly<Record<string, number>>) {
  const named = Object.keys(values);
  const command = new UpdateItemCommand({
    TableName: 'Ledger',
    Key: rowKey(name),
    UpdateExpression: `SET ${named.map((each) => `#${each} = :${each}`).join(', ')}`,
    ExpressionAttributeNames: Object.fromEntries(named.map((each) => [`#${each}`, each])),
    ExpressionAttributeValues: toAttributes(Object.fromEntries(named.map((each) => [`:${each}`, values[each]]))),
  });
  await within(lab, (client) => client.send(command));
}
