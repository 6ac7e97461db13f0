/** @module Waiting in line: the consumers of one agent in one process ask the store one after the other, who waits longest first. */
export class Line {
  #last: Promise<void> = Promise.resolve();

  /** Resolves when it is one's turn, after `ms`, or when a signal aborts; call what it gives when done, in every case. */
  async enter(ms: number, signals: readonly AbortSignal[]): Promise<() => void> {
    const before = this.#last;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last = before.then(() => promise);
    const over = Promise.withResolvers<void>();
    const onAbort = () => over.resolve();
    const timer = setTimeout(onAbort, ms);
    for (const signal of signals) signal.addEventListener('abort', onAbort, { once: true });
    await Promise.race([before, over.promise]);
    clearTimeout(timer);
    for (const signal of signals) signal.removeEventListener('abort', onAbort);
    return resolve;
  }
}
