/** @module Whether a message is one that a reader asked for; the same for every backend. */
import { priorityOf } from '../core/gemstone-id.ts';
import type { Message } from '../core/message.ts';
import type { ReadFilter } from './backend.ts';

export function passes(message: Message, filter: ReadFilter = {}): boolean {
  return (
    (filter.format === undefined || message.format === filter.format) &&
    (filter.sender === undefined || message.sender.id === filter.sender) &&
    (filter.priority === undefined || priorityOf(message.id) === filter.priority)
  );
}
