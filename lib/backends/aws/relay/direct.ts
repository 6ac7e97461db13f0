/** @module Publishers that hand on what they have stored, for families with `relay: 'direct'`: the relay then skips it. */
import type { Attributes } from '../calls/attribute-values.ts';
import type { PublishDirect } from '../log/log-writer.ts';
import { encodeEntry } from '../queues/queue-entry.ts';
import { type Arrival, readItem } from './arrival.ts';
import { type Publication, type PublishBatch, Publisher } from './publisher.ts';
import type { Routes } from './routes.ts';

/** Hands on items that were just stored. It rejects if SNS did not take all of them: the same may then be handed on again. */
export function directBy(routes: Routes, publishBatch: PublishBatch): PublishDirect {
  const publisher = new Publisher(publishBatch);
  return async (items: readonly Attributes[]) => {
    const arrivals = items.map((item) => readItem('', item)).filter((read): read is Arrival => 'content' in read);
    const publications = arrivals.flatMap(({ namespace, key, content }): readonly Publication[] => {
      const entry = encodeEntry({ namespace, key, epoch: 0, cause: 'published', content });
      return routes.of(key.topic, content).destinations.map((destination) => ({ ...destination, entry }));
    });
    const failed = await publisher.publish(publications);
    for (const error of failed.values()) throw error;
  };
}
