/** @module Work that has to be done one after the other, by what it is about. */

export class Turns {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Does `work` when all that was given before it under any of the names is done, however that ended. */
  run<T>(names: readonly string[], work: () => Promise<T>): Promise<T> {
    const before = names.flatMap((name) => this.#last.get(name) ?? []);
    const done = before.length === 0 ? work() : Promise.allSettled(before).then(work);
    for (const name of names) this.#last.set(name, done);
    const forget = () => {
      for (const name of names) if (this.#last.get(name) === done) this.#last.delete(name);
    };
    done.then(forget, forget);
    return done;
  }
}
