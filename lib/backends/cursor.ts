/** @module Page cursors: where a page ended, bound to the query that it belongs to. */
import { createHash } from 'node:crypto';
import { InvalidArgumentError } from '../core/errors.ts';
import { isGemstoneId } from '../core/gemstone-id.ts';
import type { MessageKey } from '../core/message.ts';
import type { Cursor, ReadQuery } from './backend.ts';

/** A cursor that continues `query` behind `last`. */
export function toCursor(query: ReadQuery, last: MessageKey): Cursor {
  const position = `${last.id}/${last.topic}`;
  return Buffer.from(`${position}#${seal(query, position)}`).toString('base64url') as Cursor;
}

/**
 * The position that a cursor holds.
 *
 * @throws InvalidArgumentError if it was changed, or comes from another query.
 */
export function parseCursor(cursor: string, query: ReadQuery): MessageKey {
  const [position = '', given] = Buffer.from(cursor, 'base64url').toString().split('#');
  const slash = position.indexOf('/');
  const id = position.slice(0, slash);
  if (!isGemstoneId(id) || given !== seal(query, position)) {
    const problem =
      'is not a cursor of this query: repeat the query that gave it, unchanged, or start without a cursor';
    throw new InvalidArgumentError([{ field: 'after', problem }]);
  }
  return { id, topic: position.slice(slash + 1) };
}

function seal(query: ReadQuery, position: string): string {
  const { namespace, where, order, from, to, filter } = query;
  const bound = JSON.stringify([namespace, where, order, from ?? null, to ?? null, filter ?? null, position]);
  return createHash('sha256').update(bound).digest('base64url').slice(0, 16);
}
