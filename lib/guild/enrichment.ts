/** @module The history that a message asks to be delivered with (H5). */
import type { Backend } from '../backends/backend.ts';
import { type Message, parseReference } from '../core/message.ts';

const MAX_HISTORY_BYTES = 256 * 1024;

/** The last origins of a message, as many as it asks for and as fit into 256 KB, the newest kept; oldest first (H5). */
export async function enrichment(backend: Backend, message: Message): Promise<readonly Message[]> {
  const origins = message.steps.slice(-message.enrichWithHistory).map(({ origin }) => parseReference(origin));
  if (origins.length === 0) return [];
  const query = {
    namespace: message.namespace,
    where: { references: origins },
    order: 'id',
    limit: origins.length,
  } as const;
  const { items } = await backend.read(query);
  const newest: Message[] = [];
  for (let index = items.length - 1, bytes = 0; index >= 0; index--) {
    const item = items[index] as Message;
    bytes += Buffer.byteLength(JSON.stringify(item));
    if (bytes > MAX_HISTORY_BYTES) break;
    newest.unshift(item);
  }
  return newest;
}
