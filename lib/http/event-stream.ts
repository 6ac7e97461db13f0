/** @module Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html), at the pace of the client. */
import type { Clock, Timer } from '../core/clock.ts';
import type { Problem } from './schemas/answers.ts';

/** What is made ready before the client has taken it. */
const BUFFER_BYTES = 64 * 1024;
const encoder = new TextEncoder();

/** Says where the stream begins, so that a client that got nothing yet goes on there as well. */
export const beginningEvent = (place: string, retryMs: number) => `retry: ${retryMs}\nid: ${place}\n\n`;
export const problemEvent = (problem: Problem) => `event: problem\ndata: ${JSON.stringify(problem)}\n\n`;
/** A comment, which clients ignore. */
export const HEARTBEAT = ':\n\n';

export interface EventStreamOptions {
  readonly first: string;
  /** What comes next; undefined at the end. Waits for it, but not for long. It never rejects. */
  readonly next: () => Promise<readonly string[] | undefined>;
  /** Ends the stream. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** How long the client may take nothing. */
  readonly stallMs: number;
  /** The client takes nothing: its connection is to be cut, which ends the stream; false if that cannot be done. */
  readonly onStall: () => boolean;
  /** Called once. */
  readonly onEnd: () => void;
}

/** Nothing is read ahead of the client but a small buffer, so a slow client costs no more than a fast one. */
export function eventStream(options: EventStreamOptions): ReadableStream<Uint8Array> {
  return new ReadableStream(new Events(options), new ByteLengthQueuingStrategy({ highWaterMark: BUFFER_BYTES }));
}

class Events {
  readonly #options: EventStreamOptions;
  /** Texts that are not yet made ready. */
  #waiting: readonly string[] = [];
  #stalled: Timer | undefined;
  #isOver = false;
  #close: () => void = () => {};

  constructor(options: EventStreamOptions) {
    this.#options = options;
  }

  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    const { first, signal } = this.#options;
    controller.enqueue(encoder.encode(first));
    this.#close = () => {
      if (this.#end()) controller.close();
    };
    if (signal.aborted) this.#close();
    else signal.addEventListener('abort', this.#close, { once: true });
  }

  /** Only called while there is room in the buffer. */
  async pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    this.#stalled?.cancel();
    if (this.#waiting.length === 0) {
      const texts = await this.#options.next();
      if (this.#isOver) return;
      if (texts === undefined) {
        this.#close();
        return;
      }
      this.#waiting = texts;
    }
    controller.enqueue(encoder.encode(this.#take()));
    if ((controller.desiredSize ?? 1) <= 0) this.#watch(controller);
  }

  cancel(): void {
    this.#end();
  }

  /** As many texts as fit the buffer, at least one. */
  #take(): string {
    let taken = '';
    let count = 0;
    do taken += this.#waiting[count++] ?? '';
    while (count < this.#waiting.length && taken.length < BUFFER_BYTES);
    this.#waiting = this.#waiting.slice(count);
    return taken;
  }

  #watch(controller: ReadableStreamDefaultController<Uint8Array>): void {
    const { clock, stallMs, onStall } = this.#options;
    this.#stalled = clock.setTimer(stallMs, () => {
      if (!this.#isOver && !onStall() && this.#end()) controller.error(new Error('the client takes nothing'));
    });
  }

  /** False if it was over before. */
  #end(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.#stalled?.cancel();
    this.#options.signal.removeEventListener('abort', this.#close);
    this.#options.onEnd();
    return true;
  }
}
