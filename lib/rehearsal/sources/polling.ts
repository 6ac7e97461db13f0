/** @module A loop that polls while its mapping is enabled, and tells when it found nothing. */

export class Polling {
  readonly #poll: (signal: AbortSignal) => Promise<boolean>;
  readonly #stopped = new AbortController();
  #enabled = false;
  #loop: Promise<void> | undefined;
  /** Polls that have begun; and those who wait for one that began after they asked. */
  #begun = 0;
  readonly #waiting: { readonly after: number; readonly resolve: () => void }[] = [];

  /** @param poll Resolves to whether it found anything. Its signal says that nobody is interested any more. */
  constructor(poll: (signal: AbortSignal) => Promise<boolean>) {
    this.#poll = poll;
  }

  get state(): 'Enabled' | 'Disabling' | 'Disabled' {
    if (this.#enabled) return 'Enabled';
    return this.#loop === undefined ? 'Disabled' : 'Disabling';
  }

  enable(): void {
    if (this.#enabled || this.#stopped.signal.aborted) return;
    this.#enabled = true;
    this.#loop ??= this.#run();
  }

  disable(): void {
    this.#enabled = false;
  }

  /** Resolves once a poll that began after the call has found nothing, or polling has ended. */
  async emptied(): Promise<void> {
    if (this.#loop === undefined) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ after: this.#begun, resolve });
    await promise;
  }

  async stop(): Promise<void> {
    this.#enabled = false;
    this.#stopped.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    while (this.#enabled) {
      const number = ++this.#begun;
      const found = await this.#poll(this.#stopped.signal);
      if (!found) this.#tell(({ after }) => number > after);
    }
    this.#loop = undefined;
    this.#tell(() => true);
  }

  #tell(about: (waiting: { readonly after: number }) => boolean): void {
    for (const waiting of this.#waiting.filter(about)) {
      this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
      waiting.resolve();
    }
  }
}
