/** @module Subscriptions come into force, catch up with what was said before, pause, and end (D3, D17, D18). */
import { admissionOf } from '../../core/admission.ts';
import { NotFoundError } from '../../core/errors.ts';
import type { GemstoneId } from '../../core/gemstone-id.ts';
import { effectiveKey, rootIdOf } from '../../core/message.ts';
import type { ReadQuery, Subscription } from '../backend.ts';
import type { Namespaces } from './namespace.ts';
import type { Reading } from './reading.ts';
import { list, number, text } from './reply.ts';

const CHUNK = 500;

export class Subscriptions {
  readonly #namespaces: Namespaces;
  readonly #reading: Reading;

  constructor(namespaces: Namespaces, reading: Reading) {
    this.#namespaces = namespaces;
    this.#reading = reading;
  }

  async subscribe(subscription: Subscription): Promise<void> {
    const { namespace, agent, ordering, guarantee, from } = subscription;
    const fixed = [agent, JSON.stringify(subscription), ordering, guarantee, from];
    for (;;) {
      const args = [...fixed, this.#namespaces.nonce()];
      const reply = await this.#namespaces.call('subscribe', namespace, args);
      if (reply === 'LEFTOVERS') {
        await this.#forget(namespace, agent);
        continue;
      }
      const [start, end] = list(reply).map(text);
      if (start === undefined || end === undefined) return;
      if (end !== '') await this.#catchUp(subscription, start, end as GemstoneId);
      while (number(await this.#namespaces.call('release', namespace, [agent])) !== 1);
      return;
    }
  }

  /** Nothing is handed out until all of the past is there, so what is newer does not overtake it. */
  async #catchUp(subscription: Subscription, start: string, end: GemstoneId): Promise<void> {
    const { namespace, agent, patterns } = subscription;
    const after = start === 'beginning' ? {} : { after: start as GemstoneId };
    for (const pattern of new Set(patterns)) {
      let query: ReadQuery = { namespace, where: { pattern }, order: 'id', to: end, limit: CHUNK, ...after };
      for (;;) {
        const { items, next } = await this.#reading.read(query);
        const admitted = items.filter((message) => admissionOf(subscription, message) === 'admitted');
        const args = admitted.flatMap((message) => [
          `${message.id}/${message.topic}/0`,
          rootIdOf(message),
          effectiveKey(message),
          message.deliverAt ?? 0,
        ]);
        if (args.length > 0) await this.#namespaces.call('backfill', namespace, [agent, ...args]);
        if (next === undefined) break;
        query = { ...query, after: next };
      }
    }
  }

  async unsubscribe(namespace: string, agent: string): Promise<void> {
    const isDone = await this.#namespaces.call('unsubscribe', namespace, [agent, this.#namespaces.nonce()]);
    if (number(isDone) !== 1) await this.#forget(namespace, agent);
  }

  /** What an ended subscription left; ends none that was made since. */
  async #forget(namespace: string, agent: string): Promise<void> {
    while (number(await this.#namespaces.call('forget', namespace, [agent])) !== 1);
  }

  async pause(namespace: string, agent: string, paused: boolean): Promise<void> {
    const found = await this.#namespaces.call('pause', namespace, [agent, paused ? 1 : 0]);
    if (number(found) === 1) return;
    throw new NotFoundError(`subscription of agent "${agent}" in namespace "${namespace}"`);
  }
}
