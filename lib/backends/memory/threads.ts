/**
 * @module The threads of one namespace, by the id of their root. A root of which nothing descends, the usual case, has no
 * entry: its thread lives with its deliveries, and what became of those is known without it.
 */
import type { GemstoneId } from '../../core/gemstone-id.ts';
import { type Message, rootIdOf } from '../../core/message.ts';
import type { Thread } from './thread.ts';

export class Threads {
  #byRoot = new Map<GemstoneId, Thread>();

  get(root: GemstoneId): Thread | undefined {
    return this.#byRoot.get(root);
  }

  /** @param copies Messages of the root that are stored. */
  enter(root: GemstoneId, thread: Thread, copies: number): Thread {
    thread.isEntered = true;
    thread.copies = copies;
    this.#byRoot.set(root, thread);
    return thread;
  }

  /** Lets go of messages, and of threads of which nothing is left. */
  sweep(stays: (message: Message) => boolean, gone: readonly Message[]): void {
    for (const message of gone) {
      const thread = message.thread.length === 0 ? this.#byRoot.get(rootIdOf(message)) : undefined;
      if (thread !== undefined) thread.copies--;
    }
    const kept = new Map<GemstoneId, Thread>();
    for (const [root, thread] of this.#byRoot) {
      thread.descendants = thread.descendants.filter(stays);
      if (thread.isGone) thread.isEntered = false;
      else kept.set(root, thread);
    }
    this.#byRoot = kept;
  }
}
