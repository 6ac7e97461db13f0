/** @module What comes back from the server, as the types that the functions promise. */
import { BackendUnavailableError } from '../../core/errors.ts';

export type Reply = unknown;

const unexpected = (wanted: string) =>
  new BackendUnavailableError(
    `the server's functions answered something else than ${wanted}: see whether another program uses their name`,
  );

export function list(reply: Reply): readonly Reply[] {
  if (!Array.isArray(reply)) throw unexpected('a list');
  return reply;
}

/** Text, also of bytes and numbers; empty for nothing. */
export function text(reply: Reply): string {
  if (reply === null || reply === undefined) return '';
  if (typeof reply === 'string' || typeof reply === 'number') return `${reply}`;
  if (reply instanceof Uint8Array) return Buffer.from(reply.buffer, reply.byteOffset, reply.length).toString();
  throw unexpected('text');
}

/** A number, also as text; 0 for nothing. */
export const number = (reply: Reply): number => Number(text(reply));

/** Undefined for nothing. */
export function bytes(reply: Reply): Uint8Array | undefined {
  if (reply === null || reply === undefined) return undefined;
  if (reply instanceof Uint8Array) return reply;
  return Buffer.from(text(reply));
}

/** Items two by two, or by any other number. */
export function rows(reply: Reply, width: number): Reply[][] {
  const items = list(reply);
  return Array.from({ length: Math.floor(items.length / width) }, (_, index) =>
    items.slice(index * width, (index + 1) * width),
  );
}
