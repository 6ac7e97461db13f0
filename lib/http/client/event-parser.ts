/** @module Reading server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream). */

export interface ServerEvent {
  /** What stands in `event:`. */
  readonly type: string;
  /** Empty for one that only says where the stream is. */
  readonly data: string;
  /** The last id up to here; undefined if there was none. */
  readonly id: string | undefined;
}

/** Takes the text of a stream in pieces of any size, and gives the events that are complete. */
export class EventParser {
  #rest = '';
  #type = '';
  #data: string[] = [];
  #id: string | undefined;
  #hasId = false;

  push(text: string): readonly ServerEvent[] {
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? '';
    return lines.flatMap((line) => this.#take(line));
  }

  #take(line: string): readonly ServerEvent[] {
    if (line === '') return this.#dispatch();
    const colon = line.indexOf(':');
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (name === 'data') this.#data.push(value);
    else if (name === 'event') this.#type = value;
    else if (name === 'id' && !value.includes('\0')) {
      this.#id = value;
      this.#hasId = true;
    }
    return [];
  }

  #dispatch(): readonly ServerEvent[] {
    const event = { type: this.#type || 'message', data: this.#data.join('\n'), id: this.#id };
    const isSomething = this.#data.length > 0 || this.#hasId;
    this.#type = '';
    this.#data = [];
    this.#hasId = false;
    return isSomething ? [event] : [];
  }
}
