/** @module What a delivery holds whose entry only names it: the log has it, and after a redrive a dead letter as well. */
import { DEAD_LETTER_FORMAT, deadLetterOf } from '../../../core/dead-letter.ts';
import { UndecodableError } from '../../../core/errors.ts';
import { type Message, type MessageKey, toReference } from '../../../core/message.ts';
import type { IncomingEntry } from './queue-entry.ts';

interface Stored {
  readonly message: Message;
  readonly hasExpired: boolean;
}

/** Reads a message of the log as long as it is there, with or without a payload that was set aside; see `LogReader.stored`. */
export type ReadLog = (namespace: string, key: MessageKey, withPayload: boolean) => Promise<Stored | undefined>;

export interface Content {
  /** Bytes that are no message; or the name of one of which nothing more is left. */
  readonly content: Message | Uint8Array;
  /** Why nothing more is left of it. */
  readonly undecodable?: UndecodableError;
  /** It has expired in the log, and may lack its payload. */
  readonly hasExpired: boolean;
}

const GONE = 'is not in the log any more, and nobody has handled it: its retention ended while it waited';

/** @throws BackendUnavailableError if the log cannot be reached. */
export async function contentOf(entry: IncomingEntry, readLog: ReadLog, withPayload: boolean): Promise<Content> {
  const { namespace, key, letter, content } = entry;
  if (content !== 'log') return { content, hasExpired: false };
  try {
    const found =
      (await readLog(namespace, key, withPayload)) ?? (letter && (await embedded(namespace, letter, readLog)));
    if (found !== undefined) return { content: found.message, hasExpired: found.hasExpired };
    return unreadable(key, new UndecodableError([{ field: 'body', problem: GONE }]));
  } catch (error) {
    if (!(error instanceof UndecodableError)) throw error;
    // Its payload is gone, or is not what was set aside: no attempt can ever handle it.
    return unreadable(key, error);
  }
}

const unreadable = (key: MessageKey, undecodable: UndecodableError): Content => ({
  content: Buffer.from(toReference(key)),
  undecodable,
  hasExpired: false,
});

/** The original that a dead letter embeds, if it does so with the payload. */
async function embedded(namespace: string, letter: MessageKey, readLog: ReadLog): Promise<Stored | undefined> {
  const { message } = (await readLog(namespace, letter, true)) ?? {};
  const original = message?.format === DEAD_LETTER_FORMAT ? deadLetterOf(message).original : undefined;
  const isWhole = original !== undefined && (original.attachment === undefined || original.payload !== null);
  return isWhole ? { message: original, hasExpired: false } : undefined;
}
