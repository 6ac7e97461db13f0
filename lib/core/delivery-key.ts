/** @module The identity of a delivery, in ledger, deduplication, dead letters and explain alike. */
import type { MessageKey } from './message.ts';

/** (namespace, agent, topic, id, epoch) as text; the epoch counts redrives and replays. */
export function deliveryKey(namespace: string, agent: string, { topic, id }: MessageKey, epoch: number): string {
  return `${namespace}/${agent}/${topic}/${id}/${epoch}`;
}
