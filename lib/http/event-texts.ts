/** @module Messages as events, written once for all streams that show them. */
import { type Message, toReference } from '../core/message.ts';

const MAX_KEPT = 256;
/** Longer ones are written for each stream anew, so that what is kept stays small. */
const MAX_LENGTH = 64 * 1024;

export class EventTexts {
  /** The newest; a backend that shares its messages among readers gives the same object to every stream. */
  readonly #kept = new Map<Message, string>();

  of(message: Message): string {
    const known = this.#kept.get(message);
    if (known !== undefined) return known;
    const text = `id: ${toReference(message)}\ndata: ${JSON.stringify(message)}\n\n`;
    if (text.length > MAX_LENGTH) return text;
    this.#kept.set(message, text);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > MAX_KEPT && oldest !== undefined) this.#kept.delete(oldest);
    return text;
  }
}
