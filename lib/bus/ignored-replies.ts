/** @module Answers that nobody waited for any more: counted, so that it is seen when requesters give up too early (R1). */
import type { Backend } from '../backends/backend.ts';
import type { GemstoneId } from '../core/gemstone-id.ts';
import { answers } from './request-reply.ts';

const MAX_REMEMBERED = 1_000;
const MAX_ANSWERS = 100;

export class IgnoredReplies {
  #foreign = 0;
  /** Of the newest requests that were given up: the topic for the answer, and the id. */
  readonly #givenUp = new Map<string, GemstoneId>();

  /** An answer to something else came under the topic of a request. */
  foreign(): void {
    this.#foreign++;
  }

  gaveUp(topic: string, id: GemstoneId): void {
    this.#givenUp.set(topic, id);
    const [oldest] = this.#givenUp.keys();
    if (this.#givenUp.size > MAX_REMEMBERED && oldest !== undefined) this.#givenUp.delete(oldest);
  }

  /** Foreign answers, and late ones to the newest 1,000 requests that were given up. */
  async count(backend: Backend, namespace: string): Promise<number> {
    let late = 0;
    for (const [topic, id] of this.#givenUp) {
      const { items } = await backend.read({ namespace, where: { topic }, order: 'id', limit: MAX_ANSWERS });
      late += items.filter((message) => answers(message, id)).length;
    }
    return this.#foreign + late;
  }
}
