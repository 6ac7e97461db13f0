/** @module What a process makes once, when it is first asked for: a function's process serves many events. */

/** What `create` gave; asked again if it failed. */
export function once<T>(create: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= create().catch((error: unknown) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}
