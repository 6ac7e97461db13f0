/** @module The line that says where a published message lies. */
import type { GemstoneId } from '../core/gemstone-id.ts';
import type { Io } from './io.ts';

export interface Stored {
  readonly id: GemstoneId;
  readonly duplicate: boolean;
}

/** Its reference, which `thread` and `explain` take; an object in JSON mode. */
export function toStoredLine({ id, duplicate }: Stored, topic: string, io: Io): string {
  if (io.isJson) return JSON.stringify({ id, topic, duplicate });
  return `${topic}/${id}${duplicate ? '  (was there already)' : ''}`;
}
