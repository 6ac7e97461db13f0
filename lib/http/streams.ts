/** @module The streams that are open. */
import { ClosingError, TooManyStreamsError } from './http-errors.ts';
import type { StreamSettings } from './settings.ts';

export interface OpenStream {
  /** Aborts when the app closes. */
  readonly signal: AbortSignal;
  /** To be called once the stream has ended, however it ended. */
  readonly ended: () => void;
}

interface Stream {
  readonly principal: string;
  readonly abort: AbortController;
}

export class Streams {
  readonly #limits: Required<StreamSettings>;
  readonly #open = new Set<Stream>();
  readonly #allEnded = Promise.withResolvers<void>();
  #isClosing = false;

  constructor(limits: Required<StreamSettings>) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#open.size;
  }

  get isClosing(): boolean {
    return this.#isClosing;
  }

  /** @throws TooManyStreamsError, ClosingError */
  open(principal: string): OpenStream {
    const { max, maxPerPrincipal } = this.#limits;
    if (this.#isClosing) throw new ClosingError();
    if (this.#open.size >= max) throw new TooManyStreamsError(max);
    const own = [...this.#open].filter((stream) => stream.principal === principal).length;
    if (own >= maxPerPrincipal) throw new TooManyStreamsError(maxPerPrincipal);
    const stream = { principal, abort: new AbortController() };
    this.#open.add(stream);
    const ended = () => {
      this.#open.delete(stream);
      if (this.#isClosing && this.#open.size === 0) this.#allEnded.resolve();
    };
    return { signal: stream.abort.signal, ended };
  }

  /** Ends all streams, and opens no more. Resolves when the last has ended. */
  close(): Promise<void> {
    this.#isClosing = true;
    for (const { abort } of this.#open) abort.abort();
    if (this.#open.size === 0) this.#allEnded.resolve();
    return this.#allEnded.promise;
  }
}
