/** What is in the log, as the table's stream tells it to the relay. */

import type { StreamItem, StreamRecord } from '../lib/backends/aws/relay/stream-record.ts';
import { createGemstoneIdGenerator, Priority } from '../lib/core/gemstone-id.ts';
import { EmulatorClient, listIn } from '../lib/rehearsal/emulator-client.ts';
import type { Emulators } from '../lib/rehearsal/emulators.ts';

const ids = createGemstoneIdGenerator(() => Date.now());
let sequence = 0;

/** The one message in a table. */
export async function storedItem(emulators: Emulators, table: string): Promise<StreamItem> {
  using client = new EmulatorClient(emulators);
  const [item] = listIn<StreamItem>(await client.dynamodb('Scan', { TableName: table }), 'Items');
  if (item === undefined) throw new Error(`there is no message in ${table}`);
  return item;
}

/** The same message under an id of its own, minted now. */
export const renewed = (item: StreamItem): StreamItem => ({ ...item, sk: { S: ids.next(Priority.NORMAL) } });

/** A record of the stream that says that the item was put. */
export function recordOf(item: StreamItem): StreamRecord {
  const { pk, sk } = item as { pk: { S: string }; sk: { S: string } };
  const dynamodb = { Keys: { pk, sk }, NewImage: item, SequenceNumber: String(++sequence) };
  return { eventSource: 'aws:dynamodb', eventName: 'INSERT', dynamodb };
}
